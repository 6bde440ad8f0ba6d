"""Losses of classes: cross-entropy and focal loss.

The binary cross-entropy is the categorical one with two outputs: softmax of two logits is the sigmoid of their
difference. Labels may be smoothed (Szegedy 2016): then each class has its share of a row in what a step descends.

Of each loss there is the plain one of a row, which is looked at, and its slope, which is descended, written out: for
two classes and one network autograd takes five times as long as what it is asked for.

Legend: K models, B rows of a batch, C outputs (logits).
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import Spec, setting

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy("torch")

FEW_CLASSES = 16  # numbers in a register
SMALLEST = 1.0e-7  # of 1 - p: a power below 1 has no slope at 0


class CrossEntropy(Spec):
    """-log of the probability of the right class."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    number: ClassVar[float] = 0.0

    kind: Literal["cross_entropy"] = setting("cross_entropy", "minus the log of the probability of the right class")

    @staticmethod
    def of_rows(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor") -> "Tensor":
        """Return the loss of every row [K, B]. `number_K1`: the models' own numbers."""
        return -_right(_log_probabilities(outputs_KBC), target_KB)

    @staticmethod
    def slope(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
        """Return how the loss of every row changes with its outputs [K, B, C]. `smooth_K1`: the models' smoothing."""
        return minus_labels(probabilities(outputs_KBC), target_KB, smooth_K1)


class Focal(Spec):
    """Cross-entropy times (1 - p) ** gamma: rows that are right already count less (Lin 2017)."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})

    kind: Literal["focal"] = setting("focal", "cross-entropy in which rows that are right already count less")
    gamma: float = setting(2.0, "how much less: (1 - p) ** gamma; 0 is cross_entropy", ge=0)

    @property
    def number(self) -> float:
        """What `of_rows` takes of this model."""
        return self.gamma

    @staticmethod
    def of_rows(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor") -> "Tensor":
        """See `CrossEntropy.of_rows`."""
        logs_KBC = _log_probabilities(outputs_KBC)
        return -_right(_wrong(logs_KBC).pow(number_K1.unsqueeze(2)) * logs_KBC, target_KB)

    @staticmethod
    def slope(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
        """See `CrossEntropy.slope`."""
        logs_KBC, gamma_K11 = _log_probabilities(outputs_KBC), number_K1.unsqueeze(2)
        p_KBC, wrong_KBC = logs_KBC.exp(), _wrong(logs_KBC)
        # how (1 - p) ** gamma * log p of each class changes with its log p
        rises_KBC = wrong_KBC.pow(gamma_K11 - 1) * (wrong_KBC - gamma_K11 * p_KBC * logs_KBC * (wrong_KBC > SMALLEST))
        counts_KBC = minus_labels(torch.zeros_like(p_KBC), target_KB, smooth_K1) * rises_KBC  # below 0
        return counts_KBC - p_KBC * counts_KBC.sum(2, keepdim=True)


def _wrong(logs_KBC: "Tensor") -> "Tensor":
    """Return 1 - p, exact near p = 1."""
    return (-logs_KBC.expm1()).clamp_min(SMALLEST)


def _right(values_KBC: "Tensor", target_KB: "Tensor") -> "Tensor":
    return values_KBC.gather(2, target_KB.unsqueeze(2)).squeeze(2)


def _log_probabilities(outputs_KBC: "Tensor") -> "Tensor":
    """Return the logarithms of probabilities. Along few numbers that lie side by side torch's kernel works one by one:
    with 7 classes it takes seven times as long as along another axis, with 60 half as long."""
    if outputs_KBC.shape[2] >= FEW_CLASSES:
        return outputs_KBC.log_softmax(2)
    return outputs_KBC.transpose(1, 2).log_softmax(1).transpose(1, 2)


def probabilities(outputs_KBC: "Tensor") -> "Tensor":
    """Return probabilities; see `_log_probabilities`."""
    if outputs_KBC.shape[2] >= FEW_CLASSES:
        return outputs_KBC.softmax(2)
    return outputs_KBC.transpose(1, 2).softmax(1).transpose(1, 2)


def minus_labels(values_KBC: "Tensor", target_KB: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
    """Take off values, in their place, what labels say of each class: 1 of the right one, 0 of the others; smoothed,
    some of it for all alike."""
    target_KB1 = target_KB.unsqueeze(2)
    right_KB1 = torch.full_like(target_KB1, -1, dtype=values_KBC.dtype)
    if smooth_K1 is not None:
        values_KBC -= smooth_K1.unsqueeze(2) / values_KBC.shape[2]
        right_KB1 += smooth_K1.unsqueeze(2)
    return values_KBC.scatter_add_(2, target_KB1, right_KB1)
