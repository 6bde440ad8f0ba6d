"""Pictures as networks see them while they train: the declared policy on a whole batch, on the training device.

Order: geometry, colour, cutout, mixing, each in the file of its name. What is drawn is drawn on the host, from each
row's own generator, and only for techniques that its own policy has on: small tensors, moved at once. Pixels are
touched on the device. So a row gets the same bits whatever stands beside it; on a CPU it is also worked on alone, which
keeps it in the cache. On a GPU all rows with the same techniques go together, magnitudes being numbers of each picture.

Rows without a policy, and those that rest in a step, pay nothing: no draws, and their pictures come back bit for bit.

Legend: K networks, B pictures of a batch, N pictures of some rows, H W height and width, D channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from components.augmentation import colour, cutout, geometry, mixing
from components.augmentation.policy import ImagePolicy


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """How labels are shared: loss = share * loss(own label) + (1 - share) * loss(label of `partner`)."""

    partner_KB: torch.Tensor  # int64: position in the row's own batch
    share_KB: torch.Tensor  # of the pictures' type; exactly 1 where nothing was mixed

    def labels(self, label_KB: torch.Tensor) -> torch.Tensor:
        """Return the partners' labels [K, B]."""
        return label_KB.gather(1, self.partner_KB)


FLIPS = (("across", "horizontal"), ("down", "vertical"))

Draws = dict[str, torch.Tensor]
"""What happens to the batch of one row, on the host; rows with the same keys can be worked on together."""


def augment(
    x_KBHWD: torch.Tensor,
    policies: Sequence[ImagePolicy | None],
    num_real: Sequence[int],
    generators: Sequence[torch.Generator],
) -> tuple[torch.Tensor, Mixed | None]:
    """Return the batches of K rows as their policies change them, and how labels are mixed (None: no row mixes).

    `x_KBHWD`: floats in [0, 1], left as they are; D is 1 or 3. `num_real`: how many pictures of each row count, first
    in its batch; the rest is padding; 0 for a row that rests in this step. `generators` are on the host.
    """
    size = (x_KBHWD.shape[2], x_KBHWD.shape[3])
    drawn: dict[int, Draws] = {}
    for row, (policy, real, generator) in enumerate(zip(policies, num_real, generators, strict=True)):
        if policy is not None and real:
            found = _draw(policy, real, x_KBHWD.shape[1], size, x_KBHWD.shape[4], generator)
            if found:
                drawn[row] = found
    if not drawn:
        return x_KBHWD, None
    new_KBHWD = torch.empty_like(x_KBHWD)
    for row in range(len(policies)):
        if row not in drawn:
            new_KBHWD[row] = x_KBHWD[row]
    for rows in _blocks(drawn, alone=x_KBHWD.device.type == "cpu"):
        own = x_KBHWD[rows[0]] if len(rows) == 1 else x_KBHWD[rows].flatten(0, 1)
        planes = _changed(own.permute(0, 3, 1, 2), [drawn[row] for row in rows])
        new = planes.permute(0, 2, 3, 1)
        if len(rows) == 1:
            new_KBHWD[rows[0]] = new
        else:
            new_KBHWD[rows] = new.reshape(len(rows), *x_KBHWD.shape[1:])
    return new_KBHWD, _mixed(drawn, x_KBHWD)


def _draw(
    policy: ImagePolicy, real: int, num: int, size: tuple[int, int], channels: int, generator: torch.Generator
) -> Draws:
    drawn: Draws = {}
    if (matrix_B23 := geometry.draw(policy, num, size, generator)) is not None:
        drawn["matrix"] = matrix_B23
    elif policy.flip != "none":
        signs_B2 = geometry.draw_flips(policy, num, generator)
        drawn |= {name: signs_B2[:, place] for place, (name, word) in enumerate(FLIPS) if policy.flip in (word, "both")}
    if (found := colour.draw(policy, num, channels, generator)) is not None:
        drawn |= {"channels": found.matrix_NDD, "lift": found.lift_N}
    if (box_B4 := cutout.draw(policy, num, size, generator)) is not None:
        drawn["covered"] = box_B4
    if (partners := mixing.draw(policy, real, num, size, generator)) is not None:
        drawn |= {"partner": partners.partner_B, "share": partners.share_B, "blended": partners.blended_B}
        if partners.box_B4 is not None:
            drawn["taken"] = partners.box_B4
    return drawn


def _blocks(drawn: dict[int, Draws], *, alone: bool) -> list[list[int]]:
    """Return the rows that are worked on together."""
    blocks: dict[tuple[str | int, ...], list[int]] = {}
    for row, found in drawn.items():
        blocks.setdefault((row,) if alone else tuple(found), []).append(row)
    return list(blocks.values())


def _joined(drawn: Sequence[Draws], like: torch.Tensor) -> Draws:
    """Lay the draws of some rows end to end, beside their pictures and of their type."""
    found = {}
    for name in drawn[0]:
        parts = [one[name] for one in drawn]
        if name == "partner":
            parts = [part + row * len(part) for row, part in enumerate(parts)]
        whole = parts[0] if len(parts) == 1 else torch.cat(parts)
        found[name] = whole.to(like.device, like.dtype if whole.is_floating_point() else whole.dtype)
    return found


def _changed(planes_NDHW: torch.Tensor, drawn: Sequence[Draws]) -> torch.Tensor:
    """Return the pictures of some rows after all that was drawn for them."""
    draws = _joined(drawn, planes_NDHW)
    if "matrix" in draws:
        planes_NDHW = geometry.sample(planes_NDHW, draws["matrix"])
    for place, (name, _) in enumerate(FLIPS):
        if name in draws:
            planes_NDHW = geometry.mirror(planes_NDHW, draws[name], 3 - place)
    if "channels" in draws:
        found = colour.Colour(matrix_NDD=draws["channels"], lift_N=draws["lift"])
        planes_NDHW = colour.apply(planes_NDHW, found)
    if "covered" in draws:
        planes_NDHW = cutout.apply(planes_NDHW, draws["covered"])
    if "partner" in draws:
        planes_NDHW = mixing.apply(planes_NDHW, draws["partner"], draws["share"], draws["blended"], draws.get("taken"))
    return planes_NDHW


def _mixed(drawn: dict[int, Draws], x_KBHWD: torch.Tensor) -> Mixed | None:
    mixing_rows = [row for row, found in drawn.items() if "partner" in found]
    if not mixing_rows:
        return None
    num_rows, num = x_KBHWD.shape[:2]
    partner_KB = torch.arange(num).repeat(num_rows, 1)
    share_KB = torch.ones(num_rows, num, dtype=x_KBHWD.dtype)
    for row in mixing_rows:
        partner_KB[row], share_KB[row] = drawn[row]["partner"], drawn[row]["share"].to(x_KBHWD.dtype)
    return Mixed(partner_KB=partner_KB.to(x_KBHWD.device), share_KB=share_KB.to(x_KBHWD.device))
