"""Layer normalization (Ba 2016): each vector by its own mean and variance, then each model's scale and shift.

Legend: K models, N vectors of one model, O their width.
"""

import torch
from torch.nn import functional

from components.networks.batch_norm import EPSILON


def layer_norm(x_KNO: torch.Tensor, scale_KO: torch.Tensor, shift_KO: torch.Tensor) -> torch.Tensor:
    """Return the normal vectors [K, N, O]. torch's kernel has no scale per model: that comes behind it."""
    normal = functional.layer_norm(x_KNO, x_KNO.shape[-1:], eps=EPSILON)
    return torch.addcmul(shift_KO.unsqueeze(1), normal, scale_KO.unsqueeze(1))
