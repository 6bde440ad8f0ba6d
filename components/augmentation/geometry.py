"""Rotation, scaling, translation, shear, flip and crop of pictures: one 2x3 matrix each, one sampling for all.

The matrix says for a place of the new picture where to look in the old one, in pixels from the middle. Between pixels
is bilinear; beyond the edge the picture is mirrored, which invents neither black corners nor smears. Flips with nothing
else move pixels and sample nothing. (Idea: spatial transformers, Jaderberg et al. 2015, whose `grid_sample` it is.)

    crop -> flip -> shear -> scale -> rotate -> translate: so the picture goes; the matrix walks back.

Angles are degrees, anti-clockwise as people see it. Shrinking by the small factors meant here needs no smoothing.

Legend: N pictures, D channels, H W height and width; a place is (x, y), x to the right and y down.
"""

import math

import torch
from torch.nn import functional

from components.augmentation.policy import GEOMETRY, ImagePolicy


def draw(policy: ImagePolicy, num: int, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor | None:
    """Return matrices float64 [num, 2, 3] for pictures of `size` (H, W); None when no technique of this file is on."""
    if not any(getattr(policy, name) for name in GEOMETRY):
        return None
    height, width = size
    uniform = _uniform(7, num, generator)
    cut_N = policy.crop * (uniform[4] + 1) / 2
    sides = torch.tensor([[width], [height]], dtype=torch.float64)
    return compose(
        angle_N=policy.rotation * uniform[0],
        factor_N=1 + policy.scaling * uniform[1],
        shift_N2=(policy.translation * sides * uniform[2:4]).T,
        shear_N=policy.shear * _uniform(1, num, generator)[0],
        signs_N2=draw_flips(policy, num, generator),
        zoom_N=1 - cut_N,
        middle_N2=(cut_N / 2 * sides * uniform[5:7]).T,
    )


def draw_flips(policy: ImagePolicy, num: int, generator: torch.Generator) -> torch.Tensor:
    """Return -1 for pictures that are mirrored and 1 for others, float64 [num, 2]: left-right, upside-down."""
    signs_N2 = torch.ones(num, 2, dtype=torch.float64)
    for axis, word in enumerate(("horizontal", "vertical")):
        if policy.flip in (word, "both"):
            signs_N2[:, axis] -= 2 * torch.randint(0, 2, (num,), generator=generator)
    return signs_N2


def compose(
    *,
    angle_N: torch.Tensor,
    factor_N: torch.Tensor,
    shift_N2: torch.Tensor,
    shear_N: torch.Tensor,
    signs_N2: torch.Tensor,
    zoom_N: torch.Tensor,
    middle_N2: torch.Tensor,
) -> torch.Tensor:
    """Return the matrices [N, 2, 3] that look from the new picture into the old one.

    `factor_N` above 1 enlarges; `shift_N2` in pixels; `shear_N` pixels to the right per pixel down; the window of the
    crop has `zoom_N` of the sides and its middle at `middle_N2` pixels from the picture's.
    """
    radians_N = angle_N * (math.pi / 180)
    cos_N, sin_N = radians_N.cos() / factor_N, radians_N.sin() / factor_N
    back_N22 = torch.stack((cos_N, -sin_N, sin_N, cos_N), dim=1).view(-1, 2, 2)
    back_N22[:, 0] -= shear_N[:, None] * back_N22[:, 1]
    back_N22 = back_N22 * (signs_N2 * zoom_N[:, None])[:, :, None]
    from_N2 = middle_N2 - (back_N22 @ shift_N2[:, :, None])[:, :, 0]
    return torch.cat((back_N22, from_N2[:, :, None]), dim=2)


def sample(pictures_NDHW: torch.Tensor, matrix_N23: torch.Tensor) -> torch.Tensor:
    """Return the pictures as the matrices (of pixels, on the pictures' device and of their type) look at them."""
    height, width = pictures_NDHW.shape[2:]
    dtype, device = pictures_NDHW.dtype, pictures_NDHW.device
    scale_21 = torch.tensor([[2 / width], [2 / height]], dtype=dtype, device=device)  # torch has -1 to 1, edge to edge
    unit_N23 = matrix_N23 * scale_21
    across_W = torch.arange(width, dtype=dtype, device=device) - (width - 1) / 2
    down_H = torch.arange(height, dtype=dtype, device=device) - (height - 1) / 2
    from_x = (unit_N23[:, :, 0, None] * across_W)[:, :, None, :]
    from_y = (unit_N23[:, :, 1, None] * down_H + unit_N23[:, :, 2, None])[:, :, :, None]
    grid_N2HW = from_x + from_y
    grid_NHW2 = grid_N2HW.permute(0, 2, 3, 1)
    found = functional.grid_sample(pictures_NDHW, grid_NHW2, "bilinear", "reflection", align_corners=False)
    return found.clamp_(0, 1)  # four weights may sum to a rounding more than 1


def mirror(pictures_NDHW: torch.Tensor, sign_N: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the pictures mirrored where a sign is -1: left-right (axis 3) or upside-down (axis 2). Exact."""
    return torch.where((sign_N < 0).view(-1, 1, 1, 1), pictures_NDHW.flip(axis), pictures_NDHW)


def _uniform(rows: int, num: int, generator: torch.Generator) -> torch.Tensor:
    """Return numbers in [-1, 1), float64 [rows, num]."""
    return torch.rand(rows, num, generator=generator, dtype=torch.float64) * 2 - 1
