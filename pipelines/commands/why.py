"""`espalier why stacking`: why a stage will run, or why it ran last. `espalier why 1042`: why a row got its answer."""

import time
from pathlib import Path

from components.core.errors import UserMistake, did_you_mean
from components.core.files import read_json
from pipelines.engine import dry, ledger
from pipelines.engine.plan import make_plan
from pipelines.engine.stage import WORDS


def run(root: Path, *, what: str) -> int:
    """Print the reasons; `what` is a stage, or the number of a row below the header, from 1."""
    if what.isdecimal():
        from pipelines.commands.why_row import run_row

        return run_row(root, int(what))
    if what not in WORDS:
        near = did_you_mean(what, WORDS) or f"The stages are {', '.join(WORDS)}."
        raise UserMistake(f"{what} is not a stage and not the number of a row. {near}")
    plan = make_plan(root, stage="", force=False, parallel=1, total_cores=1)
    step = next((step for step in plan.steps if step.word == what), None)
    if step is None:
        raise UserMistake(f"dvc.yaml has no stage {what}. Write it anew:  espalier check --fix")
    reasons = dry.why(root, step, plan)
    if reasons:
        print(f"  {what} would run: {reasons[0]}")
        print("\n".join(f"  {'':{len(what) + 12}}{reason}" for reason in reasons[1:]), end="\n" * (len(reasons) > 1))
        return 0
    print(f"  {what} is up to date.")
    last = ledger.last_by_stage(root).get(what)
    if last is not None:
        moment = time.strftime("%d %b %H:%M", time.localtime(last.began))
        print(f"  It ran on {moment}, {last.seconds:.1f} s: {last.text}")
        for reason in _reasons_then(root, last.run, what):
            print(f"    {reason}")
    return 0


def _reasons_then(root: Path, run_id: str, what: str) -> list[str]:
    """Return what the run wrote down when it began; nothing under bare `dvc repro`."""
    path = root / ".espalier" / "runs" / run_id / "why.json"
    return read_json(path).get(what, []) if path.exists() else []
