"""Gated recurrent units (Cho 2014), in torch's form: the reset gate acts behind the product with the state.

reset, update = sigmoid(...); new = tanh(W x + b + reset * (U state + c)); state = update * state + (1 - update) * new
Loop: `cells.py`; all else: `recurrent.py`.
"""

from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.headed import HeadedNetwork
from components.networks.network import Inputs
from components.networks.recurrent import Layer, Recurrent, build

if TYPE_CHECKING:
    import torch

    from components.networks import cells
else:
    torch = lazy("torch")
    cells = lazy("components.networks.cells")


class GRU(Recurrent):
    """A network of gated recurrent units."""

    kind: Literal["gru"] = setting("gru", "gated recurrent units, for sequences")

    def build(self, inputs: Inputs, num_outputs: int) -> HeadedNetwork:
        """Return the network for sequences (T, F), or pictures row by row."""
        return build(self, inputs, num_outputs, Layer(title="GRU", run=_run, biases=(0.0, 0.0, 0.0)))


def _run(
    x_KBTI: "torch.Tensor", weights: "tuple[torch.Tensor, ...]", lengths_KB: "torch.Tensor | None", backwards: bool
) -> "tuple[torch.Tensor, torch.Tensor]":
    return cells.run(_cell, 1, x_KBTI, weights, lengths_KB, backwards=backwards)


def _cell(part: "torch.Tensor", recurrent: "torch.Tensor", state: "cells.State") -> "cells.State":
    width = state[0].shape[2]
    gates = torch.sigmoid(part[..., : 2 * width] + recurrent[..., : 2 * width])
    reset, update = gates[..., :width], gates[..., width:]
    new = torch.tanh(torch.addcmul(part[..., 2 * width :], reset, recurrent[..., 2 * width :]))
    return (torch.lerp(new, state[0], update),)
