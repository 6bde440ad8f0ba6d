"""Columns made of the target's own means: an id replaced by the mean of the target over its rows (target encoding).

Made over the whole table, such a column holds the answers of the very rows that a model is tested on, and no score of
the column by itself shows it where an id has many rows. What shows it is exactness: the means of the target over the
rows of each value lie on one line with the values (smoothing only bends the line by the number of rows), closer by far
than chance would let the means of honest rows lie. Leave-one-out encodings differ within an id and are not seen here.

Legend: N rows, V values of the column, K classes.
"""

import math

import numpy as np
from numpy.typing import NDArray

CLOSE = 0.05  # of the standard error of a mean: honest means lie so close in 4 of 100 cases, each
FEWEST_CLOSE = 4  # means beyond the two that any line goes through
FAR_MEAN = 0.1  # standard deviations from the mean of all rows, from which on a share of the way to it is exact
ROUNDING = 3e-4  # of a standard deviation: values may be rounded
SHARE = 0.95  # of the rows whose means lie on the line


@np.errstate(over="ignore", invalid="ignore")  # of numbers near the largest there are
def is_encoded_target(values_N: NDArray[np.float64], truth_N: NDArray[np.float64], num_classes: int) -> bool:
    """Whether the column's values are means of the target; truth is class numbers, or values (no classes)."""
    known_N = np.isfinite(values_N)
    distinct, value_N, count_V = np.unique(values_N[known_N], return_inverse=True, return_counts=True)
    if len(distinct) < FEWEST_CLOSE + 2 or len(distinct) > known_N.sum() / 2:
        return False
    truth_N = truth_N[known_N]
    targets = [truth_N] if not num_classes else [(truth_N == k).astype(np.float64) for k in range(num_classes)]
    for one_N in targets[1:] if num_classes == 2 else targets:
        spread = float(one_N.std())
        if spread == 0.0:
            continue
        mean_V = np.bincount(value_N, one_N) / count_V
        limit_V = CLOSE * spread / np.sqrt(count_V)
        if (
            _on_a_line(distinct, mean_V, count_V, limit_V)
            or _on_lines_by_size(distinct, mean_V, count_V, limit_V)
            or _drawn_to_the_mean(distinct, mean_V, count_V, one_N)
        ):
            return True
    return False


def _on_a_line(
    values_V: NDArray[np.float64], mean_V: NDArray[np.float64], count_V: NDArray[np.int64], limit_V: NDArray[np.float64]
) -> bool:
    """Whether the means of nearly all rows are one rising linear function of the values."""
    close_V = _close(values_V, mean_V, count_V, limit_V)
    return bool(close_V.sum() >= FEWEST_CLOSE + 2 and count_V[close_V].sum() >= SHARE * count_V.sum())


def _on_lines_by_size(
    values_V: NDArray[np.float64], mean_V: NDArray[np.float64], count_V: NDArray[np.int64], limit_V: NDArray[np.float64]
) -> bool:
    """The same with a line for each number of rows: smoothing draws values with few rows to the common mean."""
    beyond, rows, looked = 0, 0, 0
    for size in np.unique(count_V[count_V > 1]):
        same = np.flatnonzero(count_V == size)
        if len(same) < 3:
            continue
        close = _close(values_V[same], mean_V[same], count_V[same], limit_V[same])
        beyond += max(0, int(close.sum()) - 2)
        rows += int(close.sum() * size)
        looked += int(len(same) * size)
    return bool(beyond >= FEWEST_CLOSE and rows >= SHARE * looked and looked >= 0.5 * count_V[count_V > 1].sum())


def _drawn_to_the_mean(
    values_V: NDArray[np.float64], mean_V: NDArray[np.float64], count_V: NDArray[np.int64], truth_N: NDArray[np.float64]
) -> bool:
    """Whether values lie between a mean and the mean of all rows, at the same few shares of the way.

    Ids with as many rows and as many events have one value, so that the rows of a value do not tell the rows of an id;
    but how far smoothing draws a value depends on the rows of its id alone, and many ids have the same number.
    """
    middle, spread = float(truth_N.mean()), float(truth_N.std())
    away = np.abs(mean_V - middle) > FAR_MEAN * spread
    if away.sum() < 2 * FEWEST_CLOSE or count_V[away].sum() < 0.3 * count_V.sum():
        return False
    share_V = (values_V[away] - middle) / (mean_V[away] - middle)
    inside = (share_V > 0) & (share_V <= 1 + ROUNDING)
    if count_V[away][inside].sum() < SHARE * count_V[away].sum():
        return False
    order = np.argsort(share_V)
    same = np.diff(share_V[order]) <= ROUNDING * spread / np.abs(mean_V[away] - middle)[order][1:]
    return bool(same.mean() >= 0.5)


def _close(
    values_V: NDArray[np.float64], mean_V: NDArray[np.float64], count_V: NDArray[np.int64], limit_V: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mark the means that lie on the line through two far ones, so that a few strangers do not bend it."""
    if mean_V.min() == mean_V.max():
        return np.zeros(len(values_V), dtype=bool)
    best = np.zeros(len(values_V), dtype=bool)
    order = np.argsort(values_V)
    for near, far in ((0.05, 0.95), (0.25, 0.75), (0.1, 0.6), (0.4, 0.9)):
        low, high = (order[math.floor(share * (len(order) - 1) + 0.5)] for share in (near, far))
        if low == high:
            continue
        slope = (mean_V[high] - mean_V[low]) / (values_V[high] - values_V[low])
        if slope > 0:
            found = np.abs(mean_V - mean_V[low] - slope * (values_V - values_V[low])) <= limit_V
            best = found if count_V[found].sum() > count_V[best].sum() else best
    return best
