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


def roc_auc_even(truth_n: NDArray[Any], values_KnC: NDArray[Any]) -> NDArray[np.float64]:
    """Score rows that all count the same [K]; as `roc_auc`, in a fifth of the time: labels are sorted with the scores.

    A score's bits, ordered as its value, and the label behind them are one whole number: sorted, their places tell the
    pairs won, with ties counted as won. Where a tie joins both labels, the sort with the labels turned counts them as
    lost, and the mean of both is a half.
    """
    num_classes = values_KnC.shape[2]
    found = []
    for event in [1] if num_classes == 2 else range(num_classes):
        is_event_n = truth_n == event
        pairs = int(is_event_n.sum()) * int((~is_event_n).sum())
        if pairs:
            bits_Kn = _ordered_bits(values_KnC[:, :, event])
            won_K, is_tied_K = _won(bits_Kn, is_event_n)
            if is_tied_K.any():
                lost_K, _ = _won(bits_Kn[is_tied_K], ~is_event_n)
                won_K[is_tied_K] = (won_K[is_tied_K] + pairs - lost_K) / 2
            found.append(won_K / pairs)
    return np.mean(found, axis=0) if found else np.full(len(values_KnC), NO_ORDER)


def _ordered_bits(scores_Kn: NDArray[Any]) -> NDArray[np.int64]:
    """Return float32 as whole numbers in the same order, twice as large: equal floats give equal numbers."""
    bits_Kn = (np.ascontiguousarray(scores_Kn, dtype=np.float32) + np.float32(0)).view(np.int32)  # -0 becomes 0
    return (bits_Kn ^ ((bits_Kn >> 31) & 0x7FFFFFFF)).astype(np.int64) << 1


def _won(bits_Kn: NDArray[np.int64], is_event_n: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Count pairs won by the event, ties as won, and say where a tie joins both labels [K], [K]."""
    keys_Kn = bits_Kn | is_event_n
    keys_Kn.sort(axis=1)
    is_tied_K = ((keys_Kn[:, 1:] ^ keys_Kn[:, :-1]) == 1).any(axis=1)
    num_events = int(is_event_n.sum())
    places_K = (keys_Kn & 1) @ np.arange(bits_Kn.shape[1])
    return (places_K - num_events * (num_events - 1) // 2).astype(np.float64), is_tied_K


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
