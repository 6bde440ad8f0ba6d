"""Scores of thousands of combinations, as greedy selection asks for them: each member added to the sum so far.

Log loss needs of each member only the probability of what happened; ROC AUC of two classes, and what is judged at its
best threshold, only that of the event; what is judged at labels only four counts of them. Orders of
many rows are counted in bins instead of sorted: with 2048 bins ROC AUC differs from the exact one by about 1e-5, in a
tenth of the time. Every other metric is asked as it is, of so many rows that it takes no longer. Members are added a
few at a time, so that memory stays bounded.

Legend: M members, n rows, C outputs, c numbers per row that the metric needs, P parts of the rows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric
from components.ensembles.combine import PartScores
from components.ensembles.decision_threshold import AtBestThreshold, at_each_end
from components.metrics.log_loss import SMALLEST

BINS = 2048
LEAST_BINNED_ROWS = 4096  # below, sorting is as quick
MOST_NUMBERS = 4_000_000  # of one block of members
MOST_SLOW_NUMBERS = (
    1_000_000  # of all members, for a metric without a quicker way; of more rows every second, third ...
)

OfSum = Callable[[NDArray[np.float32]], NDArray[np.float64]]  # mean predictions [K, n, c] -> turned scores [K]


class Additions:
    """What each member scores when it is added to a sum of predictions."""

    def __init__(self, values_MnC: NDArray[np.float32], scores: PartScores) -> None:
        self.values_Mnc, self._score = _reduced(values_MnC, scores)

    def nothing(self) -> NDArray[np.float32]:
        """Return the empty sum [n, c]."""
        return np.zeros(self.values_Mnc.shape[1:], dtype=np.float32)

    def scores(self, total_nc: NDArray[np.float32], step: int) -> NDArray[np.float64]:
        """Score (total + member) / step for every member: greater is better [M]."""
        found = []
        block = max(1, MOST_NUMBERS // max(1, total_nc.size))
        for first in range(0, len(self.values_Mnc), block):
            mean_Knc = self.values_Mnc[first : first + block] + total_nc
            mean_Knc *= np.float32(1 / step)
            found.append(self._score(mean_Knc))
        return np.concatenate(found)


def _reduced(values_MnC: NDArray[np.float32], scores: PartScores) -> tuple[NDArray[np.float32], OfSum]:
    """Keep of the predictions what the metric looks at."""
    metric: Metric = scores.metric
    cut = [scores.cut(part) for part in range(len(scores.parts))]
    num_outputs = values_MnC.shape[2]
    if metric.name == "log_loss":
        index_n = scores.truth_n.astype(np.int64)
        given_Mn1 = np.take_along_axis(values_MnC, index_n[None, :, None], axis=2)
        return given_Mn1, partial(_log_losses, cut=cut)
    if num_outputs == 2 and len(scores.truth_n) >= LEAST_BINNED_ROWS:
        of_counts = _auc if metric.name == "roc_auc" else None
        if isinstance(metric, AtBestThreshold):
            of_counts = partial(_at_best_threshold, metric=metric)
        if of_counts is not None:
            cell_n = np.empty(len(scores.truth_n), dtype=np.int64)
            for number, part in enumerate(cut):
                cell_n[part] = 2 * BINS * number + (scores.truth_n[part] == 1)
            event_Mn1 = np.ascontiguousarray(values_MnC[:, :, 1:])
            return event_Mn1, partial(_binned, cell_n=cell_n, num_parts=len(cut), of_counts=of_counts)
    if num_outputs == 2 and metric.needs == "label":
        cell_n = np.concatenate([np.full(len(rows), 4 * number) for number, rows in enumerate(scores.parts)])
        cell_n = cell_n[np.argsort(np.concatenate(scores.parts))] + (scores.truth_n == 1)
        of_weights = metric.on(np.array([0, 1, 0, 1]), np.eye(2, dtype=np.float32)[None, [0, 0, 1, 1]])
        event_Mn1 = np.ascontiguousarray(values_MnC[:, :, 1:])
        return event_Mn1, partial(
            _labels, cell_n=cell_n, num_parts=len(cut), of_weights=of_weights, turned=scores.turned
        )
    every = -(-values_MnC.size // MOST_SLOW_NUMBERS)
    if every == 1:
        return values_MnC, scores
    some_n = np.arange(len(scores.truth_n)) % every == 0
    return np.ascontiguousarray(values_MnC[:, some_n]), scores.only(some_n)


def _log_losses(given_Kn1: NDArray[np.float32], cut: list[Any]) -> NDArray[np.float64]:
    logs_Kn = np.log(np.clip(given_Kn1[:, :, 0], SMALLEST, 1 - SMALLEST))
    return np.mean([logs_Kn[:, part].mean(axis=1, dtype=np.float64) for part in cut], axis=0)


def _labels(
    event_Kn1: NDArray[np.float32],
    cell_n: NDArray[np.int64],
    num_parts: int,
    of_weights: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    turned: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Count rows by true and called class: for the metric they are four rows, with these weights."""
    score_K = np.empty(len(event_Kn1))
    for k, event_n1 in enumerate(event_Kn1):
        counts_P4 = np.bincount(cell_n + 2 * (event_n1[:, 0] > 0.5), minlength=4 * num_parts).reshape(num_parts, 4)
        score_K[k] = turned(np.array([of_weights(count_4) for count_4 in counts_P4.astype(np.float64)])).mean()
    return score_K


def _binned(
    event_Kn1: NDArray[np.float32],
    cell_n: NDArray[np.int64],
    num_parts: int,
    of_counts: Callable[[NDArray[np.int64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Count rows in bins that are narrow where most rows are: p / (p + median) spreads them over [0, 1].

    `cell_n`: the first cell of each row's part, plus its label; one model at a time stays in the processor's cache.
    """
    middle = np.float32(max(float(np.median(event_Kn1[0])), 1e-6))
    score_K = np.empty(len(event_Kn1))
    for k, event_n1 in enumerate(event_Kn1):
        spread_n = event_n1[:, 0] / (event_n1[:, 0] + middle)
        spread_n *= np.float32(BINS)
        bins_n = spread_n.astype(np.int64)
        bins_n <<= 1
        bins_n += cell_n
        counts_PB2 = np.bincount(bins_n, minlength=2 * BINS * num_parts).reshape(num_parts, BINS, 2)
        score_K[k] = of_counts(counts_PB2).mean()
    return score_K


def _auc(count_PB2: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count pairs won; of one bin half of the pairs [P]."""
    pairs_P = count_PB2[:, :, 0].sum(axis=1) * count_PB2[:, :, 1].sum(axis=1)
    below_PB = np.cumsum(count_PB2[:, :, 0], axis=1) - count_PB2[:, :, 0] / 2
    won_P = (count_PB2[:, :, 1] * below_PB).sum(axis=1)
    return np.where(pairs_P > 0, won_P / np.maximum(pairs_P, 1), 0.5)


def _at_best_threshold(count_PB2: NDArray[np.int64], metric: AtBestThreshold) -> NDArray[np.float64]:
    """Score the thresholds between two bins, and take the best [P]."""
    found = []
    for count_B2 in count_PB2:
        from_top_B2 = np.cumsum(count_B2[::-1], axis=0).astype(np.float64)
        called_B = from_top_B2.sum(axis=1)
        score_B = at_each_end(metric.metric.name, from_top_B2[:, 1], called_B)
        found.append(0.0 if score_B is None else float(score_B[called_B > 0].max()))
    return np.array(found)
