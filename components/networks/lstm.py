"""Long short-term memory (Hochreiter and Schmidhuber 1997), with a forget gate that begins open (Jozefowicz 2015).

input, forget, output = sigmoid(...), new = tanh(...); memory = forget * memory + input * new;
state = output * tanh(memory). Loop: `cells.py`; all else: `recurrent.py`.

On a CPU, and where all sequences have one length, torch's own kernel takes one model after the other: as fast as the
loop at small widths, a quarter faster at width 128 (figures in `cells.py`).
"""

from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.headed import HeadedNetwork
from components.networks.network import Inputs
from components.networks.recurrent import Layer, Recurrent, build

if TYPE_CHECKING:
    import torch

    from components.networks import cells, products
else:
    torch = lazy("torch")
    cells = lazy("components.networks.cells")
products = lazy("components.networks.products")


class LSTM(Recurrent):
    """A network of long short-term memory."""

    kind: Literal["lstm"] = setting("lstm", "long short-term memory, for sequences")

    def build(self, inputs: Inputs, num_outputs: int) -> HeadedNetwork:
        """Return the network for sequences (T, F), or pictures row by row."""
        biases = (0.0, 1.0, 0.0, 0.0)  # the forget gate begins at sigmoid(1)
        return build(self, inputs, num_outputs, Layer(title="LSTM", run=_run, biases=biases))


def _run(
    x_KBTI: "torch.Tensor", weights: "tuple[torch.Tensor, ...]", lengths_KB: "torch.Tensor | None", backwards: bool
) -> "tuple[torch.Tensor, torch.Tensor]":
    if x_KBTI.device.type == "cpu" and lengths_KB is None and not products.rounds():
        found = [
            _own_kernel(x_BTI, [weight[number] for weight in weights], backwards=backwards)
            for number, x_BTI in enumerate(x_KBTI)
        ]
        told, last = zip(*found, strict=True)
        return torch.stack(told), torch.stack(last)
    return cells.run(_cell, 2, x_KBTI, weights, lengths_KB, backwards=backwards)


def _cell(part: "torch.Tensor", recurrent: "torch.Tensor", state: "cells.State") -> "cells.State":
    memory = state[1]
    enter, forget, new, output = (part + recurrent).chunk(4, dim=-1)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(output) * torch.tanh(memory), memory


def _own_kernel(
    x_BTI: "torch.Tensor", weights: "list[torch.Tensor]", *, backwards: bool
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return what one model tells at every step [B, T, H], and at the last [B, H], by torch's kernel."""
    x_TBI = x_BTI.transpose(0, 1)
    if backwards:
        x_TBI = x_TBI.flip(0)
    start = x_BTI.new_zeros(1, len(x_BTI), weights[1].shape[1])
    told, last, _ = torch.lstm(x_TBI.contiguous(), (start, start), weights, True, 1, 0.0, True, False, False)
    if backwards:
        told = told.flip(0)
    return told.transpose(0, 1), last[0]
