"""The contact sheet: some train pictures, each beside what the policy makes of it, one technique after another.

Seen at a glance: a six that has become a nine, a shift that pushes the thing out of its picture, colours that nobody
would meet. The magnitudes are those of the best network, so a searched policy is shown as it was found. Every technique
that is on has a strip of its own, and a last one has all of them together. Strips are small PNGs with clear gaps,
captions are text of the page: both are readable on light, dark and paper.

The same seed and pictures give the same sheet. Legend: p shown pictures, n with their partners, V versions, H W D.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.augmentation.policy import MIXING, ImagePolicy
from components.core.files import read_json
from components.core.seeds import derive
from components.core.table import IMAGE
from components.evaluation.judge import Case
from components.evaluation.report.parts import paragraph
from components.evaluation.report.svg import escape

SHOWN = 3  # pictures: a strip is as wide as the page's column
VERSIONS = 3  # of each
PARTNERS = 29  # more pictures that mixup and cutmix may take
SIDE = 64  # pixels of the page to which small pictures are enlarged, about
LARGEST = 80  # pixels of a side that stay; larger pictures are shrunk
GAP, GROUP_GAP, FRAME = 3, 14, 2
FRAME_COLOUR = (37, 99, 201, 255)  # around the picture as it is: the report's blue, seen on light and dark

WORDS = {
    "rotation": "up to {:g}° to either side",
    "scaling": "up to {:.3g} % smaller or larger",
    "translation": "up to {:.3g} % of the side, both ways",
    "shear": "slanted by up to {:.3g} % of the height",
    "crop": "up to {:.3g} % of the side cut off",
    "brightness": "up to {:.3g} % darker or brighter",
    "contrast": "up to {:.3g} % less or more",
    "saturation": "up to {:.3g} % less or more",
    "hue": "up to {:.3g} % of the colour circle",
    "cutout": "a square of {:.3g} % of the side",
    "mixup": "blended with another, Beta({0:g}, {0:g})",
    "cutmix": "a part of another, Beta({0:g}, {0:g})",
}
PLAIN = ("rotation", *MIXING)  # magnitudes that are no shares


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One line of the sheet."""

    technique: str
    caption: str
    png: bytes
    width: int  # of the PNG, in its pixels
    tile: int  # what one of its pixels is on the page


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What the report shows of a policy; no strips: nothing is on."""

    member: str  # whose policy it is
    strips: tuple[Strip, ...]


def sheet_of(case: Case, members: Path, names: Sequence[str]) -> Sheet | None:
    """Return the sheet of the best network (`members`/<name>/member.json); None for tables, or without a network."""
    if case.table.schema.picture is None or not names:
        return None
    spec = read_json(members / names[0] / "member.json")["spec"].get("augment", {})
    rows = chosen(case.train_rows, case.table.target(), SHOWN + PARTNERS)
    pictures = case.table.array(IMAGE, rows)
    return Sheet(member=names[0], strips=strips(ImagePolicy.model_validate(spec), pictures, case.seed))


def chosen(rows: NDArray[np.int64], truth: NDArray[np.generic], most: int) -> NDArray[np.int64]:
    """Return the first rows of each class in turn, the classes in order; of a regression evenly through its values."""
    most = min(most, len(rows))
    of_rows = truth[rows]
    if np.issubdtype(of_rows.dtype, np.floating):
        order = np.argsort(of_rows, kind="stable")
        return rows[order[np.linspace(0, len(rows) - 1, most).astype(np.int64)]]
    turn = np.empty(len(rows), dtype=np.int64)
    for number in np.unique(of_rows):
        own = np.flatnonzero(of_rows == number)
        turn[own] = np.arange(len(own))
    return rows[np.lexsort((of_rows, turn))[:most]]


def strips(policy: ImagePolicy, pictures_nHWD: NDArray[np.uint8], seed: int) -> tuple[Strip, ...]:
    """Return a strip for each technique that these pictures can show, and one for all; the first `SHOWN` are shown."""
    gray = pictures_nHWD.shape[3] == 1
    shown = [name for name in policy.techniques if not (gray and name in ("saturation", "hue"))]
    lines = [(name, policy.only(name), caption(policy, name)) for name in shown]
    if len(shown) > 1:
        lines.append(("all together", policy.only(*shown), "as networks see them"))
    found = []
    for name, part, text in lines:
        png, width, scale = _png(pictures_nHWD[:SHOWN], _versions(part, pictures_nHWD, derive(seed, "sheet", name)))
        found.append(Strip(technique=name, caption=text, png=png, width=width, tile=scale))
    return tuple(found)


def caption(policy: ImagePolicy, name: str) -> str:
    """Return what a technique's magnitude means, in words."""
    if name == "flip":
        ways = {"horizontal": "left and right", "vertical": "top and bottom", "both": "either way, or both"}
        return f"every second picture, {ways[policy.flip]}"
    value = getattr(policy, name)
    return WORDS[name].format(value if name in PLAIN else 100 * value)


