"""What every architecture is: a layout of parameters, a start for one row, and a forward pass for K rows at once.

A settings class says which data it `takes` and has `build(inputs, num_outputs) -> Network`; `registry.py` has them all.

An architecture holds no tensors. The trainer owns the buffers (`store.py`) and hands in views, so one population, a
compacted one and a loaded member go through the same code. Gradients are autograd's.

Legend: K models, B rows of a batch, n rows of a sample, F columns, H W D height, width, channels, T steps, C outputs.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from components.core.specs import Spec
from components.networks.store import Layout

if TYPE_CHECKING:
    import torch
    from numpy.random import SFC64

    from components.networks.counted import Counted

Views = Mapping[str, "torch.Tensor"]
DataKind = Literal["table", "image", "sequence"]
REST = -1
DATA_KINDS: tuple[DataKind, ...] = ("table", "sequence", "image")  # by the number of axes of one row, from 1 on


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """One row as a network sees it: (F,) of a table, (T, F) of a sequence, (H, W, D) of an image.

    The columns of a table: first measured numbers, then flags (of missing values, of levels), and last, for each coded
    category, its code in [0, codes[g]) as a float: 0 is missing or unknown.
    """

    shape: tuple[int, ...]
    codes: tuple[int, ...] = ()  # how many codes each coded column has
    numbers: int = REST  # so many columns are measured numbers; REST: of a table all that are no codes, else none

    def __post_init__(self) -> None:
        if self.numbers == REST:
            object.__setattr__(self, "numbers", self.size - len(self.codes) if self.kind == "table" else 0)
        if not 0 <= self.numbers <= self.size - len(self.codes):
            raise ValueError(f"{self.numbers} numbers and {len(self.codes)} codes are no row of {self.shape}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Inputs":
        """Read what `dataclasses.asdict` and JSON made of inputs."""
        return cls(shape=tuple(value["shape"]), codes=tuple(value["codes"]), numbers=value["numbers"])

    @property
    def flags(self) -> int:
        """Columns between numbers and codes."""
        return self.size - self.numbers - len(self.codes)

    @property
    def size(self) -> int:
        """Numbers in one row."""
        return math.prod(self.shape)

    @property
    def kind(self) -> DataKind:
        """Which data this is."""
        return DATA_KINDS[len(self.shape) - 1]


class NetworkSpec(Spec):
    """What the settings class of every architecture has."""

    takes: ClassVar[frozenset[DataKind]]
    per_row: ClassVar[frozenset[str]]  # settings that may differ between the models of one population

    kind: Any

    @abstractmethod
    def build(self, inputs: Inputs, num_outputs: int) -> "Network":
        """Return the network for rows of this shape. It asks nothing of torch."""


@dataclass(frozen=True, kw_only=True)
class TrainingPass:
    """What a forward pass needs while training. In prediction there is none: no noise, running statistics."""

    settings: Mapping[str, tuple[float, ...]]  # name of a `per_row` setting -> one number per model
    generators: "Sequence[SFC64] | Counted"  # one per model: its noise does not depend on the others
    weight_KB: "torch.Tensor | None"  # 1 for rows that count, 0 for padding, which comes last; None: all count
    steps: tuple[int, ...]  # steps that each model has made before this one
    active: tuple[bool, ...]  # whether a model makes this step: a row of all padding changes nothing
    made_K1: "torch.Tensor | None" = None  # `steps` where the pass is captured, and must not read what is on the host
    active_K1: "torch.Tensor | None" = None  # `active` there: 1 or 0; None: all

    def rates(self, name: str) -> tuple[float, ...]:
        """Return a setting of each model; 0 for those that do not make this step, so that they draw no noise."""
        return tuple(rate if on else 0.0 for rate, on in zip(self.settings[name], self.active, strict=True))

    def of_model(self, number: int) -> "TrainingPass":
        """Return the pass of one model alone, all of whose rows count."""
        assert isinstance(self.generators, Sequence), "models go one by one on a processor, which draws from generators"
        return TrainingPass(
            settings={name: values[number : number + 1] for name, values in self.settings.items()},
            generators=self.generators[number : number + 1],
            weight_KB=None,
            steps=self.steps[number : number + 1],
            active=self.active[number : number + 1],
        )


class Network(Protocol):
    """One architecture with its sizes."""

    parameters: Layout
    buffers: Layout  # running statistics, and what was measured on the sample; size 0 when there are none

    def initialize(
        self,
        spec: Any,
        parameters: Views,
        buffers: Views,
        generator: "torch.Generator",
        sample_nF: "torch.Tensor | None" = None,
    ) -> None:
        """Fill views [1, ...] of one row; `spec` is this row's own (its initialization may differ).

        `sample_nF`: some fit rows of its fold, on the host, for what begins from data; None: not a table.
        """
        ...

    def forward(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """Return outputs [K, B, C] for x [K, B, *shape]: logits, or standardised values.

        `lengths_KB` says how many steps of a sequence count (None: all); whoever has no steps ignores it. In training,
        buffers are updated in place.
        """
        ...

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """Return what the last layer sees when it predicts: [K, B, E]."""
        ...

    def cost(self) -> int:
        """Multiply-adds for one row."""
        ...

    def table(self) -> list[dict[str, Any]]:
        """Return the layers for people to read: {"layer", "shape", "parameters"} each."""
        ...
