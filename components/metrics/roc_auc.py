"""ROC AUC: how often a row of the event gets the larger value than a row without it, ties counting half.

Counted from sorted ranks (Mann and Whitney), for all K models in one sort, with weights. More than two classes: each
against the rest, the plain mean of those (scikit-learn: `multi_class="ovr", average="macro"`), over the classes for
which there are rows on both sides. When there are none, as in a part of one class, the answer is 0.5: such a part says
nothing about the order, and a search over it must not stop.

Legend: K models, n rows, C classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.metrics.sums import row_sums

NO_ORDER = 0.5  # the value when all rows are of one class


def roc_auc(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> NDArray[np.float64]:
    """Score the order of the event's values (two classes), or the mean over the classes [K]."""
    return roc_auc_of(truth_n, values_KnC)(weight_n)


def roc_auc_of(truth_n: NDArray[Any], values_KnC: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    """Sort once; return what scores these rows [K] under any weights: nine tenths of the time are the sorting."""
    num_classes = values_KnC.shape[2]
    events = [1] if num_classes == 2 else range(num_classes)
    orders = [(truth_n == event, _Order(values_KnC[:, :, event])) for event in events]

    def scored(weight_n: NDArray[Any]) -> NDArray[np.float64]:
        found = []
        for is_event_n, order in orders:
            event_weight, other_weight = weight_n[is_event_n].sum(), weight_n[~is_event_n].sum()
            if event_weight > 0 and other_weight > 0:
                found.append(order.pairs_won(is_event_n, weight_n) / (event_weight * other_weight))
        return np.mean(found, axis=0) if found else np.full(len(values_KnC), NO_ORDER)

    return scored


class _Order:
    """Rows in the order of their scores, for each of K models, and where runs of equal scores begin and end."""

    def __init__(self, scores_Kn: NDArray[Any]) -> None:
        num_rows = scores_Kn.shape[1]
        self._order_Kn = np.argsort(scores_Kn, axis=1)
        sorted_Kn = np.take_along_axis(scores_Kn, self._order_Kn, axis=1)
        is_last_Kn = np.ones(sorted_Kn.shape, dtype=bool)  # the last place of a run of equal scores
        is_last_Kn[:, :-1] = sorted_Kn[:, 1:] != sorted_Kn[:, :-1]
        place_n = np.arange(num_rows)
        self._last_Kn = np.minimum.accumulate(np.where(is_last_Kn, place_n, num_rows - 1)[:, ::-1], axis=1)[:, ::-1]
        is_first_Kn = np.ones_like(is_last_Kn)
        is_first_Kn[:, 1:] = is_last_Kn[:, :-1]
        self._first_Kn = np.maximum.accumulate(np.where(is_first_Kn, place_n, 0), axis=1)

    def pairs_won(self, is_event_n: NDArray[Any], weight_n: NDArray[Any]) -> NDArray[np.float64]:
        """Sum the weight of (event, other) pairs in which the event has the larger score; a tie counts half."""
        event_weight_Kn = np.where(is_event_n, weight_n, 0.0)[self._order_Kn]
        other_weight_Kn = np.where(is_event_n, 0.0, weight_n)[self._order_Kn]
        below_Kn = np.cumsum(other_weight_Kn, axis=1)  # weight of the others up to and with this place
        up_to_run_Kn = np.take_along_axis(below_Kn, self._last_Kn, axis=1)
        before_run_Kn = np.take_along_axis(below_Kn - other_weight_Kn, self._first_Kn, axis=1)
        return row_sums(event_weight_Kn * (up_to_run_Kn + before_run_Kn)) / 2
