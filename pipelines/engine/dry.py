"""What would run and why, for `espalier run --dry` and `espalier why`: each change as key, old -> new, line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.project.params import read_document
from components.project.words import write
from pipelines.engine import ledger
from pipelines.engine.dvc_graph import Change, Step
from pipelines.engine.plan import Plan, read_stopped
from pipelines.engine.terminal import spoken

MOST_CHANGES = 3


def text(root: Path, plan: Plan) -> str:
    """Return the plan as lines: `boosting  would run  about 2 min  boosting.trials  auto -> 40  (params.yaml, line 7)`.

    Times are those of the last run.
    """
    last = ledger.last_by_stage(root)
    lines = []
    for step in plan.steps:
        if step.word not in plan.pending:
            continue
        took = f"about {spoken(last[step.word].seconds)}" if step.word in last else ""
        reasons = why(root, step, plan)
        lines.append(f"  {step.word:<10} would run   {took:<14} {reasons[0]}")
        lines += [f"{'':40}{reason}" for reason in reasons[1:]]
    kept = len(plan.steps) - len(plan.pending)
    if not lines:
        return f"  Nothing would run: all {kept} stages are up to date."
    times = " Times are those of the last run on this machine." if last else ""
    return "\n".join([*lines, f"  {kept} stages are kept.{times}"])


def why(root: Path, step: Step, plan: Plan) -> list[str]:
    """Return the reasons why a stage would run, each as one fragment; none when it is up to date."""
    reasons = [describe(root, change) for change in step.changes[:MOST_CHANGES]]
    more = len(step.changes) - MOST_CHANGES
    if more > 0:
        reasons.append(f"and {more} more changes")
    if not reasons:
        upstream = [word for word in step.upstream if word in plan.pending]
        if upstream:
            reasons.append(f"after {_and(upstream)}")
    if step.word in read_stopped(root):
        reasons.append("Ctrl-C ended it early")
    elif step.word in plan.forced:
        reasons.append("--force")
    return reasons


def describe(root: Path, change: Change) -> str:
    """Write one change."""
    if change.what in ("params.yaml", "espalier.lock") and change.key:
        return f"{change.key}  {_value(change, 'old')} -> {_value(change, 'new')}{_place(root, change)}"
    if change.what == "dvc.yaml":
        return "it has never run" if change.how == "new" else "its entry in dvc.yaml has changed"
    return f"{change.what} is {change.how}"


def _value(change: Change, which: str) -> str:
    if change.how == ("new" if which == "old" else "deleted"):
        return "default" if change.what == "params.yaml" else "none"
    value: Any = getattr(change, which)
    shown = write(value) if not isinstance(value, str) else value
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _place(root: Path, change: Change) -> str:
    if change.what != "params.yaml":
        return f"  ({change.what})"
    mark = read_document(root).nearest(tuple(change.key.split(".")))
    return f"  (params.yaml, line {mark.line})" if mark is not None else "  (params.yaml)"


def _and(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
