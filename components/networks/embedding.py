"""What stands before the first layer of a network on a table: numbers as `numbers.py` says, a vector for each category.

A row is one matrix row: numbers, flags, codes (`network.Inputs`). What comes out, in this order: numbers and flags as
they are, the vectors of the categories, what is made of the numbers. Code 0, missing or unknown, begins with a vector
of zeros, as in one-hot; other vectors begin with a length of about 1, as those of one-hot. (Embeddings of categories:
Guo and Berkhahn 2016.)

One table [levels, d] holds the vectors of all columns; so all categories of a batch are one look-up.

Legend: K models, B rows, F columns, G codes, N numbers, L levels of all codes, d numbers of a vector, O and H as in
`numbers.py`, E what comes out.
"""

import itertools
import math
from typing import TYPE_CHECKING, Any, Protocol

from components.core.lazy import lazy
from components.networks.network import Inputs, Views
from components.networks.numbers import NumberMaps, Numbers
from components.networks.plan import Plan, Sample

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")

LARGEST_PIECE = 256  # rows of one pass that only predicts


class TakesTables(Protocol):
    """What the settings of a network on tables have."""

    @property
    def numbers(self) -> Numbers:
        """How a number enters."""
        ...

    @property
    def embedding(self) -> int:
        """d, numbers for one category."""
        ...


class Front:
    """The way from the columns of a table to the first layer."""

    def __init__(self, spec: TakesTables, inputs: Inputs, plan: Plan) -> None:
        """Lay the tensors into a plan, under "numbers." and "categories."."""
        self.inputs = inputs
        self.size = spec.embedding  # d
        self.maps = NumberMaps(spec.numbers, inputs.numbers, plan)
        self._levels = sum(inputs.codes)  # L
        self._offsets: dict[Any, torch.Tensor] = {}  # by device and count of models
        if inputs.codes:
            count = plan.vector("categories.vectors", (self._levels, self.size), begins=self._vectors)
            plan.row("categories: embedding", [len(inputs.codes), len(inputs.codes) * self.size], count)
        self.plain = not (inputs.codes or self.maps.made)  # nothing stands before the first layer

    @property
    def width(self) -> int:
        """E, what comes out for one row."""
        made = self.inputs.numbers * self.maps.made
        return self.inputs.size - len(self.inputs.codes) + len(self.inputs.codes) * self.size + made

    def of(self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor") -> "torch.Tensor":
        """Return what the first layer sees of rows [K, B, E]."""
        if self.plain:
            return x_KBF
        models, rows, columns = x_KBF.shape
        parts = [x_KBF[:, :, : columns - len(self.inputs.codes)]]
        if self.inputs.codes:
            parts.append(self.vectors(parameters, x_KBF).view(models, rows, -1))
        if self.maps.made:
            parts.append(self.made(parameters, buffers, x_KBF).permute(0, 3, 1, 2).reshape(models, rows, -1))
        return torch.cat(parts, dim=2)

    def made(self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor") -> "torch.Tensor":
        """Return what is made of the numbers of rows [K, N, O, B]; in prediction piece by piece, H is much memory."""
        numbers_KBN = x_KBF[:, :, : self.inputs.numbers]
        pieces = [numbers_KBN] if torch.is_grad_enabled() else torch.split(numbers_KBN, LARGEST_PIECE, dim=1)
        made = [self.maps.of(parameters, buffers, piece.transpose(1, 2).contiguous()) for piece in pieces]
        return made[0] if len(made) == 1 else torch.cat(made, dim=3)

    def vectors(self, parameters: Views, x_KBF: "torch.Tensor") -> "torch.Tensor":
        """Return the vectors of the categories of rows [K, B, G, d]."""
        models = len(x_KBF)
        codes_KBG = x_KBF[:, :, x_KBF.shape[2] - len(self.inputs.codes) :].long()
        places = codes_KBG + self._offsets_of(models, x_KBF.device)
        table = parameters["categories.vectors"].reshape(models * self._levels, self.size)
        return torch.nn.functional.embedding(places, table)

    def _offsets_of(self, models: int, device: "torch.device") -> "torch.Tensor":
        """Return where the vectors of each model's columns begin [K, 1, G]."""
        found = self._offsets.get((models, device))
        if found is None:
            columns = torch.tensor([0, *itertools.accumulate(self.inputs.codes[:-1])], device=device)
            found = (torch.arange(models, device=device) * self._levels).view(-1, 1, 1) + columns
            self._offsets[models, device] = found
        return found

    def _vectors(self, spec: Any, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
        table = torch.randn(self._levels, self.size, generator=generator) / math.sqrt(self.size)
        table[[0, *itertools.accumulate(self.inputs.codes[:-1])]] = 0.0
        return table
