"""Plain recurrent networks: state = tanh(W x + b + U state + c) (Elman 1990).

The smallest of the three; it forgets what lies many steps back. Loop: `cells.py`; all else: `recurrent.py`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.headed import HeadedNetwork
from components.networks.network import Inputs
from components.networks.recurrent import Layer, Recurrent, Run, build

if TYPE_CHECKING:
    import torch

    from components.networks import cells
else:
    torch = lazy("torch")
    cells = lazy("components.networks.cells")


class RNN(Recurrent):
    """A plain recurrent network."""

    kind: Literal["rnn"] = setting("rnn", "plain recurrent layers, for sequences")
    activation: Literal["tanh", "relu"] = setting("tanh", "of the state; also relu")

    def build(self, inputs: Inputs, num_outputs: int) -> HeadedNetwork:
        """Return the network for sequences (T, F), or pictures row by row."""
        run = _run_of(lambda h: torch.tanh(h) if self.activation == "tanh" else torch.relu(h))
        return build(self, inputs, num_outputs, Layer(title="plain recurrent", run=run, biases=(0.0,)))


def _run_of(activation: "Callable[[torch.Tensor], torch.Tensor]") -> Run:
    def cell(part: "torch.Tensor", recurrent: "torch.Tensor", state: "cells.State") -> "cells.State":
        return (activation(part + recurrent),)

    def run(
        x_KBTI: "torch.Tensor", weights: "tuple[torch.Tensor, ...]", lengths_KB: "torch.Tensor | None", backwards: bool
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        return cells.run(cell, 1, x_KBTI, weights, lengths_KB, backwards=backwards)

    return run
