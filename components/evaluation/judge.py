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
from components.core.thresholds import as_if_half
from components.evaluation.baselines import BASELINES, predict_dummy, predict_linear
from components.evaluation.bootstrap import Judged, Scored, score
from components.evaluation.calibration import bins, expected_error
from components.evaluation.importance import importance
from components.evaluation.spec import EvaluateSpec
from components.metrics import confusion_matrix, get, names

DEFAULT = "default"  # the name of the default configuration among those that are compared
MOST_SEEN_ROWS = 1000  # train rows that the models answer again, to see what they know by heart


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
    threshold: float | None = None  # from which probability of the event on the answer is yes; None: the likelier class
    default: Member | None = None  # what the search began with, untuned

    @property
    def judged_on(self) -> str:
        """`test`, or `folds` where no rows were kept for a test."""
        return "test" if len(self.test_rows) else "folds"

    @cached_property
    def default_there(self) -> Member | None:
        """The default configuration, where it has predictions for all judged rows."""
        if self.default is None or len(self.test_rows):
            return self.default
        has = np.isin(self.ensemble.oof.rows_n, self.default.oof.rows_n).all()
        return self.default if has else None

    @property
    def simpler(self) -> tuple[str, ...]:
        """What the ensemble is compared with: the default configuration where there is one, and both baselines."""
        return ((DEFAULT,) if self.default_there is not None else ()) + BASELINES

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
    on_folds = _scored_on_folds(case)
    found = bins(case.judged.truth_n, case.judged.values_KnC[0], case.table.schema.task, case.spec.interval)
    return {
        "score": scored.estimate(case.metric, "ensemble").to_json(),
        "folds": (on_folds if case.judged_on == "test" else scored).estimate(case.metric, "ensemble").to_json(),
        "single": _single(case, on_folds),
        "threshold": case.threshold,
        "calibration_error": None if case.table.schema.task == "regression" else round(expected_error(found), 6),
        "fold_scores": _fold_scores(case),
        "seen": _seen(case),
        "gains": {name: scored.gain(case.metric, "ensemble", name).to_json() for name in case.simpler},
        "scores": {
            name: {metric.name: scored.estimate(metric, name).to_json() for metric in metrics}
            for name in case.judged.names
        },
        "confusion": _confusion(case),
        "calibration": found,
        "importance": columns,
        "importance_rows": rows,
        "importance_seen": case.judged_on == "folds",
    }


def _on_test(case: Case) -> Judged:
    rows = case.test_rows
    values = [member.predict(case.table, rows) for member in (case.ensemble, *case.members.values())]
    if case.default_there is not None:
        values.append(case.default_there.predict(case.table, rows))
    values.append(predict_linear(case.table, case.train_rows, rows))
    values.append(predict_dummy(case.table, case.train_rows, len(rows)))
    return _judged(case, rows, values, (np.arange(len(rows)),))


def _on_folds(case: Case) -> Judged:
    oof = case.ensemble.oof
    asked = (case.ensemble, *case.members.values(), *([case.default_there] if case.default_there is not None else []))
    values = [values_of(member.oof, oof.rows_n) for member in asked]
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
        names=("ensemble", *case.members, *case.simpler),
        truth_n=case.table.target()[rows],
        values_KnC=np.stack(values),
        parts=parts,
        classes=case.table.schema.task != "regression",
        threshold=case.threshold,
    )


def values_of(predictions: Predictions, rows_n: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values for these rows, in their order; all of them must be there."""
    order = np.argsort(predictions.rows_n, kind="stable")
    places = order[np.searchsorted(predictions.rows_n, rows_n, sorter=order)]
    assert (predictions.rows_n[places] == rows_n).all(), "a member lacks out-of-fold rows of the ensemble"
    return predictions.values_nC[places]


def _scored_on_folds(case: Case) -> Scored:
    """Score the ensemble and its best member on the out-of-fold rows, fold by fold, on the same drawings."""
    return score(
        [case.metric],
        _fold_judged(case),
        interval=case.spec.interval,
        resamples=case.spec.resamples,
        rng=generator(case.seed, "evaluate", "folds"),
    )


def _fold_judged(case: Case) -> Judged:
    oof = case.ensemble.oof
    judged = Judged(
        names=("ensemble", *case.members),
        truth_n=case.table.target()[oof.rows_n],
        values_KnC=np.stack([oof.values_nC, *(values_of(one.oof, oof.rows_n) for one in case.members.values())]),
        parts=tuple(np.flatnonzero(oof.fold_n == fold) for fold in np.unique(oof.fold_n)),
        classes=case.table.schema.task != "regression",
        threshold=case.threshold,
    )
    if len(case.members) < 2:
        return judged.only(("ensemble",))
    scores = np.array([_mean_score(case, judged, k) for k in range(1, len(judged.names))])
    best = int(np.argmax(scores if case.metric.greater_is_better else -scores))
    return judged.only(("ensemble", judged.names[1 + best]))


def _mean_score(case: Case, judged: Judged, k: int) -> float:
    values_1nC = judged.called()[k : k + 1] if case.metric.needs == "label" else judged.values_KnC[k : k + 1]
    return float(np.mean([case.metric(judged.truth_n[rows], values_1nC[:, rows])[0] for rows in judged.parts]))


def _single(case: Case, on_folds: Scored) -> dict[str, Any] | None:
    """Compare the ensemble with its best member, both on the folds; None where it has one member."""
    names = on_folds.judged.names
    if len(names) < 2:
        return None
    gain = on_folds.gain(case.metric, "ensemble", names[1])
    return {
        "name": names[1],
        "gain": gain.to_json(),
        "tie": gain.low is not None and gain.high is not None and gain.low <= 0 <= gain.high,
        "cost_share": round(case.members[names[1]].cost() / max(1, case.ensemble.cost()), 4),
    }


def _fold_scores(case: Case) -> list[float]:
    judged = _fold_judged(case).only(("ensemble",))
    seen = judged.called() if case.metric.needs == "label" else judged.values_KnC
    return [round(float(case.metric(judged.truth_n[rows], seen[:, rows])[0]), 6) for rows in judged.parts]


def _seen(case: Case) -> float:
    """Score the ensemble on train rows: all or most of its models were fitted on each of them."""
    rng = generator(case.seed, "evaluate", "seen")
    rows = np.sort(rng.permutation(case.train_rows)[:MOST_SEEN_ROWS])
    values = case.ensemble.predict(case.table, rows)
    if case.metric.needs == "label":
        values = as_if_half(values, case.threshold)
    return round(float(case.metric(case.table.target()[rows], values[None])[0]), 6)


def _confusion(case: Case) -> dict[str, Any] | None:
    if case.table.schema.task == "regression":
        return None
    counts = confusion_matrix(case.judged.truth_n, case.judged.called()[:1])[0]
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
        threshold=case.threshold,
    )
