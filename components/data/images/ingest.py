"""ingest of pictures: `table.parquet` names them, `image.npy` holds them, all of one size, read by memory map.

Every picture is decoded once, one after another, so memory does not grow with their number. What cannot be read is
left out and named in ingest.json; validate makes a finding of it. The column `pixels` is a hash of each picture's
resized bytes: it covers the array by the table's own hash, and finds copies.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.core.columns import MISSING_WORDS
from components.core.errors import UserMistake
from components.core.files import atomic_file, hash_file, write_json, write_parquet
from components.core.npy import NpyWriter
from components.core.specs import Spec, setting
from components.core.table import IMAGE, PICTURE, PIXELS
from components.data.images.reading import resized
from components.data.images.source import Picture, Pictures, find_pictures, settled_size

MOST_NAMED = 100  # pictures with a flaw that ingest.json names
ODD_PROPORTION = 1.5  # times as long in one direction as most are


class ImageIngestSpec(Spec):
    """Where the pictures are, and what they become."""

    source: str = setting(..., "one folder per class, PNG or JPEG inside; or .npz, example:digits")
    size: Annotated[int, Field(ge=8, le=512)] | Literal["auto"] = setting(
        "auto", "every picture becomes size x size once, here; auto = as most are, at most 64"
    )
    channels: Literal["auto", "gray", "rgb"] = setting("auto", "gray | rgb; auto = gray where no picture has a colour")
    bad_rows: Literal["skip", "stop"] = setting("skip", "stop | skip; pictures that cannot be read")


def ingest_pictures(spec: ImageIngestSpec, root: Path, out: Path) -> dict[str, Any]:
    """Read the source, seen from `root`, into `out/table.parquet` and `out/image.npy`; write and return ingest.json.

    The stage's `line` is returned with it.
    """
    pictures = find_pictures(root, spec.source)
    _refuse_missing_words(pictures, spec.source)
    size = settled_size(pictures, spec.size)
    taken = _Taken(spec.bad_rows)
    colours = 1 if spec.channels == "gray" else 3
    first = out / ".colours.npy" if spec.channels == "auto" else out / f"{IMAGE}.npy"
    with atomic_file(first) as temporary, NpyWriter(temporary, (size, size, colours)) as writer:
        for picture in pictures:
            if (pixels := taken.take(picture, size, colours)) is not None:
                writer.write(pixels[None])
    if not taken.columns[PICTURE]:
        raise UserMistake(f"ingest.source is {spec.source}: no picture can be read ({taken.named()}).")
    if spec.channels == "auto":
        colours = _settle_colours(first, out / f"{IMAGE}.npy", gray=taken.all_gray)
    columns = taken.columns | {PIXELS: _hashes(out / f"{IMAGE}.npy")}
    order = [PICTURE, PIXELS, pictures.label, *(["split"] if pictures.has_parts else [])]
    labels = {"label": columns["label"], pictures.label: columns["label"]}
    write_parquet(out / "table.parquet", {name: (columns | labels)[name] for name in order})
    facts = {
        "table": hash_file(out / "table.parquet"),
        "rows": len(columns[PICTURE]),
        "columns": order,
        "source": spec.source,
        "files": len(pictures),
        "format": "pictures",
        "separator": None,
        "encoding": None,
        "bad_rows": len(taken.unreadable),
        "picture": [size, size, colours],
        "classes": len(set(columns["label"])),
        "unreadable": taken.unreadable[:MOST_NAMED],
        "others": list(pictures.others[:MOST_NAMED]),
        "num_others": len(pictures.others),
        "odd": taken.odd(),
    }
    write_json(out / "ingest.json", facts)
    bad = f", {facts['bad_rows']} unreadable ones left out" if facts["bad_rows"] else ""
    return {**facts, "line": f"{facts['rows']} pictures, {facts['classes']} classes{bad}"}


class _Taken:
    """What is noted of the pictures while they go by."""

    def __init__(self, bad_rows: str) -> None:
        self.columns: dict[str, list[str]] = {PICTURE: [], "label": [], "split": []}
        self.unreadable: list[dict[str, str]] = []
        self.all_gray = True
        self._bad_rows = bad_rows
        self._proportions: list[float] = []

    def take(self, picture: Picture, size: int, colours: int) -> NDArray[np.uint8] | None:
        """Note a picture; return its pixels [size, size, colours], None where there are none."""
        if picture.pixels is None:
            self.unreadable.append({"picture": picture.name, "why": picture.why})
            if self._bad_rows == "stop":
                raise UserMistake(
                    f"{picture.name} cannot be read: {picture.why}. Mend it or take it away, or write "
                    "ingest.bad_rows: skip"
                )
            return None
        self.columns[PICTURE].append(picture.name)
        self.columns["label"].append(picture.label)
        self.columns["split"].append(picture.part or "")
        height, width, found = picture.pixels.shape
        self._proportions.append(width / height)
        pixels = resized(picture.pixels, size, colours)
        if self.all_gray and found == 3:
            self.all_gray = bool((pixels == pixels[:, :, :1]).all())
        return pixels

    def named(self) -> str:
        """Name the first pictures that cannot be read."""
        return ", ".join(f"{one['picture']}: {one['why']}" for one in self.unreadable[:3])

    def odd(self) -> dict[str, Any]:
        """Return the pictures that are much longer in one direction than most, and so were bent more than most."""
        shares = np.array(self._proportions) / np.median(self._proportions)
        odd = np.flatnonzero((shares > ODD_PROPORTION) | (shares < 1 / ODD_PROPORTION))
        return {"number": len(odd), "pictures": [self.columns[PICTURE][i] for i in odd[:MOST_NAMED]]}


def _refuse_missing_words(pictures: Pictures, source: str) -> None:
    """Refuse a class whose name means "missing" in every table."""
    for label in pictures.classes():
        if label.strip().lower() in MISSING_WORDS:
            raise UserMistake(f"ingest.source is {source}: the class '{label}' would read as missing. Rename it.")


def _settle_colours(first: Path, final: Path, *, gray: bool) -> int:
    """Put the array in its place, with one colour where no picture has more; return how many there are."""
    if not gray:
        first.replace(final)
        return 3
    mapped = np.load(first, mmap_mode="r", allow_pickle=False)
    with atomic_file(final) as temporary, NpyWriter(temporary, (*mapped.shape[1:3], 1)) as writer:
        for start in range(0, len(mapped), 1024):
            writer.write(mapped[start : start + 1024, :, :, :1])
    del mapped
    first.unlink()
    return 1


def _hashes(images: Path) -> list[str]:
    return [hashlib.sha256(picture.tobytes()).hexdigest() for picture in np.load(images, mmap_mode="r")]
