"""A network as it is laid out, layer by layer: its tensors, how they begin, its table for people, its multiply-adds.

An architecture adds its layers to a plan once; what it needs besides is its forward pass. So the count of parameters,
the table in the report and the cost on which members are chosen cannot contradict each other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union

from components.core.lazy import lazy
from components.networks.store import Layout, Slot

if TYPE_CHECKING:
    import torch

    from components.networks import initialization
    from components.networks.network import Views
else:
    torch = lazy("torch")
    initialization = lazy("components.networks.initialization")

Rule = Literal["weight", "recurrent", "position"]
Sample = Union["torch.Tensor", None]
Begin = Callable[[Any, "torch.Generator", Sample], "torch.Tensor"]
"""(the row's own settings, its generator, rows of its fold [n, F]) -> the first values of a tensor, one model's."""
POSITION_DEVIATION = 0.02  # of the first positions and of the class token (as in Dosovitskiy 2021)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor of the plan and its beginning: a rule, a number that fills it, or a function."""

    slot: Slot
    begins: Rule | Begin | float
    parts: int = 1  # matrices stacked in it, each of which begins by itself: the gates of a cell
    held: float = 1.0  # so many times as large as what the rule says: the layer uses 1 / held of it


class Plan:
    """What an architecture has laid out so far."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.running: list[Tensor] = []
        self.rows: list[dict[str, Any]] = []
        self.cost = 0  # multiply-adds for one row

    @property
    def parameters(self) -> Layout:
        """Where the parameters lie."""
        return Layout([tensor.slot for tensor in self.tensors])

    @property
    def buffers(self) -> Layout:
        """Where the running statistics lie."""
        return Layout([tensor.slot for tensor in self.running])

    def weight(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        begins: Rule | Begin = "weight",
        parts: int = 1,
        held: float = 1.0,
    ) -> int:
        """Add a matrix or kernel, which L1 counts; return its numbers."""
        slot = Slot(name=name, shape=shape, penalised=True)
        self.tensors.append(Tensor(slot=slot, begins=begins, parts=parts, held=held))
        return math.prod(shape)

    def vector(self, name: str, shape: tuple[int, ...], *, begins: Rule | Begin | float = 0.0) -> int:
        """Add a bias, a scale, positions; return its numbers."""
        self.tensors.append(Tensor(slot=Slot(name=name, shape=shape), begins=begins))
        return math.prod(shape)

    def statistics(self, name: str, size: int) -> None:
        """Add running mean and variance."""
        self.running.append(Tensor(slot=Slot(name=f"{name}.mean", shape=(size,)), begins=0.0))
        self.running.append(Tensor(slot=Slot(name=f"{name}.variance", shape=(size,)), begins=1.0))

    def measured(self, name: str, shape: tuple[int, ...], begins: Begin) -> None:
        """Add what is measured on the sample once, and trained no more."""
        self.running.append(Tensor(slot=Slot(name=name, shape=shape), begins=begins))

    def linear(
        self, name: str, inputs: int, outputs: int, *, bias: bool = True, times: int = 1, held: float = 1.0
    ) -> int:
        """Add `<name>.weight` and `<name>.bias`, applied `times` times a row; return their numbers."""
        self.cost += times * inputs * outputs
        count = self.weight(f"{name}.weight", (outputs, inputs), held=held)
        return count + (self.vector(f"{name}.bias", (outputs,)) if bias else 0)

    def norm(self, name: str, size: int) -> int:
        """Add `<name>.scale` and `<name>.shift`; return their numbers."""
        return self.vector(f"{name}.scale", (size,), begins=1.0) + self.vector(f"{name}.shift", (size,))

    def row(self, layer: str, shape: Sequence[int], parameters: int = 0) -> None:
        """Add a line of the table; `shape` is what the layer returns for one row (of a matrix: [inputs, outputs])."""
        self.rows.append({"layer": layer, "shape": list(shape), "parameters": parameters})

    def begin(
        self,
        spec: Any,
        parameters: "Views",
        buffers: "Views",
        generator: "torch.Generator",
        sample_nF: Sample = None,
        head: str = "output",
    ) -> None:
        """Fill views [1, ...] of one model by its own spec: see `Network.initialize`. `head` is the last layer."""
        for tensors, views in ((self.tensors, parameters), (self.running, buffers)):
            for tensor in tensors:
                _begin(tensor, spec, views[tensor.slot.name][0], generator, sample_nF)
        if spec.zero_head:
            parameters[f"{head}.weight"].zero_()


def _begin(
    tensor: Tensor,
    spec: Any,
    values: "torch.Tensor",
    generator: "torch.Generator",
    sample_nF: Sample,
) -> None:
    if isinstance(tensor.begins, float):
        values.fill_(tensor.begins)
    elif callable(tensor.begins):
        values.copy_(tensor.begins(spec, generator, sample_nF))
    elif tensor.begins == "position":  # drawn on the host, where the generator is
        values.copy_(torch.empty(values.shape).normal_(0.0, POSITION_DEVIATION, generator=generator))
    else:
        recurrent = tensor.begins == "recurrent"
        scheme = spec.recurrent_initialization if recurrent else spec.initialization
        for part in values.chunk(tensor.parts):
            if recurrent:
                initialization.initialize(scheme, part, generator, length=1.0)
            else:
                initialization.initialize(scheme, part, generator)
        if tensor.held != 1.0:
            values.mul_(tensor.held)
