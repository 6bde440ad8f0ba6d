"""The product of each model's rows with its own matrix, equal to the last bit in every stack, backwards too.

A batched product writes the gradients of K matrices one behind the other. Where a matrix has no whole number of cache
lines, the second one begins in the middle of a line, MKL takes other kernels for it than for the first, and its last
bits differ from those of the same model alone (found at 14 inputs and 5 outputs, one thread). There, each model has a
product of its own on the way back.

Legend: K models, B rows, I inputs, O outputs.
"""

from typing import Any

import torch

from components.networks.store import ALIGNMENT


class LoneProduct(torch.autograd.Function):
    """x W' + b: [K, B, O]; backwards, the gradient of each model's matrix is a product of its own."""

    @staticmethod
    def forward(ctx: Any, x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor) -> torch.Tensor:
        """Weights as they are stored, [O, I] each."""
        ctx.save_for_backward(x_KBI, weight_KOI)
        return torch.baddbmm(bias_KO.unsqueeze(1), x_KBI, weight_KOI.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Rows of a data set need no gradient."""
        x_KBI, weight_KOI = ctx.saved_tensors
        upper_KBO = gradients[0]
        own = [upper.t() @ x for upper, x in zip(upper_KBO, x_KBI, strict=True)]
        for_x = torch.bmm(upper_KBO, weight_KOI) if ctx.needs_input_grad[0] else None
        return for_x, torch.stack(own), upper_KBO.sum(1)


def product(x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor) -> torch.Tensor:
    """Return x W' + b of each model [K, B, O]."""
    if weight_KOI[0].numel() % ALIGNMENT == 0 or x_KBI.device.type != "cpu":
        return torch.baddbmm(bias_KO.unsqueeze(1), x_KBI, weight_KOI.transpose(1, 2))
    found: torch.Tensor = LoneProduct.apply(x_KBI, weight_KOI, bias_KO)  # type: ignore[no-untyped-call]
    return found
