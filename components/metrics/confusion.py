"""Accuracy, precision, recall, F1: all that follows from how often which class was called which.

One weighted count of (model, true class, called class) serves every metric of this file, for all K models at once;
the class that is called is the one with the largest value, the first of equal ones (as scikit-learn's `predict`).
Where a share has nothing below the line it is 0 (scikit-learn: `zero_division=0`); averages over classes take those
that occur in the truth or in the calls of that model. Ranking is in `roc_auc.py`, probabilities are in `log_loss.py`.

Legend: K models, n rows, C classes.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OfCounts = Callable[[Floats], Floats]
Part = Literal["precision", "recall", "f1"]
How = Literal["event", "macro", "weighted"]
AVERAGES: tuple[How, ...] = ("macro", "weighted")


def confusion_matrix(
    truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Count rows by true class (axis 1) and called class (axis 2), weighted: [K, C, C].

    `truth_n` holds class numbers in [0, C); `values_KnC` anything whose largest value names the class.
    """
    num_models, num_rows, num_classes = values_KnC.shape
    called_Kn = values_KnC.argmax(axis=2)
    model_K1 = np.arange(num_models)[:, None]
    cell_Kn = (model_K1 * num_classes + truth_n.astype(np.int64)[None, :]) * num_classes + called_Kn
    weights = None if weight_n is None else np.broadcast_to(weight_n, (num_models, num_rows)).ravel()
    counts = np.bincount(cell_Kn.ravel(), weights=weights, minlength=num_models * num_classes**2)
    return counts.astype(np.float64).reshape(num_models, num_classes, num_classes)


def accuracy(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Share of the rows that are called what they are."""
    return _accuracy(confusion_matrix(truth_n, values_KnC, weight_n))


def balanced_accuracy(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Mean recall of the classes that occur in the truth."""
    return _balanced_accuracy(confusion_matrix(truth_n, values_KnC, weight_n))


def averaged(part: Part, how: How) -> Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], Floats]:
    """Return the metric for one part and one way to join the classes.

    "event": of the second of two classes; macro when there are more. "macro": every class counts the same.
    "weighted": a class counts by its rows.
    """
    of_counts = _averaged(part, how)

    def score(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
        return of_counts(confusion_matrix(truth_n, values_KnC, weight_n))

    return score


def _accuracy(counts: Floats) -> Floats:
    return _share(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def _balanced_accuracy(counts: Floats) -> Floats:
    true = counts.sum(axis=-1)
    return _mean_where(_share(_diagonal(counts), true), true > 0)


def _averaged(part: Part, how: How) -> OfCounts:
    def score(counts: Floats) -> Floats:
        true, called, right = counts.sum(axis=-1), counts.sum(axis=-2), _diagonal(counts)
        if part == "precision":
            each = _share(right, called)
        elif part == "recall":
            each = _share(right, true)
        else:
            each = _share(2 * right, true + called)
        if how == "event" and counts.shape[-1] == 2:
            return np.asarray(each[..., 1])
        if how == "weighted":
            return _share((each * true).sum(axis=-1), true.sum(axis=-1))
        return _mean_where(each, (true + called) > 0)

    return score


def _diagonal(counts: Floats) -> Floats:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _share(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(below, dtype=np.float64), where=below > 0)


def _mean_where(values: Floats, where: NDArray[np.bool_]) -> Floats:
    return _share(np.where(where, values, 0.0).sum(axis=-1), where.sum(axis=-1).astype(np.float64))


OF_COUNTS: Mapping[str, OfCounts] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _averaged("precision", "event"),
    "recall": _averaged("recall", "event"),
    "f1": _averaged("f1", "event"),
    **{f"precision_{how}": _averaged("precision", how) for how in AVERAGES},
    **{f"recall_{how}": _averaged("recall", how) for how in AVERAGES},
    **{f"f1_{how}": _averaged("f1", how) for how in AVERAGES},
}
"""Metric -> what scores counts [..., true class, called class], for who has counted already."""
