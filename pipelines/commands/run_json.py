"""`espalier run --json`: what the command would say, as one object on stdout; progress still goes to stderr.

    {"status", "seconds", "budget_seconds", "stages": [{"stage", "state", "seconds", "text"}], "usable_since_seconds",
     "found_again": {branch: {"found", "of", "noun", "spent_seconds"}}, "recorded", "metrics"}

States are the words of the terminal. `metrics` is data/evaluate/metrics.json, null until `evaluate` is grown. With
`--dry`: {"would_run": [{"stage", "about_seconds", "why"}], "kept"}. A user's mistake prints no object: status 2.
"""

from pathlib import Path
from typing import Any

from components.core.files import read_json
from components.project.params import read_params
from pipelines.automl import Grown
from pipelines.engine import dry, ledger
from pipelines.engine.plan import Plan


def facts(root: Path, grown: Grown) -> dict[str, Any]:
    """Return what came of a run."""
    stages = []
    for word in grown.plan.words:
        result = grown.results.get(word)
        # without any result nothing was to do; a stage without one stands on one that failed
        state = result.state if result else "waiting" if grown.results else "kept"
        seconds, text = (result.seconds, result.text) if result else (0.0, "")
        stages.append({"stage": word, "state": state, "seconds": seconds, "text": text})
    return {
        "status": grown.status,
        "seconds": grown.seconds,
        "budget_seconds": read_params(root).seconds,
        "stages": stages,
        "usable_since_seconds": None,
        "found_again": {},
        **grown.milestones,
        "recorded": grown.recorded,
        "metrics": _metrics(root),
    }


def plan_facts(root: Path, plan: Plan) -> dict[str, Any]:
    """Return what a run would do."""
    last = ledger.last_by_stage(root)
    would_run = [
        {
            "stage": step.word,
            "about_seconds": last[step.word].seconds if step.word in last else None,
            "why": dry.why(root, step, plan),
        }
        for step in plan.steps
        if step.word in plan.pending
    ]
    return {"would_run": would_run, "kept": len(plan.steps) - len(would_run)}


def _metrics(root: Path) -> Any:
    try:
        return read_json(root / "data" / "evaluate" / "metrics.json")
    except FileNotFoundError:
        return None