def section(sheet: Sheet | None) -> str:
    """Return the sheet as HTML."""
    if sheet is None:
        return ""
    if not sheet.strips:
        return paragraph("Nothing is changed on the fly: networks see the pictures as they are.")
    lines = "".join(
        f'<tr><th scope="row">{escape(one.technique)}<br><span class="quiet">{escape(one.caption)}</span></th>'
        f'<td><img alt="{escape(one.technique)}: {SHOWN} train pictures, each with {VERSIONS} changed versions" '
        f'width="{one.width * one.tile}" src="data:image/png;base64,{base64.b64encode(one.png).decode()}"></td></tr>'
        for one in sheet.strips
    )
    return (
        paragraph("While they train, networks see pictures like these, drawn anew in every epoch; nothing is scored.")
        + f'<div class="wide"><table class="sheet"><tbody>{lines}</tbody></table></div>'
        + paragraph(
            f"Framed: train pictures as they are. Beside each, {VERSIONS} draws with the settings of {sheet.member}.",
            "quiet",
        )
    )


def _versions(policy: ImagePolicy, pictures_nHWD: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Return the shown pictures as the policy changes them [V, p, H, W, D]."""
    import torch

    from components.augmentation.images import augment

    x_nHWD = torch.from_numpy(np.array(pictures_nHWD)).to(torch.float32) / 255
    x_VnHWD = x_nHWD.expand(VERSIONS, *x_nHWD.shape)
    generators = [torch.Generator().manual_seed(derive(seed, version)) for version in range(VERSIONS)]
    new_VnHWD, _ = augment(x_VnHWD, [policy] * VERSIONS, [len(x_nHWD)] * VERSIONS, generators)
    return np.asarray(new_VnHWD[:, :SHOWN].mul(255).round().to(torch.uint8).numpy())


def _png(own_pHWD: NDArray[np.uint8], new_VpHWD: NDArray[np.uint8]) -> tuple[bytes, int, int]:
    """Return a strip as PNG, its width, and how many pixels of the page one of its pixels is."""
    from PIL import Image

    height, width = own_pHWD.shape[1:3]
    shrink = max(1, -(-max(height, width) // LARGEST))
    size = (max(1, width // shrink), max(1, height // shrink))
    scale = max(1, SIDE // max(size))  # small pictures stay small in the file, and are enlarged where they are seen
    frame, gap, group_gap = (max(1, round(length / scale)) for length in (FRAME, GAP, GROUP_GAP))
    step = size[0] + 2 * frame
    group = (1 + len(new_VpHWD)) * step + len(new_VpHWD) * gap
    total = len(own_pHWD) * group + (len(own_pHWD) - 1) * group_gap
    strip = Image.new("RGBA", (total, size[1] + 2 * frame), (0, 0, 0, 0))
    for place, own in enumerate(own_pHWD):
        left = place * (group + group_gap)
        strip.paste(FRAME_COLOUR, (left, 0, left + step, strip.height))
        for number, picture in enumerate([own, *new_VpHWD[:, place]]):
            tile = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
            tile = tile.resize(size, Image.Resampling.BOX) if shrink > 1 else tile
            strip.paste(tile.convert("RGBA"), (left + number * (step + gap) + frame, frame))
    out = io.BytesIO()
    if own_pHWD.shape[3] == 3:  # 256 colours: a third of the bytes, and nobody sees it at this size
        strip = strip.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    strip.save(out, "png", optimize=True)
    return out.getvalue(), total, scale
