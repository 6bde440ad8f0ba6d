"""What the optimizers share: sentences, the ranges of their rates, numbers of many rows as columns.

Legend: K models, P floats of one.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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


def with_l2(grads_KP: "Tensor", rows_KP: "Tensor", numbers: "Mapping[str, Tensor]") -> "Tensor":
    """Return the gradients [K, P] with the penalty's."""
    return torch.addcmul(grads_KP, rows_KP, numbers["l2"])


def put(old_KP: "Tensor", new_KP: "Tensor", active_K1: "Tensor | None") -> "Tensor":
    """Write new values over old ones, in place, in rows that make this step (None: all do)."""
    return old_KP.copy_(new_KP if active_K1 is None else torch.where(active_K1, new_KP, old_KP))
