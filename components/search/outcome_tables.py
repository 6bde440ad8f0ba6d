"""The out of a search-like stage (search, boosting): the table of its trials, its space, its curves, its members.

    trials.parquet    trial, state, cause, message, score, fold_0.., one column per parameter (its path), rungs,
                      facts.<name>
    curves.parquet    trial, epoch (from 1), train, validation
    space.yaml        the whole space in the notation of params.yaml, left-out keys written out
    members/<name>/   the best, with all their folds
    <word>.json       table, metric, trials, score_folds, members (the best first), failures, closed, objectives, front

Equal results give equal bytes: no times, no paths, and nothing about what ended the search, so that a search ended by
the clock and one that was asked for as many trials leave the same out. Why a search ended is in `note`'s file beside
the studies.
"""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from components.core.contracts import JSON
from components.core.errors import EspalierError
from components.core.files import read_json, write_json, write_parquet, write_text
from components.core.ranges import Group
from components.search.failures import message_of, word_of
from components.search.result import Kept, SearchResult, Trial
from components.search.space_file import space_text
from components.search.spec import SearchSettings


def write_search_out(
    out: Path,
    word: str,
    result: SearchResult,
    *,
    space: Group,
    settings: SearchSettings,
    table: str,
    metric: str,
) -> tuple[str, ...]:
    """Write the out of one search into an existing folder; return the members' names, the best first.

    `table` is the content hash, `metric` the resolved name. <word>.json: {"table", "metric", "greater_is_better",
    "trials", "score_folds", "members": [names, the best first], "failures": {cause: count}, "closed": [branches in
    which everything failed], "objectives", "front": [trials that nobody beats in all objectives]}.
    """
    write_parquet(out / "trials.parquet", trial_columns(result.trials))
    write_parquet(out / "curves.parquet", curve_columns(result.trials))
    heading = (
        f"What {word} chose from, all keys written out.\n"
        f"metric {metric}, sampler {settings.sampler}, pruner {settings.pruner}, "
        f"generations of {settings.generation}, judged on {result.num_score_folds} fold(s)"
    )
    write_text(out / "space.yaml", space_text(space, heading))
    names = tuple(_copy_member(kept, out / "members") for kept in result.kept)
    write_json(
        out / f"{word}.json",
        {
            "table": table,
            "metric": metric,
            "greater_is_better": result.greater_is_better,
            "trials": len(result.trials),
            "score_folds": result.num_score_folds,
            "members": list(names),
            "failures": result.failures,
            "closed": [asdict(one) for one in result.closed],
            "objectives": list(settings.objectives),
            "front": list(result.front),
        },
    )
    return names


def note(
    studies: Path,
    word: str,
    study: Path,
    *,
    metric: str,
    greater_is_better: bool,
    offered: Sequence[JSON] = (),
    result: SearchResult | None,
) -> None:
    """Write <studies>/<word>.json: which study is this stage's, and, once it has ended, how it did.

    {"study": folder, "metric", "greater_is_better", "ended_by", "trials", "complete" (those neither cut nor failed),
    "keep" (members), "repeatable", "offers" (trials of an earlier space that fit)}: for `pin`, `check`, the summary of
    `run`, the leaderboard and the dashboard. It lies outside the outs, because it tells of clocks and of what was here
    before.
    """
    ended: dict[str, Any] = {}
    if result is not None:
        ended = {
            "ended_by": result.ended_by,
            "trials": len(result.trials),
            "complete": result.count("complete"),
            "keep": len(result.kept),
            "repeatable": result.repeatable,
        }
    facts = {
        "study": study.name,
        "metric": metric,
        "greater_is_better": greater_is_better,
        "offers": [dict(point) for point in offered],
    }
    write_json(studies / f"{word}.json", {**facts, **ended})


def summary(result: SearchResult, noun: str, num_offers: int = 0) -> str:
    """Return the stage's line in the terminal: "48 networks, 91 cut, 2 failed (diverged)   best 0.8471"."""
    if not result.trials:
        return f"no {noun} was finished in time"
    parts = [f"{result.count('complete')} {noun}{'' if result.count('complete') == 1 else 's'}"]
    parts += [f"{result.count('pruned')} cut"] if result.count("pruned") else []
    parts += [f"{result.count('failed')} failed ({', '.join(result.failures)})"] if result.failures else []
    parts += [f"branch closed: {one.sentence}" for one in result.closed]
    best = f"   best {result.kept[0].score:.4f}" if result.kept else ""
    more = f"; {num_offers} of an earlier space still fit: espalier check" if num_offers else ""
    return ", ".join(parts) + best + more


def trial_columns(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Return the columns of trials.parquet. A parameter that a trial did not have is missing there."""
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in trials],
        "state": [trial.outcome.state for trial in trials],
        "cause": [word_of(trial.outcome.cause) for trial in trials],
        "message": [message_of(trial.outcome.cause) for trial in trials],
        "score": [math.nan if trial.score is None else trial.score for trial in trials],
    }
    num_folds = max((len(trial.outcome.fold_scores_S) for trial in trials), default=0)
    for fold in range(num_folds):
        scores = [trial.outcome.fold_scores_S for trial in trials]
        columns[f"fold_{fold}"] = [found[fold] if fold < len(found) else math.nan for found in scores]
    for path in _names(trial.params for trial in trials):
        columns[path] = _of_one_type([trial.params.get(path) for trial in trials])
    columns["rungs"] = [json.dumps({str(step): _rung(trial, step) for step in trial.outcome.rungs}) for trial in trials]
    for fact in _names(trial.outcome.facts for trial in trials):
        columns[f"facts.{fact}"] = _of_one_type([trial.outcome.facts.get(fact) for trial in trials])
    return columns


def curve_columns(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the columns of curves.parquet: means over folds, of all trials that have curves."""
    lengths = [max((len(curve) for curve in trial.outcome.curves.values()), default=0) for trial in trials]
    columns: dict[str, Any] = {
        "trial": np.repeat(np.array([trial.number for trial in trials], dtype=np.int64), lengths),
        "epoch": np.concatenate(
            [np.arange(1, length + 1, dtype=np.int32) for length in lengths] or [np.zeros(0, np.int32)]
        ),
    }
    for name in ("train", "validation"):
        parts = [
            _padded(trial.outcome.curves.get(name, np.zeros(0)), length)
            for trial, length in zip(trials, lengths, strict=True)
        ]
        columns[name] = np.concatenate(parts or [np.zeros(0)]).astype(np.float32)
    return columns


def _copy_member(kept: Kept, members: Path) -> str:
    """Copy a member's folder; never linked, because DVC makes its outs read-only."""
    name = read_json(kept.folder / "member.json")["name"]
    if (members / name).exists():
        raise EspalierError(f"two members are called {name}.")
    shutil.copytree(kept.folder, members / name)
    return name


def _names(mappings: Any) -> list[str]:
    """Return all keys, each once, in the order in which they first come."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _of_one_type(values: list[Any]) -> list[Any]:
    """Parquet columns have one type: numbers stay numbers, what is mixed becomes text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return values
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]


def _rung(trial: Trial, step: int) -> float | None:
    score = trial.outcome.rungs[step]
    return None if math.isnan(score) else score


def _padded(curve: Any, length: int) -> Any:
    return np.concatenate([curve, np.full(length - len(curve), np.nan)])
