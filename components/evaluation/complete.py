"""Put scores.json together: what was judged, what the other stages found out, and the sentences about both."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.evaluation.advice import check_names, next_steps, worries
from components.evaluation.layout import Scores
from components.evaluation.verdict import verdict

NOISE = 2.0  # standard errors of the paired difference between folds that still are a tie


def complete(judged: Mapping[str, Any], told: Mapping[str, Any]) -> Scores:
    """Return scores.json from what `judge` found and what `material.told` read; sentences are added here.

    `told` holds made_from, facts, members (without the ensemble), ensemble (its cost and bytes), diagnosis, network,
    findings, searched, honesty, pareto.
    """
    scores: dict[str, Any] = {**told, **judged}
    scores["members"] = ranked(judged["fold_scores"], judged["folds"]["value"], told["ensemble"], told["members"])
    del scores["ensemble"]
    return {**scores, **_sentences(scores)}


def with_endings(scores: Scores, endings: Mapping[str, str]) -> Scores:
    """Return the scores with why each search ended, and with the sentences that follow from it: for people only."""
    searched = {
        word: {**facts, "ended_by": endings[word]} if word in endings else facts
        for word, facts in scores["searched"].items()
    }
    found = {**scores, "searched": searched}
    return {**found, **_sentences(found)}


def _sentences(scores: Scores) -> dict[str, Any]:
    return {
        "verdict": verdict(scores),
        "worries": worries(scores),
        "checks": check_names(scores),
        "next": next_steps(scores),
    }


def ranked(
    fold_scores: Sequence[float], score: float, ensemble: Mapping[str, int], members: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the ensemble and then its candidates in their order, each with whether it ties with the one above."""
    first = {
        "name": "ensemble",
        "family": "ensemble",
        "stage": "stacking",
        "score": score,
        "fold_scores": list(fold_scores),
        "weight": 1.0,
        "refit_rows": None,
        **ensemble,
    }
    rows = [first, *({**member} for member in members)]
    for above, row in zip([None, *rows[:-1]], rows, strict=True):
        row["tie"] = above is not None and is_tie(above["fold_scores"], row["fold_scores"])
    return rows


def is_tie(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether two members differ by less than noise, judged by their differences on the same folds."""
    if len(first) != len(second) or len(first) < 2:
        return False
    difference = np.subtract(first, second)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(abs(difference.mean()) <= NOISE * error)


def headline(scores: Scores) -> dict[str, float | int]:
    """Return metrics.json: flat numbers that read well side by side, each gain with its interval.

    Where no rows were kept for a test, the names say so: `roc_auc_on_folds`.
    """
    facts, score, honesty = scores["facts"], scores["score"], scores["honesty"]
    tested = facts["judged_on"] == "test"
    end = "" if tested else "_on_folds"
    name = f"{facts['metric']}{end}"
    found = {name: score["value"], f"{name}_low": score["low"], f"{name}_high": score["high"]}
    if tested:
        found[f"{facts['metric']}_on_folds"] = scores["folds"]["value"]
    if honesty["nested"] is not None:
        found |= {f"{facts['metric']}_nested": honesty["nested"], "optimism": honesty["optimism"]}
    for over, gain in scores["gains"].items():
        word = f"gain_over_{over.removesuffix('_baseline')}{end}"
        found |= {word: gain["value"], f"{word}_low": gain["low"], f"{word}_high": gain["high"]}
    for other in _BESIDE[facts["task"]]:
        if other != facts["metric"]:
            found[f"{other}{end}"] = scores["scores"]["ensemble"][other]["value"]
    if scores["calibration_error"] is not None:
        found[f"calibration_error{end}"] = scores["calibration_error"]
    found["rows_test" if tested else "rows_on_folds"] = score["rows"]
    return found


_BESIDE = {
    "binary": ("accuracy", "f1", "log_loss", "brier", "roc_auc"),
    "multiclass": ("accuracy", "f1_macro", "log_loss", "brier", "roc_auc"),
    "regression": ("mae", "r2", "rmse"),
}
