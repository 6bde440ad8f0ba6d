"""Stacking: which way of combining the members is taken, judged on their out-of-fold predictions.

Every way (the best member alone, greedy selection, the linear meta-learner) is fitted without one fold and scored on
it, for each fold: an honest score, and the one the ensemble reports. `auto` takes the way with the best of these; but
only if it beats the best member's own score there, and still does on all rows when it is fitted on all of them. So
an ensemble is never worse than its best member on the same folds. Ties go to the cheaper way.

Wolpert, "Stacked generalization" (1992). The ways are in `greedy.py` and `meta_learner.py`, what becomes of the choice
in `ensemble_member.py`.

Legend: M members, n rows that all members have, C outputs, P parts (the folds).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric, Predictions
from components.core.errors import UserMistake
from components.core.seeds import generator
from components.core.specs import Spec, setting
from components.ensembles.combine import Combiner, PartScores, nearly, weighted_mean
from components.ensembles.ensemble_member import load_ensemble
from components.ensembles.greedy import first_choice, greedy
from components.ensembles.meta_learner import linear

__all__ = ["Aligned", "Choice", "StackingSpec", "align", "choose", "load_ensemble"]

Method = Literal["best", "average", "greedy", "linear"]
AUTO: tuple[Method, ...] = ("best", "greedy", "linear")
PARTS_OF_ONE_FOLD = 5


class StackingSpec(Spec):
    """The section `stacking`."""

    method: Literal["auto", "best", "average", "greedy", "linear"] = setting(
        "auto", "best | average | greedy | linear; auto asks nested folds"
    )


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """The members' out-of-fold predictions for the rows that all of them have, in order of row id."""

    rows_n: NDArray[np.int64]
    fold_n: NDArray[np.int16]
    values_MnC: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The ensemble that was chosen."""

    method: Method
    combiner: Combiner  # fitted on all rows; over all M members
    oof: Predictions  # of combiners that have not seen the fold
    folds: tuple[int, ...]
    fold_scores: tuple[float, ...]  # of `oof`, in the metric's own direction
    method_scores: Mapping[str, float]  # of every way that was tried
    member_scores_MP: NDArray[np.float64]  # of the members alone, on the same rows and parts


def align(oofs: Sequence[Predictions]) -> Aligned:
    """Lay predictions of the same folds side by side. Raises UserMistake when no row is in all of them."""
    rows_n = oofs[0].rows_n
    for oof in oofs[1:]:
        rows_n = np.intersect1d(rows_n, oof.rows_n, assume_unique=True)
    if not len(rows_n):
        raise UserMistake(
            "stacking: no row has out-of-fold predictions of all members, because some members were trained on other "
            "folds than others. Give search and boosting more seconds, or lower search.keep."
        )
    values, folds = [], []
    for oof in oofs:
        order = np.argsort(oof.rows_n, kind="stable")
        found = order[np.searchsorted(oof.rows_n[order], rows_n)]
        values.append(oof.values_nC[found])
        folds.append(oof.fold_n[found])
    assert all((fold_n == folds[0]).all() for fold_n in folds), "members of one tree share their folds"
    return Aligned(rows_n=np.sort(rows_n), fold_n=folds[0], values_MnC=np.stack(values))


def choose(
    spec: StackingSpec,
    aligned: Aligned,
    truth_n: NDArray[Any],
    cost_M: NDArray[np.int64],
    *,
    metric: Metric,
    seed: int,
) -> Choice:
    """Choose and fit the ensemble; `truth_n` is that of `aligned.rows_n`. A method that is named is taken as it is."""
    values_MnC = aligned.values_MnC
    folds = tuple(int(number) for number in np.unique(aligned.fold_n))
    scores = PartScores(metric, truth_n, [np.flatnonzero(aligned.fold_n == number) for number in folds])
    nested = scores if len(folds) > 1 else PartScores(metric, truth_n, random_parts(len(truth_n), seed))
    ways: tuple[Method, ...] = AUTO if spec.method == "auto" else (spec.method,)
    oof_of = {way: cross_fitted(way, values_MnC, nested, cost_M) for way in ways}
    score_of = {way: float(scores(oof_nC[None])[0]) for way, oof_nC in oof_of.items()}
    fitted = {way: fit(way, values_MnC, scores, cost_M) for way in ways}
    single_M = scores(values_MnC)
    best = first_choice(single_M, np.zeros(len(single_M), dtype=np.int64), cost_M)
    way = spec.method
    if way == "auto":
        score_of_fitted = {one: float(scores(fitted[one](values_MnC)[None])[0]) for one in ways}
        sound = {one: score_of[one] for one in ways if min(score_of[one], score_of_fitted[one]) >= single_M[best]}
        way = _first({**sound, "best": float(single_M[best])}, fitted, cost_M)
    oof_nC = values_MnC[best] if way == "best" else oof_of[way]
    sign = 1.0 if metric.greater_is_better else -1.0
    return Choice(
        method=way,
        combiner=fitted[way],
        oof=Predictions(rows_n=aligned.rows_n, fold_n=aligned.fold_n, values_nC=oof_nC),
        folds=folds,
        fold_scores=tuple(float(score) for score in scores.by_part(oof_nC[None])[0]),
        method_scores={one: sign * score for one, score in score_of.items()},
        member_scores_MP=scores.by_part(values_MnC),
    )


def fit(way: Method, values_MnC: NDArray[np.float32], scores: PartScores, cost_M: NDArray[np.int64]) -> Combiner:
    """Fit one way of combining on these rows. Members that all are worse than none leave the best of them."""
    if way == "linear" and (combiner := linear(values_MnC, scores.truth_n)).weight_M.any():
        return combiner
    if way == "greedy":
        return greedy(values_MnC, scores, cost_M)
    weight_M = np.ones(len(values_MnC))
    if way != "average":
        best = first_choice(scores(values_MnC), np.zeros(len(values_MnC), dtype=np.int64), cost_M)
        weight_M = (np.arange(len(values_MnC)) == best).astype(np.float64)
    return weighted_mean(weight_M, values_MnC.shape[2])


def cross_fitted(
    way: Method, values_MnC: NDArray[np.float32], scores: PartScores, cost_M: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Combine every part by what was fitted on the others [n, C]."""
    combined_nC = np.empty_like(values_MnC[0])
    for number, part in enumerate(scores.parts):
        others, kept = scores.without(number) if len(scores.parts) > 1 else (scores, part)
        combined_nC[part] = fit(way, values_MnC[:, kept], others, cost_M)(values_MnC[:, part])
    return combined_nC


def random_parts(num_rows: int, seed: int) -> list[NDArray[np.int64]]:
    """Cut the rows of a single fold at random, for the choice alone."""
    mixed = generator(seed, "stacking", "parts").permutation(num_rows)
    return [np.sort(part) for part in np.array_split(mixed, min(PARTS_OF_ONE_FOLD, num_rows)) if len(part)]


def _first(score_of: Mapping[Method, float], fitted: Mapping[Method, Combiner], cost_M: NDArray[Any]) -> Method:
    """Return the way with the best score; of tied ones the cheapest."""
    best = max(score_of.values())
    tied = [way for way, score in score_of.items() if nearly(score, best)]
    return min(tied, key=lambda way: int(cost_M[fitted[way].weight_M > 0].sum()))
