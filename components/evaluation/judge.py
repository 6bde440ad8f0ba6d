"""From an ensemble and a table to all numbers of scores.json: the one place where test rows meet models.

With a test part every score is on its rows. With `split.test: 0` the out-of-fold rows are judged instead, fold by fold,
and whatever shows these numbers says so. Baselines are fitted here on the same fit rows. What other stages found out
(findings, trials, members) is read by `material.py`; sentences are made in `verdict.py` and `advice.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Fold, Member, Metric, Predictions
from components.core.seeds import generator
from components.core.table import Table
from components.evaluation.baselines import BASELINES, predict_dummy, predict_linear
from components.evaluation.bootstrap import Judged, Scored, score
from components.evaluation.calibration import bins
from components.evaluation.importance import importance
from components.evaluation.layout import Estimate
from components.evaluation.spec import EvaluateSpec
from components.metrics import confusion_matrix, get, names

MOST_SEEN_ROWS = 1000  # train rows that the fold models answer again, to see what they know by heart


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that is judged, and by what."""

    table: Table
    ensemble: Member
    members: Mapping[str, Member]  # those of the ensemble, by name
    folds: Sequence[Fold]
    test_rows: NDArray[np.int64]  # empty: the folds are judged
    metric: Metric
    spec: EvaluateSpec
    seed: int

    @property
    def judged_on(self) -> str:
        """`test`, or `folds` where no rows were kept for a test."""
        return "test" if len(self.test_rows) else "folds"

    @cached_property
    def train_rows(self) -> NDArray[np.int64]:
        """All real train rows, sorted."""
        real = [rows[rows < self.table.num_real] for fold in self.folds for rows in (fold.fit_rows, fold.score_rows)]
        return np.unique(np.concatenate(real))

    @cached_property
    def judged(self) -> Judged:
        """Predictions of the ensemble, its members and both baselines on the judged rows."""
        return _on_test(self) if len(self.test_rows) else _on_folds(self)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Row ids of the judged rows, in the order of `judged`."""
        return self.test_rows if len(self.test_rows) else self.ensemble.oof.rows_n


def judge(case: Case) -> dict[str, Any]:
    """Return the numbers of scores.json: score, folds, seen, gains, scores, confusion, calibration, importance."""
    metrics = [get(name) for name in names(case.table.schema.task)]
    if case.metric.name not in {metric.name for metric in metrics}:
        metrics.append(get(case.metric.name))
    scored = score(
        metrics,
        case.judged,
        interval=case.spec.interval,
        resamples=case.spec.resamples,
        rng=generator(case.seed, "evaluate", "resamples"),
    )
    columns, rows = _importance(case)
    return {
        "score": scored.estimate(case.metric, "ensemble").to_json(),
        "folds": _fold_estimate(case, scored).to_json(),
        "fold_scores": _fold_scores(case),
        "seen": _seen(case),
        "gains": {name: scored.gain(case.metric, "ensemble", name).to_json() for name in BASELINES},
        "scores": {
            name: {metric.name: scored.estimate(metric, name).to_json() for metric in metrics}
            for name in case.judged.names
        },
        "confusion": _confusion(case),
        "calibration": bins(case.judged.truth_n, case.judged.values_KnC[0], case.table.schema.task, case.spec.interval),
        "importance": columns,
        "importance_rows": rows,
        "importance_seen": case.judged_on == "folds",
    }


def _on_test(case: Case) -> Judged:
    rows = case.test_rows
    values = [member.predict(case.table, rows) for member in (case.ensemble, *case.members.values())]
    values.append(predict_linear(case.table, case.train_rows, rows))
    values.append(predict_dummy(case.table, case.train_rows, len(rows)))
    return _judged(case, rows, values, (np.arange(len(rows)),))


def _on_folds(case: Case) -> Judged:
    oof = case.ensemble.oof
    values = [values_of(member.oof, oof.rows_n) for member in (case.ensemble, *case.members.values())]
    linear = np.zeros_like(oof.values_nC)
    dummy = np.zeros_like(oof.values_nC)
    parts = []
    for fold in case.folds:
        places = np.flatnonzero(np.isin(oof.rows_n, fold.score_rows))
        fit_rows = fold.fit_rows[fold.fit_rows < case.table.num_real]
        if len(places):
            linear[places] = predict_linear(case.table, fit_rows, oof.rows_n[places])
            dummy[places] = predict_dummy(case.table, fit_rows, len(places))
            parts.append(places)
    return _judged(case, oof.rows_n, [*values, linear, dummy], tuple(parts))


def _judged(
    case: Case,
    rows: NDArray[np.int64],
    values: Sequence[NDArray[np.float32]],
    parts: tuple[NDArray[np.int64], ...],
) -> Judged:
    return Judged(
        names=("ensemble", *case.members, *BASELINES),
        truth_n=case.table.target()[rows],
        values_KnC=np.stack(values),
        parts=parts,
        classes=case.table.schema.task != "regression",
    )


def values_of(predictions: Predictions, rows_n: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values for these rows, in their order; all of them must be there."""
    order = np.argsort(predictions.rows_n, kind="stable")
    places = order[np.searchsorted(predictions.rows_n, rows_n, sorter=order)]
    assert (predictions.rows_n[places] == rows_n).all(), "a member lacks out-of-fold rows of the ensemble"
    return predictions.values_nC[places]


def _fold_judged(case: Case) -> Judged:
    oof = case.ensemble.oof
    return Judged(
        names=("ensemble",),
        truth_n=case.table.target()[oof.rows_n],
        values_KnC=oof.values_nC[None],
        parts=tuple(np.flatnonzero(oof.fold_n == fold) for fold in np.unique(oof.fold_n)),
        classes=case.table.schema.task != "regression",
    )


def _fold_estimate(case: Case, scored: Scored) -> Estimate:
    """Return what the folds promise: their mean, with its interval."""
    if case.judged_on == "folds":
        return scored.estimate(case.metric, "ensemble")
    rng = generator(case.seed, "evaluate", "folds")
    found = score(
        [case.metric], _fold_judged(case), interval=case.spec.interval, resamples=case.spec.resamples, rng=rng
    )
    return found.estimate(case.metric, "ensemble")


def _fold_scores(case: Case) -> list[float]:
    judged = _fold_judged(case)
    found = [case.metric(judged.truth_n[rows], judged.values_KnC[:, rows])[0] for rows in judged.parts]
    return [round(float(one), 6) for one in found]


def _seen(case: Case) -> float:
    """Score the ensemble on train rows: most of its fold models were fitted on each of them."""
    rng = generator(case.seed, "evaluate", "seen")
    rows = np.sort(rng.permutation(case.train_rows)[:MOST_SEEN_ROWS])
    values = case.ensemble.predict(case.table, rows)
    return round(float(case.metric(case.table.target()[rows], values[None])[0]), 6)


def _confusion(case: Case) -> dict[str, Any] | None:
    if case.table.schema.task == "regression":
        return None
    counts = confusion_matrix(case.judged.truth_n, case.judged.values_KnC[:1])[0]
    return {"classes": list(case.table.schema.classes), "counts": counts.astype(int).tolist()}


def _importance(case: Case) -> tuple[list[dict[str, Any]], int]:
    rows = case.test_rows if case.judged_on == "test" else case.train_rows
    return importance(
        case.ensemble,
        case.table,
        rows,
        case.metric,
        members=case.members.values(),
        interval=case.spec.interval,
        rng=generator(case.seed, "evaluate", "importance"),
    )
