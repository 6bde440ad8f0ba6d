"""Linear layers with the activations behind them, as one block with a backward pass of its own.

Written by hand it is quicker than what autograd makes of the parts, by a fifth at width 64: the activation works in the
memory of the product, nothing is transposed on the way back, and rows of a data set get no gradient.

The gradients of K matrices are written one behind the other by a batched product. Where a matrix has no whole number of
cache lines, the second begins in the middle of a line, MKL takes other kernels for it than for the first, and its last
bits differ from those of the same model alone (found at 14 inputs and 5 outputs, one thread). There, each model has a
product of its own on the way back.

Legend: K models, B rows, I inputs, O outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from components.networks import mish, products
from components.networks.activations import Activation
from components.networks.store import ALIGNMENT
from components.networks.way_back import WayBack

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


class Chain(torch.autograd.Function):
    """Layers behind each other, each activation(x W' + b), the last one without an activation where none is wanted."""

    @staticmethod
    def forward(
        ctx: Any,
        x_KBI: torch.Tensor,
        activations: tuple[Activation | None, ...],
        noise: torch.Tensor | None,
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        """`parameters`: weight [K, O, I] and bias [K, O] of each layer in turn; `noise`: see `chain`."""
        result, kept = _there(x_KBI, activations, noise, parameters, way_back=any(ctx.needs_input_grad))
        ctx.activations, ctx.noise = activations, noise
        ctx.save_for_backward(*kept)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Rows of a data set need no gradient."""
        to_rows = ctx.needs_input_grad[0]
        for_rows, found = _back(gradients[0], ctx.activations, ctx.noise, ctx.saved_tensors, to_rows=to_rows)
        return for_rows, None, None, *found


def _there(
    x_KBI: torch.Tensor,
    activations: Sequence[Activation | None],
    noise: torch.Tensor | None,
    parameters: Sequence[torch.Tensor],
    *,
    way_back: bool,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return what a chain makes of rows, and what the way back wants of each layer: its rows, its weights, and what
    says its activation's slope."""
    kept = []
    for number, activation in enumerate(activations):
        weight_KOI, bias_KO = parameters[2 * number], parameters[2 * number + 1]
        product = _product(x_KBI, weight_KOI, bias_KO)
        result = own = product
        if activation is not None:
            result, own = STEPS[activation].forward(product, way_back)
        kept += [x_KBI, weight_KOI, own]
        if noise is not None and activation is not None:
            # what went through relu says the same of its slope afterwards: where noise is 0 there is none
            spare = own is not result or activation == "relu"
            result = result.mul_(noise[:, number]) if spare else result * noise[:, number]
        x_KBI = result
    return x_KBI, kept


def _back(
    upper: torch.Tensor,
    activations: Sequence[Activation | None],
    noise: torch.Tensor | None,
    kept: Sequence[torch.Tensor],
    *,
    to_rows: bool,
) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
    """Return the gradient of a chain's rows, if they have one, and those of its parameters."""
    # what comes through a view may lie otherwise for one model than for several, and would add up in another order
    upper, found, last = upper.contiguous(), [], True
    for number in reversed(range(len(activations))):
        x_KBI, weight_KOI, own = kept[3 * number : 3 * number + 3]
        activation = activations[number]
        if noise is not None and activation is not None:
            upper = upper * noise[:, number] if last else upper.mul_(noise[:, number])
            last = False
        if activation is not None:
            # what was handed in may be another's, too; what we made has room for its own slope
            upper = STEPS[activation].backward(upper, own, torch.empty_like(upper) if last else upper)
        last = False
        found += [upper.sum(1), _for_weight(upper, x_KBI)]
        if number or to_rows:
            upper = upper * weight_KOI if weight_KOI.shape[1] == 1 else products.bmm(upper, weight_KOI)
    return (upper if to_rows else None), found[::-1]


def _product(x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor) -> torch.Tensor:
    if weight_KOI.shape[1] == 1:  # a matrix product with one column takes other kernels for K = 1: other last bits
        return (x_KBI * weight_KOI).sum(2, keepdim=True).add_(bias_KO.unsqueeze(1))
    return products.baddbmm(bias_KO.unsqueeze(1), x_KBI, weight_KOI.transpose(1, 2))


def _for_weight(upper_KBO: torch.Tensor, x_KBI: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the weights [K, O, I]."""
    outputs, inputs = upper_KBO.shape[2], x_KBI.shape[2]
    if outputs == 1:
        return (upper_KBO * x_KBI).sum(1, keepdim=True)
    if outputs * inputs % ALIGNMENT == 0 or x_KBI.device.type != "cpu":
        return products.bmm(upper_KBO.transpose(1, 2), x_KBI)
    return torch.stack([products.matmul(upper.t(), x) for upper, x in zip(upper_KBO, x_KBI, strict=True)])


def block(
    x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation | None
) -> torch.Tensor:
    """Return activation(x W' + b) of each model [K, B, O]; None: no activation."""
    return chain(x_KBI, (activation,), weight_KOI, bias_KO)


def chain(
    x_KBI: torch.Tensor,
    activations: tuple[Activation | None, ...],
    *parameters: torch.Tensor,
    noise: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return what layers behind each other make of rows; `parameters`: weight and bias of each in turn; `noise`
    [K, L, B, O]: what dropout multiplies the units of the first L by, those with an activation; None: no dropout."""
    apply: Callable[..., torch.Tensor] = Chain.apply
    return apply(x_KBI, activations, noise, *parameters)


def there_and_back(
    x_KBI: torch.Tensor,
    activations: tuple[Activation | None, ...],
    *parameters: torch.Tensor,
    noise: torch.Tensor | None = None,
) -> tuple[torch.Tensor, WayBack]:
    """Return the same as `chain` for rows of a data set, and the way back, without autograd."""
    with torch.no_grad():
        result, kept = _there(x_KBI, activations, noise, parameters, way_back=True)

    @torch.no_grad()
    def back(upper: torch.Tensor) -> list[torch.Tensor]:
        return _back(upper, activations, noise, kept, to_rows=False)[1]

    return result, back
