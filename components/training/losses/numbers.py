"""Losses of numbers: squared, absolute, Huber's, and that of a quantile. A target is in standard deviations.

Legend: K models, B rows of a batch, C outputs.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import Spec, setting
from components.training.losses.classes import minus_labels, probabilities

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy("torch")

REGRESSION = frozenset({"regression"})


class MSE(Spec):
    """Squared error; for classes that of all probabilities (Brier 1950)."""

    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    number: ClassVar[float] = 0.0

    kind: Literal["mse"] = setting("mse", "squared error; for classes, of all probabilities")

    @staticmethod
    def of_rows(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor") -> "Tensor":
        """See `CrossEntropy.of_rows`."""
        if target_KB.is_floating_point():
            return (outputs_KBC[..., 0] - target_KB) ** 2
        return (minus_labels(probabilities(outputs_KBC).clone(), target_KB, None) ** 2).sum(2)

    @staticmethod
    def slope(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
        """See `CrossEntropy.slope`."""
        if target_KB.is_floating_point():
            return 2 * (outputs_KBC - target_KB.unsqueeze(2))
        p_KBC = probabilities(outputs_KBC)
        error_KBC = minus_labels(p_KBC.clone(), target_KB, smooth_K1)
        return 2 * p_KBC * (error_KBC - (error_KBC * p_KBC).sum(2, keepdim=True))


class MAE(Spec):
    """Absolute error: answers with the median, and far values pull no more than near ones."""

    tasks: ClassVar[frozenset[str]] = REGRESSION
    number: ClassVar[float] = 0.0

    kind: Literal["mae"] = setting("mae", "absolute error")

    @staticmethod
    def of_rows(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor") -> "Tensor":
        """See `CrossEntropy.of_rows`."""
        return (outputs_KBC[..., 0] - target_KB).abs()

    @staticmethod
    def slope(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
        """See `CrossEntropy.slope`."""
        return (outputs_KBC - target_KB.unsqueeze(2)).sign()


class Huber(Spec):
    """Half the squared error up to `delta`, a straight line beyond (Huber 1964; torch: HuberLoss)."""

    tasks: ClassVar[frozenset[str]] = REGRESSION

    kind: Literal["huber"] = setting("huber", "squared error near, absolute error far away")
    delta: float = setting(1.0, "where far begins, in standard deviations of the target", gt=0)

    @property
    def number(self) -> float:
        """See `Focal.number`."""
        return self.delta

    @staticmethod
    def of_rows(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor") -> "Tensor":
        """See `CrossEntropy.of_rows`."""
        error_KB = (outputs_KBC[..., 0] - target_KB).abs()
        near_KB = error_KB.minimum(number_K1)  # half its square, and delta times what lies beyond
        return near_KB * (error_KB - 0.5 * near_KB)

    @staticmethod
    def slope(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
        """See `CrossEntropy.slope`."""
        limit_K11 = number_K1.unsqueeze(2)
        return (outputs_KBC - target_KB.unsqueeze(2)).clamp(-limit_K11, limit_K11)


class Quantile(Spec):
    """Answers with a quantile: `level` of the rows lie below it (Koenker and Bassett 1978)."""

    tasks: ClassVar[frozenset[str]] = REGRESSION

    kind: Literal["quantile"] = setting("quantile", "answers with a quantile instead of the mean")
    level: float = setting(0.5, "share of the rows that lie below the answer", gt=0, lt=1)

    @property
    def number(self) -> float:
        """See `Focal.number`."""
        return self.level

    @staticmethod
    def of_rows(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor") -> "Tensor":
        """See `CrossEntropy.of_rows`."""
        below_KB = target_KB - outputs_KBC[..., 0]
        return torch.maximum(number_K1 * below_KB, (number_K1 - 1) * below_KB)

    @staticmethod
    def slope(outputs_KBC: "Tensor", target_KB: "Tensor", number_K1: "Tensor", smooth_K1: "Tensor | None") -> "Tensor":
        """See `CrossEntropy.slope`."""
        above_KB1 = (outputs_KBC - target_KB.unsqueeze(2)).sign()  # half the way between both slopes where it is right
        return 0.5 * (1 + above_KB1) - number_K1.unsqueeze(2)
