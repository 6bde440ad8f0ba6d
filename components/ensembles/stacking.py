"""Stacking: which way of combining the members is taken, judged on their out-of-fold predictions.

Every way (`ways.py`) is fitted without one fold and scored on it, for each fold: an honest score, and the one that the
ensemble reports. `auto` takes the way with the best of these; ways that chance cannot tell from it are tied
(`noise.py`), and of a tie the cheapest is taken. No way is taken that is worse than the best member alone, neither
there nor on all rows when it is fitted on all of them. So an ensemble is never worse than its best member on the same
folds, and stacking that overfits is not chosen.

The choice itself flatters the score that was chosen: `nested_scores` are those of choices that were made without the
fold that scores them, the way and the best member included.

Wolpert, "Stacked generalization" (1992). What becomes of the choice is in `ensemble_member.py`.

Legend: M members, n rows that all members have, C outputs, P parts (the folds), W ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.core.contracts import Metric, Predictions
from components.core.errors import UserMistake
from components.core.specs import NONE, Spec, setting
from components.core.thresholds import as_if_half
from components.ensembles.combine import Combiner
from components.ensembles.decision_threshold import AtBestThreshold, wanted
from components.ensembles.ensemble_member import load_ensemble
from components.ensembles.finishing import Finished, finish
from components.ensembles.tries import Second, Tries, first_way, nested_oof
from components.ensembles.ways import FIRST_LAYER, Method

__all__ = ["Aligned", "Choice", "Second", "StackingSpec", "align", "choose", "load_ensemble"]


class StackingSpec(Spec):
    """The section `stacking`."""

    method: Literal["auto", "best", "average", "greedy", "convex", "linear", "two_layers"] = setting(
        "auto", "best | average | greedy | convex | linear | two_layers; auto asks nested folds"
    )
    calibrate: bool = setting(True, "one temperature for all probabilities, kept where log loss falls on unseen folds")
    max_ms_per_row: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        NONE, "a limit leaves slow members out; the one choice by a measured time, so it may differ between machines"
    )
    distill: Literal["none", "network", "boosting"] = setting(
        NONE, "network | boosting: one model that imitates the ensemble, and is exported in its place"
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
    combiner: Combiner  # fitted on all rows; over all M members, and the second layer where it was chosen
    threshold: float | None  # of the event; None: the likelier class is called
    oof: Predictions  # of combiners that have not seen the fold
    folds: tuple[int, ...]
    fold_scores: tuple[float, ...]  # of `oof`, in the metric's own direction
    fitted_score: float  # of the combiner on the rows that it was fitted on: no measure of anything but of fitting
    nested_scores: tuple[float, ...]  # of choices that have not seen the fold
    method_scores: Mapping[str, float]  # of every way that was tried
    tied: tuple[str, ...]  # ways that chance cannot tell from the best one
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
    second: Second | None = None,
) -> Choice:
    """Choose and fit the ensemble; `truth_n` is that of `aligned.rows_n`. A method that is named is taken as it is.

    `second`: a member that was fitted on the others' predictions; it takes part in `two_layers` alone. Where the
    metric wants a threshold of its own, members are chosen at one half and at the best threshold, and the better of
    the two is taken.
    """
    plain = _choose(spec, aligned, truth_n, cost_M, metric, metric, seed, second)
    if not wanted(metric, aligned.values_MnC.shape[2]):
        return plain
    other = _choose(spec, aligned, truth_n, cost_M, metric, AtBestThreshold(metric), seed, second)
    is_sound = other.fitted_score >= plain.member_scores_MP.mean(axis=1).max()
    return other if is_sound and np.mean(other.fold_scores) > np.mean(plain.fold_scores) else plain


def _choose(
    spec: StackingSpec,
    aligned: Aligned,
    truth_n: NDArray[Any],
    cost_M: NDArray[np.int64],
    metric: Metric,
    judge: Metric,
    seed: int,
    second: Second | None,
) -> Choice:
    """Choose by one metric (`judge`), report by the other: they differ where there is a threshold to be chosen."""
    named: tuple[Method, ...] = FIRST_LAYER if spec.method == "auto" else (spec.method,)
    ways: tuple[Method, ...] = (*named, "two_layers") if spec.method == "auto" and second else named
    tries = Tries.make(aligned.values_MnC, aligned.fold_n, truth_n, cost_M, judge, ways, seed, second)
    way, tied = first_way(tries) if spec.method == "auto" else (spec.method, (spec.method,))
    best = tries.best
    finished: Finished = finish(
        tries.oof_of(way),
        tries,
        metric,
        way=way,
        floor=float(tries.single_M[best]),
        calibrate=spec.calibrate,
    )
    nested = nested_oof(tries, way if spec.method != "auto" else None)
    nested_nC = finished.same_for(nested, tries)
    reported = tries.reporting(metric)
    fitted_nC = finished.combiner(tries.values_of(way))
    values_nC = np.empty_like(finished.values_nC)
    values_nC[tries.order] = finished.values_nC
    sign = 1.0 if metric.greater_is_better else -1.0
    member_scores_MP = reported.by_part(tries.values_MnC)
    return Choice(
        method=way,
        combiner=finished.combiner,
        threshold=finished.threshold,
        oof=Predictions(rows_n=aligned.rows_n, fold_n=aligned.fold_n, values_nC=values_nC),
        folds=tries.folds,
        fold_scores=tuple(float(score) for score in reported.by_part(finished.judged_nC[None])[0]),
        fitted_score=float(reported.by_part(as_if_half(fitted_nC, finished.threshold)[None]).mean()),
        nested_scores=tuple(float(score) for score in reported.by_part(nested_nC[None])[0]),
        method_scores={one: sign * tries.score_of[one] for one in ways},
        tied=tied,
        member_scores_MP=member_scores_MP,
    )
