"""The form of `data/evaluate/scores.json`: everything that evaluate found out, nothing that a clock measured.

`metrics.json` holds the first of these numbers, `summary.py` a dozen lines of them, the report all of them.

    made_from    {word: hash of the out} of all ancestors
    facts        default (the member that the search began with, or null), threshold_by ("params" | "folds"),
                 source, target, task, classes, event (binary: the class that is looked for, else null), metric, title,
                 greater_is_better, table, seed, rows, rows_train, rows_test, columns, folds, split_by,
                 noun ("row" | "picture"), judged_on ("test" | "folds"), interval, resamples
    score        Estimate: the ensemble by the metric, on the rows that it is judged on
    folds        Estimate: the ensemble on its out-of-fold rows, mean over the folds (the promise before the test)
    fold_scores  the ensemble, fold by fold
    seen         score on (a sample of) the train rows that its models were fitted on; null when not asked
    gains        {"default" (where its predictions are there), "linear_baseline", "dummy_baseline": Estimate}: paired;
                 above 0 is better than it, whatever the metric
    single       {name, gain (Estimate, on the folds), tie, cost_share}: the ensemble against its best member; null
                 where it has one member
    honesty      {nested, nested_folds, best_validation, optimism, searches}: form and meaning in `honesty.py`
    threshold    from which probability of the event on the answer is yes; null: the likelier class
    calibration_error   mean distance of predicted and observed shares in ten bins; null for numbers
    pareto       [{what, members, score, cost, bytes, front}]: score on the folds against cost and size
    scores       {"ensemble" | member | "default" | "linear_baseline" | "dummy_baseline": {metric: Estimate}}
    members      [{name, family, stage, score, fold_scores, weight (null: left out), cost, bytes, tie, refit_rows}],
                 best first; the first one is the ensemble itself. `score` is on the folds: never a test score in a
                 leaderboard. `refit_rows`: on how many rows it grew once more to answer in its folds' place, or null
    confusion    {"classes": [...], "counts": [[actual][predicted]]} or null
    calibration  [{low, high, predicted, observed, observed_low, observed_high, rows}]
    importance   [{column, value, low, high}], most important first; `value` in units of the metric, above 0 is used
    importance_rows, importance_seen (true: measured on rows the models were fitted on, because there is no test part)
    diagnosis    {word: "fits"|"overfits"|"underfits"|"unfinished"|"unknown", sentence, cure, member, stage}
    network      [{layer, shape, parameters}] of the best network, or []
    findings     those of validate, as validate wrote them
    searched     {"search" | "boosting": {trials, complete, pruned, failed, causes, last_gain, after, last}};
                 `last_gain` and `last` are numbers of trials, `after` counts those with an outcome after the last
                 gain: a trial that was cut off leaves a gap in the numbers. Why a search ended is no part of it,
                 because a clock may say so: `complete.with_endings` adds it for people
    verdict      [{word, sentence, alarm}]         at most five sentences
    worries      [{severity, word, sentence, cure, section}]; section: the report's, that shows all of its own
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
