"""Accuracy, precision, recall, F1: all that follows from how often which class was called which.

One weighted count of (model, true class, called class) serves every metric of this file, for all K models at once;
the class that is called is the one with the largest value, the first of equal ones (as scikit-learn's `predict`).
Where a share has nothing below the line it is 0 (scikit-learn: `zero_division=0`); averages over classes take those
that occur in the truth or in the calls of that model. Ranking is in `roc_auc.py`, probabilities are in `log_loss.py`.

Legend: K models, n rows, C classes.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
    matrix = confusion_matrix(truth_n, values_KnC, weight_n)
    return _share(np.trace(matrix, axis1=1, axis2=2), matrix.sum(axis=(1, 2)))


def balanced_accuracy(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Mean recall of the classes that occur in the truth."""
    matrix = confusion_matrix(truth_n, values_KnC, weight_n)
    true_KC = matrix.sum(axis=2)
    return _mean_where(_share(_diagonal(matrix), true_KC), true_KC > 0)


def averaged(
    part: Literal["precision", "recall", "f1"], how: Literal["event", "macro", "weighted"]
) -> Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], Floats]:
    """Return the metric for one part and one way to join the classes.

    "event": of the second of two classes; macro when there are more. "macro": every class counts the same.
    "weighted": a class counts by its rows.
    """

    def score(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
        matrix = confusion_matrix(truth_n, values_KnC, weight_n)
        true_KC, called_KC, right_KC = matrix.sum(axis=2), matrix.sum(axis=1), _diagonal(matrix)
        if part == "precision":
            each_KC = _share(right_KC, called_KC)
        elif part == "recall":
            each_KC = _share(right_KC, true_KC)
        else:
            each_KC = _share(2 * right_KC, true_KC + called_KC)
        if how == "event" and matrix.shape[1] == 2:
            return each_KC[:, 1]
        if how == "weighted":
            return _share((each_KC * true_KC).sum(axis=1), true_KC.sum(axis=1))
        return _mean_where(each_KC, (true_KC + called_KC) > 0)

    return score


def _diagonal(matrix_KCC: Floats) -> Floats:
    return np.diagonal(matrix_KCC, axis1=1, axis2=2)


def _share(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(below, dtype=np.float64), where=below > 0)


def _mean_where(values_KC: Floats, where_KC: NDArray[np.bool_]) -> Floats:
    return _share(np.where(where_KC, values_KC, 0.0).sum(axis=1), where_KC.sum(axis=1).astype(np.float64))
