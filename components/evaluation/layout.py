"""The form of `data/evaluate/scores.json`: everything that evaluate found out, nothing that a clock measured.

`metrics.json` holds a dozen of these numbers, `summary.py` a dozen lines of them, the report all of them.

    made_from    {word: hash of the out} of all ancestors
    facts        source, target, task, classes, event (binary: the class that is looked for, else null), metric, title,
                 greater_is_better, table, seed, rows, rows_train, rows_test, columns, folds, split_by,
                 noun ("row" | "picture"), judged_on ("test" | "folds"), interval, resamples
    score        Estimate: the ensemble by the metric, on the rows that it is judged on
    folds        Estimate: the ensemble on its out-of-fold rows, mean over the folds (the promise before the test)
    fold_scores  the ensemble, fold by fold
    seen         score on (a sample of) the train rows that its fold models were fitted on; null when not asked
    gains        {"dummy_baseline", "linear_baseline": Estimate}: paired; above 0 is better than it, whatever the metric
    scores       {"ensemble" | member | "linear_baseline" | "dummy_baseline": {metric: Estimate}}
    members      [{name, family, stage, score, fold_scores, weight (null: left out), cost, bytes, tie}], best first;
                 the first one is the ensemble itself. `score` is on the folds: never a test score in a leaderboard
    confusion    {"classes": [...], "counts": [[actual][predicted]]} or null
    calibration  [{low, high, predicted, observed, observed_low, observed_high, rows}]
    importance   [{column, value, low, high}], most important first; `value` in units of the metric, above 0 is used
    importance_rows, importance_seen (true: measured on rows the models were fitted on, because there is no test part)
    diagnosis    {word: "fits"|"overfits"|"underfits"|"unfinished"|"unknown", sentence, member}
    network      [{layer, shape, parameters}] of the best network, or []
    findings     those of validate, as validate wrote them
    searched     {"search" | "boosting": {trials, complete, pruned, failed, causes, last_gain}}; why a search
                 ended is no part of it, because a clock may say so: `complete.with_endings` adds it for people
    verdict      [{word, sentence, alarm}]         at most five sentences
    worries      [{severity, word, sentence, cure}]
    checks       [names of all checks behind the worries]
    next         [{sentence, command}]             at most three

An Estimate is {"value", "low", "high", "rows"}; `low` and `high` are null where there is no interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Scores = Mapping[str, Any]
"""What `scores.json` holds, as plain JSON."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval, and the count of rows behind it."""

    value: float
    low: float | None
    high: float | None
    rows: int

    def to_json(self) -> dict[str, float | int | None]:
        """Return plain JSON, six significant digits beyond the point: resampling knows no more."""
        return {
            "value": round(self.value, 6),
            "low": None if self.low is None else round(self.low, 6),
            "high": None if self.high is None else round(self.high, 6),
            "rows": self.rows,
        }
