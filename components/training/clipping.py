"""Clipping of gradients: one that is longer than allowed is scaled down to that length (Pascanu 2013).

Each model's own gradient, all its parameters as one vector, as torch.nn.utils.clip_grad_norm_ has it; L1 is in it, L2
and weight decay, which belong to the optimizer's step, are not.

Legend: K models, P floats of one model.
"""

import torch

EPSILON = 1.0e-6  # torch's: no division by nothing


def clip(gradient_P: torch.Tensor, longest: float) -> None:
    """Scale a gradient in place, so that it is no longer than `longest`."""
    gradient_P.mul_((longest / (torch.linalg.vector_norm(gradient_P) + EPSILON)).clamp_max(1.0))


def clip_stack(gradients_KP: torch.Tensor, longest_K1: torch.Tensor) -> None:
    """Do the same for K models at once; infinity lets a gradient be."""
    lengths_K1 = torch.linalg.vector_norm(gradients_KP, dim=1, keepdim=True)
    gradients_KP.mul_((longest_K1 / (lengths_K1 + EPSILON)).clamp_max(1.0))
