"""`espalier leaderboard`: the best members and trials by their scores on the folds, also while they grow.

A stage that is done is read from its out, one that is growing (or was killed) from its study's files. Test scores are
not in it: whoever picked by them would have trained on the test rows.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from components.core.contracts import Outcome
from components.core.errors import UserMistake
from components.core.files import read_json, read_parquet
from components.core.numbers import shown
from components.search.study import finished

SEARCHES = ("search", "boosting")
STAGES = (*SEARCHES, "bagging")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: a member, or a trial that was not kept."""

    name: str
    stage: str
    score: float
    error: float | None  # standard error over folds; None of a single fold
    weight: float | None  # in the ensemble; None when it is not in it
    kept: bool


def run(root: Path, *, limit: int = 20, as_json: bool = False) -> None:
    """Print the leaderboard. Raises UserMistake when nothing has grown yet."""
    metric, greater_is_better, rows, growing = read_rows(root)
    rows.sort(key=lambda row: (-row.score if greater_is_better else row.score, not row.kept, row.name))
    if as_json:
        shown_rows = [asdict(row) for row in rows[:limit]]
        print(json.dumps({"metric": metric, "greater_is_better": greater_is_better, "rows": shown_rows}, indent=1))
        return
    print("\n".join(lines(metric, rows[:limit], left_out=max(0, len(rows) - limit), growing=growing)))


def read_rows(root: Path) -> tuple[str, bool, list[Row], list[str]]:
    """Return metric, its direction, all rows, and the stages that are growing."""
    metric, greater_is_better, rows, growing = "", True, [], []
    for stage in STAGES:
        facts = root / "data" / stage / f"{stage}.json"
        note = root / ".espalier" / "studies" / f"{stage}.json"
        if facts.exists():
            found = read_json(facts)
            rows += _rows_of_out(facts.parent, stage, found["members"])
        elif stage in SEARCHES and note.exists():
            found = read_json(note)
            outcomes = finished(note.parent / found["study"])
            rows += _rows_of_study(outcomes, stage)
            growing.append(f"{stage} ({_states(outcomes)})")
        else:
            continue
        metric = found["metric"]
        greater_is_better = found.get("greater_is_better", greater_is_better)
    if not rows:
        raise UserMistake("Nothing has grown here yet. Grow it:  espalier run")
    return metric, greater_is_better, _with_weights(root, rows), growing


def lines(metric: str, rows: Sequence[Row], *, left_out: int, growing: Sequence[str]) -> list[str]:
    """Return the table for 80 columns."""
    width = max(8, *(len(row.name) for row in rows))
    text = [f"      {'member':<{width}}  {metric + ', folds':<22}  {'weight':<6}  stage"]
    for place, row in enumerate(rows, start=1):
        score = shown(row.score, row.error) + (f" ±{shown(row.error, row.error)}" if row.error else "")
        weight = "-" if row.weight is None else f"{row.weight:.2f}"
        text.append(f"{place:>4}  {row.name:<{width}}  {score:<22}  {weight:<6}  {row.stage}")
    if left_out:
        text.append(f"      and {left_out} more: espalier leaderboard --limit {len(rows) + left_out}")
    if growing:
        text.append(f"      Still growing, or stopped on the way: {', '.join(growing)}")
    return text


def _rows_of_out(out: Path, stage: str, members: Sequence[str]) -> list[Row]:
    rows = []
    for name in members:
        found = read_json(out / "members" / name / "member.json")
        rows.append(_row(name, stage, found["fold_scores"], kept=True))
    if stage in SEARCHES:
        kept = {int(name.rpartition("-")[2]) for name in members}
        trials = read_parquet(out / "trials.parquet")
        folds = [trials[name] for name in trials if name.startswith("fold_")]
        for position, number in enumerate(trials["trial"]):
            if int(number) not in kept and not math.isnan(trials["score"][position]):
                scores = [float(fold[position]) for fold in folds]
                rows.append(_row(f"trial {number}", stage, scores, kept=False))
    return rows


def _states(outcomes: Sequence[Outcome]) -> str:
    """Return "12 done, 3 cut, 1 failed", as the progress of a run says it."""
    states = [outcome.state for outcome in outcomes]
    words = {"complete": "done", "pruned": "cut", "failed": "failed"}
    counts = [f"{states.count(state)} {word}" for state, word in words.items() if state in states]
    return ", ".join(counts) or "no trial is finished yet"


def _rows_of_study(outcomes: Sequence[Outcome], stage: str) -> list[Row]:
    complete = (outcome for outcome in outcomes if outcome.state == "complete")
    return [_row(f"trial {outcome.number}", stage, outcome.fold_scores_S, kept=False) for outcome in complete]


def _row(name: str, stage: str, fold_scores: Sequence[float], *, kept: bool) -> Row:
    scores = np.array(fold_scores, dtype=np.float64)
    error = float(scores.std(ddof=1) / math.sqrt(len(scores))) if len(scores) > 1 else None
    return Row(name=name, stage=stage, score=float(scores.mean()), error=error, weight=None, kept=kept)


def _with_weights(root: Path, rows: Sequence[Row]) -> list[Row]:
    """Add the ensemble and the weights of its members, when it has been grown from these."""
    stacking = root / "data" / "stacking" / "stacking.json"
    if not stacking.exists():
        return list(rows)
    ensemble = read_json(stacking)
    weights = {member["name"]: member["weight"] for member in ensemble["members"] if member["weight"]}
    weighed = [replace(row, weight=weights.get(row.name) if row.kept else None) for row in rows]
    return [_row("ensemble", "stacking", ensemble["fold_scores"], kept=True), *weighed]
