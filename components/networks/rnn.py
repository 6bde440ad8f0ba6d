"""Plain recurrent networks: state = tanh(W x + b + U state + c) (Elman 1990).

The smallest of the three; it forgets what lies many steps back. Loop: `cells.py`; all else: `recurrent.py`.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.network import Inputs
from components.networks.recurrent import Recurrent, RecurrentNetwork

if TYPE_CHECKING:
    import torch

    from components.networks import cells
else:
    torch = lazy("torch")
    cells = lazy("components.networks.cells")


class RNN(Recurrent):
    """A plain recurrent network."""

    gates: ClassVar[int] = 1

    kind: Literal["rnn"] = setting("rnn", "plain recurrent layers, for sequences")
    activation: Literal["tanh", "relu"] = setting("tanh", "of the state; also relu")

    def build(self, inputs: Inputs, num_outputs: int) -> "RNNNetwork":
        """Return the network for sequences (T, F), or pictures row by row."""
        return RNNNetwork(self, inputs, num_outputs)


class RNNNetwork(RecurrentNetwork):
    """Plain recurrent networks."""

    title: ClassVar[str] = "plain recurrent"
    spec: RNN

    def run(
        self,
        x_KBTI: "torch.Tensor",
        weights: "tuple[torch.Tensor, ...]",
        lengths_KB: "torch.Tensor | None",
        *,
        backwards: bool,
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """See `RecurrentNetwork`."""
        activation = torch.tanh if self.spec.activation == "tanh" else torch.relu

        def cell(part: "torch.Tensor", recurrent: "torch.Tensor", state: "cells.State") -> "cells.State":
            return (activation(part + recurrent),)

        return cells.run(cell, 1, x_KBTI, weights, lengths_KB, backwards=backwards)
