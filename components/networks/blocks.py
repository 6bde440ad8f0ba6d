"""A linear layer and the activation behind it, in one block with a backward pass of its own.

Written by hand it is a third quicker than what autograd makes of the parts at small sizes: the activation works in the
memory of the product, nothing is transposed on the way back, and rows of a data set get no gradient.

The gradients of K matrices are written one behind the other by a batched product. Where a matrix has no whole number of
cache lines, the second begins in the middle of a line, MKL takes other kernels for it than for the first, and its last
bits differ from those of the same model alone (found at 14 inputs and 5 outputs, one thread). There, each model has a
product of its own on the way back.

Legend: K models, B rows, I inputs, O outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from components.networks.activations import Activation
from components.networks.store import ALIGNMENT

_SLOPES = torch.ops.aten
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

Map = Callable[[torch.Tensor], torch.Tensor]
Slope = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Step:
    """An activation: forwards, and backwards from its result or from what went into it."""

    forward: Map
    backward: Slope  # (gradient, what was kept) -> gradient
    keeps_result: bool  # and so may work in place


STEPS: dict[Activation, Step] = {
    "relu": Step(forward=torch.relu_, backward=lambda g, h: _SLOPES.threshold_backward(g, h, 0.0), keeps_result=True),
    "leaky_relu": Step(
        forward=lambda z: torch.nn.functional.leaky_relu_(z, 0.01),
        backward=lambda g, h: _SLOPES.leaky_relu_backward(g, h, 0.01, True),
        keeps_result=True,
    ),
    "selu": Step(
        forward=torch.selu_,
        backward=lambda g, h: _SLOPES.elu_backward(g, _SELU_ALPHA, _SELU_SCALE, 1.0, True, h),
        keeps_result=True,
    ),
    "sigmoid": Step(forward=torch.sigmoid_, backward=_SLOPES.sigmoid_backward, keeps_result=True),
    "tanh": Step(forward=torch.tanh_, backward=_SLOPES.tanh_backward, keeps_result=True),
    "gelu": Step(forward=torch.nn.functional.gelu, backward=_SLOPES.gelu_backward, keeps_result=False),
    "silu": Step(forward=torch.nn.functional.silu, backward=_SLOPES.silu_backward, keeps_result=False),
    "mish": Step(forward=torch.nn.functional.mish, backward=_SLOPES.mish_backward, keeps_result=False),
}


class Block(torch.autograd.Function):
    """activation(x W' + b): [K, B, O]."""

    @staticmethod
    def forward(
        ctx: Any,
        x_KBI: torch.Tensor,
        weight_KOI: torch.Tensor,
        bias_KO: torch.Tensor,
        activation: Activation | None,
    ) -> torch.Tensor:
        """Weights as they are stored, [O, I] each."""
        product = torch.baddbmm(bias_KO.unsqueeze(1), x_KBI, weight_KOI.transpose(1, 2))
        ctx.activation = activation
        if activation is None:
            ctx.save_for_backward(x_KBI, weight_KOI)
            return product
        step = STEPS[activation]
        result = step.forward(product)
        ctx.save_for_backward(x_KBI, weight_KOI, result if step.keeps_result else product)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Rows of a data set need no gradient."""
        x_KBI, weight_KOI, *kept = ctx.saved_tensors
        upper_KBO = gradients[0]
        if kept:
            upper_KBO = STEPS[ctx.activation].backward(upper_KBO, kept[0])
        if weight_KOI[0].numel() % ALIGNMENT == 0 or x_KBI.device.type != "cpu":
            for_weight = torch.bmm(upper_KBO.transpose(1, 2), x_KBI)
        else:
            for_weight = torch.stack([upper.t() @ x for upper, x in zip(upper_KBO, x_KBI, strict=True)])
        for_x = torch.bmm(upper_KBO, weight_KOI) if ctx.needs_input_grad[0] else None
        return for_x, for_weight, upper_KBO.sum(1), None


def block(
    x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation | None
) -> torch.Tensor:
    """Return activation(x W' + b) of each model [K, B, O]; None: no activation."""
    found: torch.Tensor = Block.apply(x_KBI, weight_KOI, bias_KO, activation)  # type: ignore[no-untyped-call]
    return found
