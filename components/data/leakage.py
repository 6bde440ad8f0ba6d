"""Leakage: a column that alone gives the target away, and copies and near copies of the target.

Every feature column is scored by itself on five folds: its values are put into bins (quantiles of the other folds'
rows; words are bins by nature; missing is a bin of its own), and the target is guessed by the bin. Numbers are also
compared by order, which needs no fitting. Thresholds lie above what the strongest honest columns reach (iris: 96 of
100 rows by petal width; breast cancer: ROC AUC 0.98 by the worst perimeter), and a score that a column could reach by
luck in a table of this size says nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.seeds import generator
from components.data.alone_scores import auc_by_order, auc_on_folds, correlation, explained, may_be_luck, ranks

FOLDS = 5
MOST_BINS = 64
MOST_ROWS = 50_000  # more add nothing to a score of 0.995
LEAKING_AUC = 0.995
LEAKING_SHARE = 0.98  # of what the most frequent class leaves to guess
LEAKING_COPY = 0.9  # the same, for a column with about as many values as there are classes
LEAKING_R2 = 0.99
SUSPICIOUS = 0.9  # skill from which on a column is named when no other comes near
NEAR = 0.5  # share of the best column's skill that others may have at most
FILLING_TELLS = 0.95  # difference of the classes' shares of filled rows from which on it is that which leaks


@dataclass(frozen=True, kw_only=True)
class Alone:
    """What one column by itself says about the target. Skill 0: nothing; 1: everything."""

    name: str
    skill: float
    measure: str  # "ROC AUC 0.998 on folds"
    leaks: bool
    filled_K: tuple[int, ...]  # rows with a value, by class (empty for regression)
    of_K: tuple[int, ...]  # rows, by class (empty for regression)
    right: int  # rows guessed right on the folds (regression: 0)
    encoded: int = 0  # values that are means of the target over their rows (`encoded_target.py`); 0: it is none
    many_words: bool = False  # it holds words, and many: names of things, perhaps

    def evidence(self, classes: Sequence[str]) -> str:
        """Say what a person can look up in the table."""
        if self.encoded:
            return "Made over all rows, it holds the answers of the rows that a model is tested on, too."
        if not self.of_K:
            return "It follows the target almost exactly: a copy of it, or made from it."
        share_K = [filled / max(1, of) for filled, of in zip(self.filled_K, self.of_K, strict=True)]
        if len(classes) == 2 and abs(share_K[0] - share_K[1]) >= FILLING_TELLS:
            more = int(share_K[1] > share_K[0])
            less = 1 - more
            return (
                f"It is filled in {self.filled_K[more]} of {self.of_K[more]} rows with {classes[more]}, "
                f"in {self.filled_K[less]} of {self.of_K[less]} with {classes[less]}."
            )
        return f"Guessing by its value is right in {self.right} of {sum(self.of_K)} rows."


def sampled(num_rows: int) -> NDArray[np.int64]:
    """Return the rows that leakage is looked for in, sorted: all of them up to 50 000."""
    if num_rows <= MOST_ROWS:
        return np.arange(num_rows)
    return np.sort(generator(0, "leakage", "rows").choice(num_rows, MOST_ROWS, replace=False))


def score_alone(
    name: str, values_N: NDArray[np.float64], ordered: bool, truth_N: NDArray[np.float64], num_classes: int, tries: int
) -> Alone:
    """Score one column. Values are numbers or codes (NaN: missing); truth is class numbers, or values (no classes).

    `ordered` says that the values are numbers; `tries` how many columns are looked at, which decides what luck can do.
    """
    fold_N = generator(0, "leakage", "folds").permutation(np.arange(len(truth_N)) % FOLDS)
    if ordered:
        values_N = _scaled(values_N)
    if num_classes == 0:
        return _score_numbers(name, values_N, ordered, _scaled(truth_N), fold_N)
    return _score_classes(name, values_N, ordered, truth_N.astype(np.int64), num_classes, fold_N, tries)


def suspicious(scores: list[Alone]) -> list[Alone]:
    """Return the one column that nearly gives the target away while no other comes near it, if there is one."""
    if len(scores) < 4 or any(score.leaks for score in scores):
        return []
    best, second = sorted(scores, key=lambda score: -score.skill)[:2]
    return [best] if best.skill >= SUSPICIOUS and second.skill < NEAR * best.skill else []


def _score_classes(
    name: str,
    values_N: NDArray[np.float64],
    ordered: bool,
    truth_N: NDArray[np.int64],
    num_classes: int,
    fold_N: NDArray[np.int64],
    tries: int,
) -> Alone:
    share_NK = _guess_by_bin(values_N, ordered, truth_N, np.ones(len(truth_N)), num_classes, fold_N)
    counts_K = np.bincount(truth_N, minlength=num_classes)
    right = int((share_NK.argmax(axis=1) == truth_N).sum())
    gained = _gained(right, counts_K)
    skill, measure = gained, f"{right} of {len(truth_N)} rows right on folds"
    leaks = gained >= LEAKING_SHARE
    if num_classes == 2:
        auc = auc_on_folds(share_NK[:, 1], truth_N, fold_N)
        if ordered:
            auc = max(auc, auc_by_order(values_N, truth_N))
        skill, measure, leaks = 2 * auc - 1, f"ROC AUC {math.floor(auc * 1000) / 1000:.3f} on folds", auc >= LEAKING_AUC
    copies = _gained(_right_by_value(values_N, truth_N, num_classes), counts_K) >= LEAKING_COPY
    return Alone(
        name=name,
        skill=skill,
        measure=measure,
        leaks=(leaks or copies) and not may_be_luck(counts_K, tries),
        filled_K=tuple(int(n) for n in np.bincount(truth_N[~np.isnan(values_N)], minlength=num_classes)),
        of_K=tuple(int(n) for n in counts_K),
        right=right,
    )


def _score_numbers(
    name: str,
    values_N: NDArray[np.float64],
    ordered: bool,
    truth_N: NDArray[np.float64],
    fold_N: NDArray[np.int64],
) -> Alone:
    rank_N = ranks(truth_N)  # a leak shows in the order of the target; a few huge targets hide it in their values
    one_N = np.zeros(len(truth_N), dtype=np.int64)
    r2 = max(
        explained(_guess_by_bin(values_N, ordered, one_N, truth, 1, fold_N)[:, 0], truth) for truth in (truth_N, rank_N)
    )
    known = ~np.isnan(values_N)
    if ordered and known.mean() >= 0.5:
        r2 = max(
            r2,
            correlation(values_N[known], truth_N[known]) ** 2,
            correlation(ranks(values_N[known]), ranks(truth_N[known])) ** 2,
        )
    lucky = len(truth_N) < 20 or int(known.sum()) < 20
    return Alone(
        name=name,
        skill=r2,
        measure=f"R² {math.floor(max(r2, 0.0) * 1000) / 1000:.3f}",
        leaks=r2 >= LEAKING_R2 and not lucky,
        filled_K=(),
        of_K=(),
        right=0,
    )


def _guess_by_bin(
    values_N: NDArray[np.float64],
    ordered: bool,
    class_N: NDArray[np.int64],
    weight_N: NDArray[np.float64],
    num_classes: int,
    fold_N: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Guess each row by the mean weight of each class in its bin over the rows of the other folds [N, K].

    A target of numbers is the weight of one class that all rows have.
    """
    guess_NK = np.empty((len(values_N), num_classes))
    known_N = ~np.isnan(values_N)
    if not ordered:
        bins_N = np.where(known_N, values_N, -1).astype(np.int64) + 1

    def sums(rows_N: NDArray[np.bool_], bin_n: NDArray[np.int64], num_bins: int) -> NDArray[np.float64]:
        cell_n = bin_n * num_classes + class_N[rows_N]
        sum_c = np.bincount(cell_n, weight_N[rows_N], num_bins * num_classes).astype(np.float64)
        return sum_c.reshape(num_bins, num_classes)

    for fold in range(FOLDS):
        fit_N = fold_N != fold
        if not fit_N.any() or fit_N.all():
            guess_NK[~fit_N] = sums(fold_N >= 0, np.zeros(len(fold_N), dtype=np.int64), 1) / len(fold_N)
            continue
        if ordered:
            seen = values_N[fit_N & known_N]
            edges: NDArray[np.float64] = np.zeros(0)
            if len(seen):
                edges = np.unique(np.quantile(seen, np.linspace(0, 1, 1 + _num_bins(len(seen)))[1:-1]))
            bins_N = np.where(known_N, np.searchsorted(edges, values_N, side="left") + 1, 0)
        sum_BK = sums(fit_N, bins_N[fit_N], int(bins_N.max()) + 1)
        size_B1 = np.bincount(bins_N[fit_N], minlength=len(sum_BK))[:, None]
        mean_BK = (sum_BK + sum_BK.sum(axis=0) / fit_N.sum()) / (size_B1 + 1)
        guess_NK[~fit_N] = mean_BK[bins_N[~fit_N]]
    return guess_NK


def _scaled(values_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring numbers into [-1, 1], so that no square of a huge one overflows."""
    largest = float(np.nanmax(np.abs(values_N), initial=0.0))
    return values_N / largest if largest > 0 else values_N


def _num_bins(num_rows: int) -> int:
    return max(2, min(MOST_BINS, num_rows // 8))


def _gained(right: int, counts_K: NDArray[np.int64]) -> float:
    """Share of the rows that are right, of those that always guessing the most frequent class gets wrong."""
    most = int(counts_K.max())
    return (right - most) / max(1, int(counts_K.sum()) - most)


def _right_by_value(values_N: NDArray[np.float64], truth_N: NDArray[np.int64], num_classes: int) -> int:
    """Rows that a column with hardly more values than classes gets right; 0 for other columns."""
    _, codes_N = np.unique(values_N, return_inverse=True)  # NaN is one value
    num_values = int(codes_N.max()) + 1
    if num_values > num_classes + 1:
        return 0
    return int(
        np.bincount(codes_N * num_classes + truth_N, minlength=num_values * num_classes)
        .reshape(num_values, -1)
        .max(1)
        .sum()
    )
