"""Cutout: a square of each picture is covered (DeVries & Taylor 2017), so that no single part may decide.

Its middle is anywhere in the picture, so a part of it may hang over the edge. It is filled with the picture's own mean
colour: after standardising about 0, as in the paper.

Legend: N pictures, D channels, H W height and width; a box is (top, bottom, left, right), the second of each excluded.
"""

import torch

from components.augmentation.policy import ImagePolicy


def draw(policy: ImagePolicy, num: int, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor | None:
    """Return boxes int64 [num, 4] for pictures of `size` (H, W); None when cutout is off."""
    if not policy.cutout:
        return None
    share = max(policy.cutout, 1 / min(size))  # a pixel at least: what is on does something
    return boxes(torch.full((num,), share, dtype=torch.float64), size, generator)


def boxes(share_N: torch.Tensor, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Return boxes [N, 4] with these shares of both sides, in whole pixels, with their middles anywhere, cut off at the
    edges."""
    middle_N2 = torch.rand(len(share_N), 2, generator=generator, dtype=torch.float64)
    found = []
    for axis, length in enumerate(size):
        side_N = (share_N * length).round()
        from_N = (middle_N2[:, axis] * length - side_N / 2).round()
        found += [from_N.clamp(0, length), (from_N + side_N).clamp(0, length)]
    return torch.stack(found, dim=1).to(torch.int64)


def inside(box_N4: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return which pixels lie inside the boxes [N, 1, H, W]."""
    down_H, across_W = (torch.arange(length, device=box_N4.device) for length in size)
    top, bottom, left, right = box_N4[:, :, None].unbind(1)
    rows_NH = (down_H >= top) & (down_H < bottom)
    columns_NW = (across_W >= left) & (across_W < right)
    return (rows_NH[:, :, None] & columns_NW[:, None, :])[:, None]


def apply(pictures_NDHW: torch.Tensor, box_N4: torch.Tensor) -> torch.Tensor:
    """Return the pictures with their boxes covered."""
    height, width = pictures_NDHW.shape[2:]
    mean_ND11 = pictures_NDHW.mean((2, 3), keepdim=True)
    return torch.where(inside(box_N4, (height, width)), mean_ND11, pictures_NDHW)
