"""`espalier run`: bring the tree up to date, and say what came of it."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from components.core.cores import num_cores
from components.core.errors import UserMistake, did_you_mean
from pipelines.automl import Grown, Wish, grow
from pipelines.commands import run_json
from pipelines.engine import installed, ledger
from pipelines.engine.budget import auto_parallel
from pipelines.engine.plan import make_plan
from pipelines.engine.stage import WORDS
from pipelines.engine.terminal import spoken

NUMBERS = ["No", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"]


def run(root: Path, *, stage: str, force: bool, dry: bool, frozen: bool, parallel: str, as_json: bool = False) -> int:
    """Run what is not up to date; return the exit status.

    Raises:
        UserMistake: wrong words, a bad params.yaml, another run going on.
    """
    began = time.time()
    if stage and stage not in WORDS:
        near = did_you_mean(stage, WORDS) or f"The stages are {', '.join(WORDS)}."
        raise UserMistake(f"--stage {stage}: there is no such stage. {near}")
    wish = Wish(stage=stage, force=force, parallel=_parallel(parallel))
    _check(root)
    if dry:
        return _dry(root, wish, as_json=as_json)
    changed = installed.renew(root, frozen=frozen)
    if changed:
        print(f"  {changed}", file=sys.stderr)
    grown = grow(root, wish, began=began)
    status = say_end(root, grown, as_json=as_json)
    if not grown.recorded:
        if status in (0, 3):
            print("  Prefect's server did not answer: its history of this run has gaps.", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # Prefect's threads would still try to reach it
    return status


def _dry(root: Path, wish: Wish, *, as_json: bool) -> int:
    from pipelines.engine import dry

    cores = num_cores()
    parallel = wish.parallel or auto_parallel(cores)
    plan = make_plan(root, stage=wish.stage, force=wish.force, parallel=parallel, total_cores=cores)
    print(json.dumps(run_json.plan_facts(root, plan), indent=1) if as_json else dry.text(root, plan))
    return 0


def _check(root: Path) -> None:
    """Tell all mistakes at once, as `espalier check` does, before anything is started; doubts stop nothing."""
    from components.project.check import layout
    from pipelines.commands.check import all_mistakes

    found = all_mistakes(root)
    if any(not mistake.doubt for mistake in found):
        raise UserMistake(layout(found, "params.yaml"))
    if found:
        print(layout(found, "params.yaml"), file=sys.stderr)


def _parallel(word: str) -> int | None:
    if word == "auto":
        return None
    if not word.isdigit() or int(word) < 1:
        raise UserMistake(f"--parallel {word}: write auto, or how many branches may grow side by side (1, 2 or 3).")
    return min(int(word), num_cores())


def say_end(root: Path, grown: Grown, *, as_json: bool = False) -> int:
    """Print what came of a run: one line when nothing was to do, what failed, or the summary; or one JSON object."""
    if as_json:
        print(json.dumps(run_json.facts(root, grown), indent=1))
        return grown.status
    if not grown.results:
        print(_nothing(root, grown))
        return 0
    failed = [result for result in grown.results.values() if result.state == "failed"]
    for result in failed:
        print(f"\n{result.text}", file=sys.stderr)
    if failed:
        model = (root / "data" / "export" / "out.json").exists()
        print("\nYour last model in data/export is as it was." if model else "", file=sys.stderr)
        return grown.status
    if grown.status == 130:
        print("\nStopped at once. What was finished is kept; espalier run goes on from there.", file=sys.stderr)
        return 130
    print(_time_line(root, grown))
    _print_summary(root, grown)
    if grown.status == 3:
        print("\n  Stopped at your wish, with a usable model. espalier run goes on from here.", file=sys.stderr)
    return grown.status


def _nothing(root: Path, grown: Grown) -> str:
    lines = ledger.read_lines(root)
    since = f" since {time.strftime('%H:%M', time.localtime(lines[-1].began + lines[-1].seconds))}" if lines else ""
    return f"{_count(len(grown.plan.steps))} kept; nothing has changed{since} ({grown.seconds:.1f} s)."


def _count(number: int) -> str:
    if number == 1:
        return "One stage"
    return f"{NUMBERS[max(0, number - 1)] if number <= len(NUMBERS) else number} stages"


def _time_line(root: Path, grown: Grown) -> str:
    from components.project.params import read_params

    budget = read_params(root).seconds
    of = f" of {spoken(budget)}" if budget is not None and grown.seconds < 1.5 * budget else ""
    kept = sum(result.state == "kept" for result in grown.results.values())
    grew = _count(len(grown.results) - kept)
    return f"\n  {grew}{f', {kept} kept' if kept else ''}, {spoken(grown.seconds)}{of}.\n"


def _print_summary(root: Path, grown: Grown) -> None:
    path = root / "data" / "evaluate" / "scores.json"
    if "evaluate" not in grown.results or not path.exists():
        return
    from components.evaluation.summary import summary_text
    from pipelines.commands.report import last_scores

    print(summary_text(last_scores(root), shutil.get_terminal_size((96, 24)).columns))
