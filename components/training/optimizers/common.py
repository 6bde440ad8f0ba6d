"""What the optimizers share: sentences, the ranges of their rates, the step of many rows with their numbers as columns.

Legend: K models, P floats of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from components.core.lazy import lazy
from components.core.specs import Spec

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy("torch")

LR_ADAPTIVE = {"low": 1.0e-4, "high": 1.0e-1, "log": True}
LR_PLAIN = {"low": 1.0e-3, "high": 1.0, "log": True}
L2 = "penalty in the gradient, on all parameters"


def columns(specs: Sequence[Spec], dtype: "torch.dtype", device: "torch.device") -> "dict[str, Tensor]":
    """Return every real setting of the rows' optimizers as a column [K, 1]: what `step_stack` takes as `numbers`."""
    names = [name for name in type(specs[0]).model_fields if isinstance(getattr(specs[0], name), float)]
    return {name: torch.tensor([[getattr(spec, name)] for spec in specs], dtype=dtype, device=device) for name in names}


class Moving(NamedTuple):
    """Rows that make a step with the same numbers; each is changed for itself, by the same arithmetic as alone."""

    rows: "list[Tensor]"  # [P] each, changed in place
    gradients: "list[Tensor]"
    states: "list[list[Tensor]]"  # of each state: the rows' [P], changed in place
    steps: "list[Tensor]"  # of each row: the number of this step, from 1; the same in all


@dataclass(frozen=True, kw_only=True)
class StackStep:
    """What a step of all rows begins with. Rows that are not active stay as they are, memory included."""

    rows_KP: "Tensor"  # changed in place
    gradients_KP: "Tensor"
    states: "Sequence[Tensor]"  # [K, P] each, changed in place
    step_K1: "Tensor"  # counts from 1
    rate_K1: "Tensor"  # of this step
    numbers: "Mapping[str, Tensor]"  # the rows' own settings: `columns`
    active_K1: "Tensor | None" = None  # truth; None: all make this step

    def gradients_with_l2(self) -> "Tensor":
        """Return the gradients [K, P] with the penalty's."""
        return torch.addcmul(self.gradients_KP, self.rows_KP, self.numbers["l2"])

    def put(self, old_KP: "Tensor", new_KP: "Tensor") -> "Tensor":
        """Write new values over old ones in the rows that make this step; return what is there then."""
        return old_KP.copy_(new_KP if self.active_K1 is None else torch.where(self.active_K1, new_KP, old_KP))

    def move(self, way_KP: "Tensor") -> None:
        """Add a way to the rows that make this step."""
        self.put(self.rows_KP, self.rows_KP + way_KP)
