"""Losses of classes: cross-entropy and focal loss.

The binary cross-entropy is the categorical one with two outputs: softmax of two logits is the sigmoid of their
difference. Labels may be smoothed (Szegedy 2016): then each class has its share of a row.

Legend: K models, B rows of a batch, C outputs (logits).
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.specs import Spec, setting

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1.0e-7  # of 1 - p: a power below 1 has no slope at 0


class CrossEntropy(Spec):
    """-log of the probability of the right class."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    number: ClassVar[float] = 0.0

    kind: Literal["cross_entropy"] = setting("cross_entropy", "minus the log of the probability of the right class")

    @staticmethod
    def of_rows(
        outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None"
    ) -> "Tensor":
        """Return the loss of every row [K, B]. `number_K1`: the models' own numbers, `smooth_K1`: their smoothing."""
        return -_right(outputs_KBC.log_softmax(2), target_KB, smooth_K1)


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
    def of_rows(
        outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None"
    ) -> "Tensor":
        """See `CrossEntropy.of_rows`."""
        logs_KBC = outputs_KBC.log_softmax(2)
        wrong_KBC = (-logs_KBC.expm1()).clamp_min(SMALLEST)  # 1 - p, exact near p = 1
        return -_right(wrong_KBC.pow(number_K1.unsqueeze(2)) * logs_KBC, target_KB, smooth_K1)


def _right(values_KBC: "Tensor", target_KB: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
    """Return the value of the right class, mixed with the mean of all where labels are smoothed."""
    right_KB = values_KBC.gather(2, target_KB.unsqueeze(2)).squeeze(2)
    return right_KB if smooth_K1 is None else (1 - smooth_K1) * right_KB + smooth_K1 * values_KBC.mean(2)
