"""What `leakage.py` scores a column by: areas under ROC curves, correlations of values and ranks, what luck can do."""

import math

import numpy as np
from numpy.typing import NDArray

LUCK = 1e-3  # accepted chance of a false alarm in a whole table


def auc(score_N: NDArray[np.float64], truth_N: NDArray[np.int64]) -> float:
    """Area under the ROC curve, ties counted half (Mann-Whitney)."""
    num_events = int(truth_N.sum())
    num_others = len(truth_N) - num_events
    if num_events == 0 or num_others == 0:
        return math.nan
    return float((ranks(score_N)[truth_N == 1].sum() - num_events * (num_events + 1) / 2) / (num_events * num_others))


def auc_on_folds(score_N: NDArray[np.float64], truth_N: NDArray[np.int64], fold_N: NDArray[np.int64]) -> float:
    """Mean area over the folds that hold both classes; 0.5 where none does."""
    found = [auc(score_N[fold_N == fold], truth_N[fold_N == fold]) for fold in np.unique(fold_N)]
    found = [auc for auc in found if not math.isnan(auc)]
    return float(np.mean(found)) if found else 0.5


def auc_by_order(values_N: NDArray[np.float64], truth_N: NDArray[np.int64]) -> float:
    """The better of both directions, with missing below all values or above."""
    both = [auc(np.nan_to_num(values_N, nan=end), truth_N) for end in (-np.inf, np.inf)]
    return max(max(auc, 1 - auc) for auc in both)


def ranks(values_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, the mean rank for ties."""
    _, codes_N, counts = np.unique(values_N, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[codes_N])


def correlation(a_N: NDArray[np.float64], b_N: NDArray[np.float64]) -> float:
    """Pearson's correlation; 0 where one of both has one value."""
    a_N, b_N = a_N - a_N.mean(), b_N - b_N.mean()
    scale = math.sqrt(float(a_N @ a_N) * float(b_N @ b_N))
    return float(a_N @ b_N) / scale if scale > 0 and math.isfinite(scale) else 0.0


def explained(guess_N: NDArray[np.float64], truth_N: NDArray[np.float64]) -> float:
    """Share of the variance that a guess explains; below 0 it is worse than the mean."""
    spread = float(((truth_N - truth_N.mean()) ** 2).sum())
    return 1 - float(((truth_N - guess_N) ** 2).sum()) / spread if spread > 0 else 0.0


def may_be_luck(counts_K: NDArray[np.int64], tries: int) -> bool:
    """Whether some of `tries` columns could separate the classes by chance: there are few ways to arrange the rows."""
    n, k = int(counts_K.sum()), int(counts_K.max())
    log_ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return log_ways < math.log(2 * max(1, tries) / LUCK)
