"""Every way of combining, fitted without each fold and on all: what `stacking.py` chooses from, and by which rule.

At most 100 000 rows fit and judge the ways (drawn by the seed from all folds alike; fewer of more than twenty classes);
their combinations answer for all rows. Rows lie in the order of their parts, so that a part is a slice.

Legend: M members, n rows, C outputs, P parts (the folds), W ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric
from components.core.seeds import generator
from components.ensembles.combine import Combiner, PartScores, nearly
from components.ensembles.noise import Judged, judged
from components.ensembles.ways import Method, best_member, cross_fitted, fit, random_parts

MOST_ROWS = 100_000
MOST_NUMBERS = 2_000_000  # rows times classes
AHEAD = 0.5  # standard errors of a difference that a way must be ahead of a cheaper one (measured: see `noise.py`)
FLATTERED = 2.0  # standard errors that two_layers must be ahead: its members have seen each other's folds


@dataclass(frozen=True, kw_only=True)
class Second:
    """A member of the second layer: fitted on the predictions of the first, each fold without itself."""

    values_nC: NDArray[np.float32]  # out-of-fold, for the rows of the first layer's
    cost: int  # of itself, and of members that it sees


@dataclass(frozen=True, kw_only=True)
class Tries:
    """All that was fitted, and how it scored."""

    order: NDArray[np.int64]  # row of the caller at each place here
    values_MnC: NDArray[np.float32]
    second_nC: NDArray[np.float32] | None  # of the second layer's member
    scores: PartScores  # of the folds
    nested: PartScores  # of what ways are fitted without: the folds; of a single fold, random parts
    folds: tuple[int, ...]
    oofs: dict[Method, NDArray[np.float32]]
    fitted: dict[Method, Combiner]
    score_of: dict[Method, float]  # nested; greater is better
    fitted_score: dict[Method, float]  # on the rows that it was fitted on
    cost: dict[Method, int]
    single_M: NDArray[np.float64]
    best: int
    judged: Judged  # the ways, then the best member's own predictions
    ways: tuple[Method, ...]

    @classmethod
    def make(
        cls,
        values_MnC: NDArray[np.float32],
        fold_n: NDArray[np.int16],
        truth_n: NDArray[Any],
        cost_M: NDArray[np.int64],
        metric: Metric,
        ways: tuple[Method, ...],
        seed: int,
        second: Second | None,
    ) -> "Tries":
        """Fit and judge all ways."""
        folds = tuple(int(number) for number in np.unique(fold_n))
        is_one = len(folds) == 1
        mixed = random_parts(len(truth_n), seed) if is_one else [np.flatnonzero(fold_n == number) for number in folds]
        order = np.concatenate(mixed)
        parts = np.split(np.arange(len(order)), np.cumsum([len(part) for part in mixed])[:-1])
        values_MnC, truth_n = values_MnC[:, order], truth_n[order]
        nested = PartScores(metric, truth_n, parts)
        scores = PartScores(metric, truth_n, [np.arange(len(order))]) if is_one else nested
        seen_n = _seen(len(order), values_MnC.shape[2], seed)
        rows = slice(None) if seen_n is None else seen_n
        seen = scores if seen_n is None else scores.only(seen_n)
        oofs, fitted, fitted_score, cost = {}, {}, {}, {}
        second_nC = None if second is None else second.values_nC[order]
        for way in ways:
            values, costs = _with_second(way, values_MnC, second_nC), cost_M
            if second is not None and len(values) > len(cost_M):
                costs = np.append(cost_M, second.cost)
            oofs[way] = cross_fitted(way, values, nested, costs, seen_n)
            fitted[way] = fit(way, values[:, rows], seen, costs)
            fitted_score[way] = float(scores(fitted[way](values)[None])[0])
            cost[way] = int(costs[fitted[way].weight_M > 0].sum())
        single_M = scores(values_MnC)
        best = best_member(single_M, cost_M)
        stacked = np.stack([*(oofs[way] for way in ways), values_MnC[best]])
        return cls(
            order=order,
            values_MnC=values_MnC,
            second_nC=second_nC,
            scores=scores,
            nested=nested,
            folds=folds,
            oofs=oofs,
            fitted=fitted,
            fitted_score=fitted_score,
            cost={**cost, "best": int(cost_M[best])},
            single_M=single_M,
            best=best,
            judged=judged(seen, stacked[:, rows], seed),
            score_of={way: float(scores(oofs[way][None])[0]) for way in ways},
            ways=ways,
        )

    def values_of(self, way: Method) -> NDArray[np.float32]:
        """Return the predictions that a way combines: the members', for `two_layers` the second layer's behind them."""
        return _with_second(way, self.values_MnC, self.second_nC)

    def oof_of(self, way: Method) -> NDArray[np.float32]:
        """Return predictions of combiners that have not seen the fold; the best member's are its own [n, C]."""
        return self.values_MnC[self.best] if way == "best" else self.oofs[way]

    def reporting(self, metric: Metric) -> PartScores:
        """Return the folds with another metric."""
        return PartScores(metric, self.scores.truth_n, self.scores.parts)


def _with_second(
    way: Method, values_MnC: NDArray[np.float32], second_nC: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    if way != "two_layers" or second_nC is None:
        return values_MnC
    return np.concatenate([values_MnC, second_nC[None]])


def first_way(tries: Tries) -> tuple[Method, tuple[Method, ...]]:
    """Return the way that is taken, and all that are tied with the best one.

    No way is sound that is behind the best member's own score. But that member was chosen among all by this score,
    which is luck in part: what a way must be ahead of is what choosing one member scores on a fold that it has not
    seen, as all ways are judged.
    """
    alone = float(tries.single_M[tries.best])
    scored = tries.score_of
    sound = [
        number
        for number, way in enumerate(tries.ways)
        if way != "best" and nearly(min(scored[way], tries.fitted_score[way]), alone)
    ]
    return _ruled(tries, tries.judged, [*sound, tries.ways.index("best")])


def _ruled(tries: Tries, known: Judged, among: Sequence[int]) -> tuple[Method, tuple[Method, ...]]:
    names = tries.ways
    cost = [tries.cost[name] for name in names]
    errors = [FLATTERED if name == "two_layers" else AHEAD for name in names]
    tied = known.tied(among, errors)
    way = names[min(tied, key=lambda number: (cost[number], number))]
    return way, tuple(names[number] for number in tied)


def nested_oof(tries: Tries, named: Method | None) -> NDArray[np.float32]:
    """Answer each part by the way that would have been taken without it, fitted without it [n, C]."""
    if named is not None:
        return tries.oofs[named]
    answers_nC = np.empty_like(tries.values_MnC[0])
    if len(tries.scores.parts) == 1:
        way, _ = first_way(tries)
        return tries.oofs[way]
    for part, rows in enumerate(tries.scores.parts):
        known = tries.judged.without(part)
        score_W = known.scores()
        sound = [n for n, way in enumerate(tries.ways) if way != "best" and score_W[n] >= score_W[-1]]
        way, _ = _ruled(tries, known, [*sound, tries.ways.index("best")])
        answers_nC[rows] = tries.oofs[way][rows]
    return answers_nC


def _seen(num_rows: int, num_outputs: int, seed: int) -> NDArray[np.bool_] | None:
    """Return which rows fit and judge; None: all."""
    most = min(MOST_ROWS, MOST_NUMBERS // num_outputs)
    if num_rows <= most:
        return None
    seen_n = np.zeros(num_rows, dtype=bool)
    seen_n[generator(seed, "stacking", "seen").choice(num_rows, most, replace=False)] = True
    return seen_n
