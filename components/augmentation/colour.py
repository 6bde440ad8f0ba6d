"""Brightness, contrast, saturation and hue of pictures: one matrix of the channels each, one pass for all.

brightness  all values times 1 ± share
contrast    distances from the picture's own mean gray times 1 ± share
saturation  distances of a pixel's channels from its own gray times 1 ± share
hue         the colour cube turned about its gray diagonal: 1/3 of the circle makes red green, and green blue

All four are linear, so they are composed before a pixel is touched; what leaves [0, 1] is cut off once, at the end.
Turning the cube is the linear relative of the usual way through HSV: equal at thirds of the circle, without branches,
and gray stays gray. Gray pictures have no saturation and no hue. Gray is Rec. 601: 0.299 R + 0.587 G + 0.114 B.

Legend: N pictures, D channels (1 gray, 3 colours), H W height and width.
"""

import math
from dataclasses import dataclass

import torch

from components.augmentation.policy import COLOUR, ImagePolicy

GRAY = (0.299, 0.587, 0.114)


@dataclass(frozen=True, kw_only=True)
class Colour:
    """new = matrix @ pixel + lift * the picture's mean gray, for each picture; float64."""

    matrix_NDD: torch.Tensor
    lift_N: torch.Tensor


def draw(policy: ImagePolicy, num: int, channels: int, generator: torch.Generator) -> Colour | None:
    """Return what is done to `num` pictures of 1 or 3 channels; None when nothing that they could show is on."""
    names = COLOUR if channels == 3 else COLOUR[:2]
    if not any(getattr(policy, name) for name in names):
        return None
    uniform = torch.rand(len(names), num, generator=generator, dtype=torch.float64) * 2 - 1
    part = {name: getattr(policy, name) * uniform[number] for number, name in enumerate(names)}
    zero_N = torch.zeros(num, dtype=torch.float64)
    return compose(
        channels,
        brightness_N=1 + part["brightness"],
        contrast_N=1 + part["contrast"],
        saturation_N=1 + part.get("saturation", zero_N),
        hue_N=part.get("hue", zero_N),
    )


def compose(
    channels: int,
    *,
    brightness_N: torch.Tensor,
    contrast_N: torch.Tensor,
    saturation_N: torch.Tensor,
    hue_N: torch.Tensor,
) -> Colour:
    """Compose factors (1 changes nothing) and the turn of the hue (share of the circle)."""
    matrix_NDD = torch.ones(len(brightness_N), 1, 1, dtype=torch.float64)
    if channels == 3:
        matrix_NDD = _hue(hue_N) @ _saturation(saturation_N)
    return Colour(
        matrix_NDD=matrix_NDD * (brightness_N * contrast_N)[:, None, None],
        lift_N=(1 - contrast_N) * brightness_N,  # saturation and hue leave gray as it is
    )


def apply(pictures_NDHW: torch.Tensor, colour: Colour) -> torch.Tensor:
    """Return the pictures in other colours, within [0, 1]. The parts of `colour` are of their type and device."""
    num, channels, height, width = pictures_NDHW.shape
    mean_ND = pictures_NDHW.mean((2, 3))
    gray_N = mean_ND[:, 0] if channels == 1 else mean_ND @ mean_ND.new_tensor(GRAY)
    lift_N11 = (colour.lift_N * gray_N)[:, None, None]
    flat_NDP = pictures_NDHW.reshape(num, channels, height * width)
    return torch.baddbmm(lift_N11, colour.matrix_NDD, flat_NDP).clamp_(0, 1).view(num, channels, height, width)


def _saturation(factor_N: torch.Tensor) -> torch.Tensor:
    gray_33 = factor_N.new_tensor(GRAY).expand(3, 3)
    same_33 = torch.eye(3, dtype=factor_N.dtype)
    return factor_N[:, None, None] * same_33 + (1 - factor_N)[:, None, None] * gray_33


def _hue(turn_N: torch.Tensor) -> torch.Tensor:
    """Return Rodrigues' matrix of a turn about (1, 1, 1)."""
    cos_N11 = (2 * math.pi * turn_N).cos()[:, None, None]
    sin_N11 = (2 * math.pi * turn_N).sin()[:, None, None]
    across_33 = turn_N.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return cos_N11 * torch.eye(3, dtype=turn_N.dtype) + (1 - cos_N11) / 3 + sin_N11 * across_33
