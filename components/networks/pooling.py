"""Pooling of images: the largest or the mean of 2 x 2 pixels, and the mean of a whole picture.

Legend: B rows, C channels of all models, H W height and width.
"""

from typing import Literal

import torch
from torch.nn import functional

from components.networks.sides import window_of

Pooling = Literal["max", "average", "none"]


def pool(rule: Pooling, h_BCHW: torch.Tensor) -> torch.Tensor:
    """Return images of half the sides, rounded down but not to nothing."""
    height, width = window_of((h_BCHW.shape[2], h_BCHW.shape[3]))
    if rule == "none" or height == width == 1:
        return h_BCHW
    if rule == "average":
        return functional.avg_pool2d(h_BCHW, (height, width))
    return functional.max_pool2d(h_BCHW, (height, width))


def global_average(h_BCHW: torch.Tensor) -> torch.Tensor:
    """Return the mean of each channel [B, C] (Lin 2013)."""
    return h_BCHW.mean((2, 3))
