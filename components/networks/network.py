"""What every architecture is: a layout of parameters, a start for one row, and a forward pass for K rows at once.

An architecture holds no tensors. The trainer owns the buffers (`store.py`) and hands in views, so one population, a
compacted one and a loaded member go through the same code. Gradients are autograd's.

Legend: K models, B rows of a batch, F inputs, C outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from components.networks.store import Layout

if TYPE_CHECKING:
    import torch

Views = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True, kw_only=True)
class TrainingPass:
    """What a forward pass needs while training. In prediction there is none: no noise, running statistics."""

    settings: Mapping[str, tuple[float, ...]]  # name of a `per_row` setting -> one number per model
    generators: "Sequence[torch.Generator]"  # one per model, so that its noise does not depend on the others
    weight_KB: "torch.Tensor | None"  # 1 for rows that count, 0 for padding; None: all count
    steps: tuple[int, ...]  # steps that each model has made before this one
    active: tuple[bool, ...]  # whether a model makes this step: a row of all padding changes nothing

    def rates(self, name: str) -> tuple[float, ...]:
        """Return a setting of each model; 0 for those that do not make this step, so that they draw no noise."""
        return tuple(rate if on else 0.0 for rate, on in zip(self.settings[name], self.active, strict=True))


class Network(Protocol):
    """One architecture with its sizes."""

    parameters: Layout
    buffers: Layout  # running statistics; size 0 when there are none

    def initialize(self, spec: Any, parameters: Views, buffers: Views, generator: "torch.Generator") -> None:
        """Fill views [1, ...] of one row; `spec` is this row's own (its initialization may differ)."""
        ...

    def forward(
        self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return outputs [K, B, C]: logits, or standardised values. In training, buffers are updated in place."""
        ...

    def cost(self) -> int:
        """Multiply-adds for one row of the table."""
        ...

    def table(self) -> list[dict[str, Any]]:
        """Return the layers for people to read: {"layer", "shape", "parameters"} each."""
        ...
