"""A perceptron's step of training, there and back, without autograd.

Autograd knows no network but notes down every call and calls back one by one: a third of the step of one small
perceptron, a quarter of that of five with batch norm. What stands before the first layer, and weights that are not used
as they are held (`embedding.py`, `scaled.py`), are still its own.

Legend: K models, B rows of a batch, E numbers that the first layer sees, O units, C outputs, L hidden layers.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from components.networks import batch_norm, blocks, parametric
from components.networks.network import TrainingPass, Views
from components.networks.scaled import MIX_RATE

if TYPE_CHECKING:
    from components.networks.mlp import MLP

Weights = tuple[torch.Tensor, torch.Tensor]
"""Weight [K, O, I] and bias [K, O] of a layer, as they are used."""


class _Layer(NamedTuple):
    """What the way back wants of a hidden layer."""

    x: torch.Tensor  # what went in
    norm: batch_norm.Kept | None
    mix: parametric.Kept | None
    own: torch.Tensor | None  # what says the activation's slope; None: the mix does


class Walk:
    """One step."""

    def __init__(
        self,
        spec: "MLP",
        parameters: Views,
        buffers: Views,
        training: TrainingPass,
        rows_KBE: torch.Tensor,
        weights: Sequence[Weights],
        noise_KLBO: torch.Tensor | None,
    ) -> None:
        """Go there: `outputs` [K, B, C]. `rows_KBE` and `weights`, of each layer, may be made of parameters by
        autograd; running statistics are updated in place."""
        self._spec, self._parameters, self._buffers = spec, parameters, buffers
        self._rows, self._weights, self._noise = rows_KBE, weights, noise_KLBO
        self._batch = batch_norm.batch_of(training, rows_KBE) if spec.batch_norm else None
        self._layers: list[_Layer] = []
        self._found: dict[str, torch.Tensor] = {}  # parameter -> its gradient
        self._made: list[tuple[torch.Tensor, torch.Tensor]] = []  # what autograd made, and its gradient
        with torch.no_grad():
            h = rows_KBE
            for number in range(spec.layers):
                h = self._there(number, h)
            self._last = h
            self.outputs, _ = blocks.there(h, *weights[-1], None)

    def _there(self, number: int, x: torch.Tensor) -> torch.Tensor:
        spec, norm, mix = self._spec, None, None
        fused = None if self._batch is not None or spec.parametric else spec.activation
        h, own = blocks.there(x, *self._weights[number], fused)
        if self._batch is not None:
            name = f"{number}.norm"
            scale, shift = self._parameters[f"{name}.scale"], self._parameters[f"{name}.shift"]
            h, mean, variance, norm = batch_norm.there(h, scale, shift, self._batch)
            batch_norm.remember(batch_norm.running(name, self._buffers), mean, variance, self._batch)
        if spec.parametric:
            h, mix = parametric.there(h, self._parameters[f"{number}.mix"] * MIX_RATE, spec.activation)
        elif fused is None:
            h, own = blocks.STEPS[spec.activation].forward(h, True)
        if self._noise is not None:
            # what went through relu says the same of its slope afterwards: where noise is 0 there is none
            spare = spec.parametric or own is not h or spec.activation == "relu"
            h = h.mul_(self._noise[:, number]) if spare else h * self._noise[:, number]
        self._layers.append(_Layer(x, norm, mix, None if spec.parametric else own))
        return x + h if spec.residual and number else h

    @torch.no_grad()
    def back(self, upper: torch.Tensor) -> list[torch.Tensor]:
        """Return the gradient of each parameter, in their order, from that of the outputs."""
        upper = self._linear(self._spec.layers, upper.contiguous(), self._last)
        for number in reversed(range(self._spec.layers)):
            through = self._back(number, upper)
            upper = through + upper if self._spec.residual and number else through
        if self._rows.requires_grad:
            self._made.append((self._rows, upper))
        if self._made:
            names = [name for name in self._parameters if name not in self._found]
            outputs, gradients = zip(*self._made, strict=True)
            found = torch.autograd.grad(outputs, [self._parameters[name] for name in names], gradients)
            self._found |= dict(zip(names, found, strict=True))
        return [self._found[name] for name in self._parameters]

    def _back(self, number: int, upper: torch.Tensor) -> torch.Tensor:
        layer, activation = self._layers[number], self._spec.activation
        # beside a layer that is added to what went in `upper` is still wanted; else it has room for what is made of it
        room = torch.empty_like(upper) if self._spec.residual and number else upper
        if self._noise is not None:
            upper = torch.mul(upper, self._noise[:, number], out=room)
        if layer.mix is not None:
            upper, for_mix = parametric.back(upper, layer.mix, activation)
            self._found[f"{number}.mix"] = for_mix * MIX_RATE
        elif layer.own is not None:
            upper = blocks.STEPS[activation].backward(upper, layer.own, room)
        if layer.norm is not None:
            upper, for_scale, for_shift = batch_norm.back(upper, layer.norm)
            self._found |= {f"{number}.norm.scale": for_scale, f"{number}.norm.shift": for_shift}
        return self._linear(number, upper, layer.x)

    def _linear(self, number: int, upper: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Go back through a layer's product; returns the gradient of what went in (of rows of a data set: none)."""
        weight, bias = self._weights[number]
        to_rows = number > 0 or self._rows.requires_grad
        for_rows, for_weight, for_bias = blocks.back(upper, x, weight, to_rows=to_rows)
        for part, used, gradient in (("weight", weight, for_weight), ("bias", bias, for_bias)):
            name = f"{number}.{part}"
            if used is self._parameters[name]:
                self._found[name] = gradient
            else:
                self._made.append((used, gradient))
        return upper if for_rows is None else for_rows
