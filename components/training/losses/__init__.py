"""Losses: what a step descends, and the plain loss of every row that early stopping and the learning curves look at.

`classes.py` and `numbers.py` have one class for each, `weighting.py` what a row counts. The plain loss has no
smoothing, no weights and no penalties: train and validation can be compared, and a curve of `mse` of numbers is in
units of the target's variance, 1.0 being as good as always saying the mean.

Legend: K models, B rows of a batch, C outputs.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from components.core.contracts import Task
from components.core.errors import UserMistake
from components.core.lazy import lazy
from components.training.losses.classes import CrossEntropy, Focal
from components.training.losses.numbers import MAE, MSE, Huber, Quantile

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from components.training.spec import TrainingSpec
else:
    torch = lazy("torch")

Loss = Literal["cross_entropy", "focal", "mse", "mae", "huber", "quantile"]
LossSpec = CrossEntropy | Focal | MSE | MAE | Huber | Quantile

KINDS: Mapping[str, Any] = MappingProxyType(
    {
        "cross_entropy": CrossEntropy,
        "focal": Focal,
        "mse": MSE,
        "mae": MAE,
        "huber": Huber,
        "quantile": Quantile,
    }
)


def misfit(kind: str, task: str) -> tuple[str, str] | None:
    """Return what is wrong with a loss for a task, and the way out; None when it fits."""
    if kind == "auto" or task in KINDS[kind].tasks:
        return None
    target = "the target is a number" if task == "regression" else "the target is a class"
    fitting = [word for word, loss in KINDS.items() if task in loss.tasks]
    return f"is {kind}, and {target}.", f"Write auto, or one of {', '.join(fitting)}."


def resolve(loss: LossSpec | Literal["auto"], task: Task) -> Loss:
    """Return the kind of a loss, and what `auto` means for a task. Raises UserMistake for one that does not fit."""
    if loss == "auto":
        return "mse" if task == "regression" else "cross_entropy"
    if (found := misfit(loss.kind, task)) is not None:
        raise UserMistake(f"search.training.loss {' '.join(found)}")
    return loss.kind


class Criterion:
    """The losses of K models of one kind, each with its own number, smoothing and weights of classes."""

    def __init__(
        self,
        loss: Loss,
        trainings: "Sequence[TrainingSpec]",
        dtype: "torch.dtype",
        device: "torch.device",
        factor_KC: "Tensor | None" = None,
    ) -> None:
        """`factor_KC`: what a row of a class counts in a step (`weighting.py`); None: 1."""
        self._kind = KINDS[loss]
        default = KINDS[loss]().number  # of `auto`
        numbers = [[default if training.loss == "auto" else training.loss.number] for training in trainings]
        smoothing = [[training.label_smoothing] for training in trainings]
        self._number_K1 = torch.tensor(numbers, dtype=dtype, device=device)
        smooth_K1 = torch.tensor(smoothing, dtype=dtype, device=device)
        self._smooth_K1 = smooth_K1 if any(value for (value,) in smoothing) else None
        self._factor_KC = factor_KC

    def slope(self, outputs_KBC: "Tensor", target_KB: "Tensor", share_KB: "Tensor") -> "Tensor":
        """Return how each model's loss changes with its outputs [K, B, C]. The loss is the sum over rows, weighted by
        `share_KB` (1 / batch for rows that count, else 0; times the weights of single rows, where they have some).

        `target_KB` is int64 for classes and floating for numbers, whose smoothing has no meaning and no effect.
        Outputs [K, B, m, C] are those of a network of m members: the loss is the mean of theirs, not that of a mean.
        """
        shape = outputs_KBC.shape
        with torch.no_grad():
            if outputs_KBC.dim() == 4:
                outputs_KBC, target_KB, share_KB = _each_member(outputs_KBC, target_KB, share_KB)
            if self._factor_KC is not None:
                numbers = target_KB.is_floating_point()
                classes_KB = torch.zeros_like(target_KB, dtype=torch.int64) if numbers else target_KB
                share_KB = share_KB * self._factor_KC.gather(1, classes_KB)
            found: Tensor = self._kind.slope(outputs_KBC, target_KB, self._number_K1, self._smooth_K1)
            return (found * share_KB.unsqueeze(2)).contiguous().view(shape)  # found may lie class by class

    def plain(self, outputs_KBC: "Tensor", target_KB: "Tensor") -> "Tensor":
        """Return the loss of every row [K, B]."""
        found: Tensor = self._kind.of_rows(outputs_KBC, target_KB, self._number_K1)
        return found


def _each_member(outputs_KBmC: "Tensor", target_KB: "Tensor", share_KB: "Tensor") -> "tuple[Tensor, Tensor, Tensor]":
    """Return members as rows, each of which has the row's target and its part of the row's share."""
    members = outputs_KBmC.shape[2]
    target_KBm, share_KBm = (
        part_KB.unsqueeze(2).expand(-1, -1, members) for part_KB in (target_KB, share_KB / members)
    )
    return outputs_KBmC.flatten(1, 2), target_KBm.flatten(1), share_KBm.flatten(1)


def predictions(outputs_KBC: "Tensor", task: Task) -> "Tensor":
    """Return probabilities, or standardised values as they are."""
    return outputs_KBC if task == "regression" else outputs_KBC.softmax(2)


__all__ = [
    "KINDS",
    "MAE",
    "MSE",
    "Criterion",
    "CrossEntropy",
    "Focal",
    "Huber",
    "Loss",
    "LossSpec",
    "Quantile",
    "misfit",
    "predictions",
    "resolve",
]
