"""Linear layers with the activation behind them: there and back, for K models at once.

Written by hand, because torch.vmap over modules was 1.5 to 3 times slower on CPU (and below a plain loop for K < 8),
and autograd's way back a fifth slower at width 64: here the activation works in the memory of the product, nothing is
transposed on the way back, and rows of a data set get no gradient. Weights are stored [O, I], which is 4 to 6 times
faster where O is narrow. Every model gets the same bits whatever stands beside it: nothing here mixes rows.

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
from torch.nn import functional

from components.networks import mish, products
from components.networks.activations import Activation
from components.networks.store import ALIGNMENT

_SLOPES = torch.ops.aten
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

Forward = Callable[[torch.Tensor, bool], tuple[torch.Tensor, torch.Tensor]]
Backward = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Step:
    """An activation, forwards and back."""

    forward: Forward  # (z, whether there will be a way back) -> (the result, what is kept for the way back)
    backward: Backward  # (gradient, what was kept, room for the result) -> gradient
    in_place: bool  # whether it may work in z's memory


def _in_place(function: Callable[[torch.Tensor], torch.Tensor], slope: Backward) -> Step:
    """An activation whose slope follows from its result."""

    def forward(z: torch.Tensor, _: bool) -> tuple[torch.Tensor, torch.Tensor]:
        result = function(z)
        return result, result

    return Step(forward=forward, backward=slope, in_place=True)


def _beside(function: Callable[[torch.Tensor], torch.Tensor], slope: Backward) -> Step:
    """An activation whose slope follows from what went in."""
    return Step(forward=lambda z, _: (function(z), z), backward=slope, in_place=False)


STEPS: dict[Activation, Step] = {
    "relu": _in_place(
        torch.relu_, lambda g, h, room: _SLOPES.threshold_backward.grad_input(g, h, 0.0, grad_input=room)
    ),
    "leaky_relu": _in_place(
        lambda z: functional.leaky_relu_(z, 0.01),
        lambda g, h, room: _SLOPES.leaky_relu_backward.grad_input(g, h, 0.01, True, grad_input=room),
    ),
    "selu": _in_place(
        torch.selu_,
        lambda g, h, room: _SLOPES.elu_backward.grad_input(g, _SELU_ALPHA, _SELU_SCALE, 1.0, True, h, grad_input=room),
    ),
    "sigmoid": _in_place(torch.sigmoid_, lambda g, h, room: _SLOPES.sigmoid_backward.grad_input(g, h, grad_input=room)),
    "tanh": _in_place(torch.tanh_, lambda g, h, room: _SLOPES.tanh_backward.grad_input(g, h, grad_input=room)),
    "gelu": _beside(functional.gelu, lambda g, z, room: _SLOPES.gelu_backward.grad_input(g, z, grad_input=room)),
    "silu": _beside(functional.silu, lambda g, z, room: _SLOPES.silu_backward.grad_input(g, z, grad_input=room)),
    "mish": Step(forward=mish.forward, backward=mish.backward, in_place=True),
}


class Linear(torch.autograd.Function):
    """There and back, for autograd."""

    @staticmethod
    def forward(
        ctx: Any, x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation | None
    ) -> torch.Tensor:
        """See `there`."""
        result, own = there(x_KBI, weight_KOI, bias_KO, activation)
        ctx.activation = activation
        ctx.save_for_backward(x_KBI, weight_KOI, own)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """See `back`."""
        x_KBI, weight_KOI, own = ctx.saved_tensors
        upper, activation = gradients[0].contiguous(), ctx.activation
        if activation is not None:  # what was handed in may be another's, too
            upper = STEPS[activation].backward(upper, own, torch.empty_like(upper))
        return *back(upper, x_KBI, weight_KOI, to_rows=ctx.needs_input_grad[0]), None


def linear(
    x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation | None = None
) -> torch.Tensor:
    """Return activation(x W' + b) of each model [K, B, O]; None: no activation."""
    if not torch.is_grad_enabled():
        return there(x_KBI, weight_KOI, bias_KO, activation, way_back=False)[0]
    apply: Callable[..., torch.Tensor] = Linear.apply
    return apply(x_KBI, weight_KOI, bias_KO, activation)


def there(
    x_KBI: torch.Tensor,
    weight_KOI: torch.Tensor,
    bias_KO: torch.Tensor,
    activation: Activation | None,
    *,
    way_back: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a layer makes of rows, and what says its activation's slope on the way back."""
    if weight_KOI.shape[1] == 1:  # a matrix product with one column takes other kernels for K = 1: other last bits
        product = (x_KBI * weight_KOI).sum(2, keepdim=True).add_(bias_KO.unsqueeze(1))
    else:
        product = products.baddbmm(bias_KO.unsqueeze(1), x_KBI, weight_KOI.transpose(1, 2))
    return (product, product) if activation is None else STEPS[activation].forward(product, way_back)


def back(
    upper_KBO: torch.Tensor, x_KBI: torch.Tensor, weight_KOI: torch.Tensor, *, to_rows: bool
) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
    """Return the gradients of rows (None unless `to_rows`), weight and bias, from that of the product: contiguous,
    since what comes through a view may lie otherwise for one model than for several, and add up in another order."""
    for_rows = None
    if to_rows:
        for_rows = upper_KBO * weight_KOI if weight_KOI.shape[1] == 1 else products.bmm(upper_KBO, weight_KOI)
    return for_rows, _for_weight(upper_KBO, x_KBI), upper_KBO.sum(1)


def _for_weight(upper_KBO: torch.Tensor, x_KBI: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the weights [K, O, I]."""
    outputs, inputs = upper_KBO.shape[2], x_KBI.shape[2]
    if outputs == 1:
        return (upper_KBO * x_KBI).sum(1, keepdim=True)
    if outputs * inputs % ALIGNMENT == 0 or x_KBI.device.type != "cpu":
        return products.bmm(upper_KBO.transpose(1, 2), x_KBI)
    return torch.stack([products.matmul(upper.t(), x) for upper, x in zip(upper_KBO, x_KBI, strict=True)])
