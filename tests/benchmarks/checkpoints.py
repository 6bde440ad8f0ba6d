"""What checkpoints cost of a search: `python -m tests.benchmarks.checkpoints [--seconds 20]`; JSON on stdout.

Searches with the default pruner: two as `espalier init` declares them, and two of plain networks, which train quickest
and rest most often: 800 rows on five folds, where a trial takes a quarter of a second, and 20 000 rows on one.

In each worker the seconds are counted that go to rows at rest (written at a rung, taken up again) and to members that
are written when a training ends; of the driver those in which outcomes have a core (a worker has its next task before
they are written, and the disk waited for, so that it waits for neither). Each is a share of what the workers did.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CASES = {
    "as init declares, 800 rows, 5 folds": (800, 5, False),
    "as init declares, 20 000 rows, 5 folds": (20_000, 5, False),
    "plain networks, 800 rows, 5 folds": (800, 5, True),
    "plain networks, 20 000 rows, 1 fold": (20_000, 1, True),
}
EPOCHS, WIDTHS = 64, [64, 128]


def begin(work: Any) -> Callable[[Any], Any]:
    """Make a worker that notes its seconds beside the members."""
    from components.training.candidate_run import CandidateRun
    from components.training.evaluate import begin as plain
    from components.training.group_run import GroupRun

    seconds = dict.fromkeys(("tasks", "rest", "resume", "member"), 0.0)
    GroupRun.rest = _timed(GroupRun.rest, seconds, "rest")
    GroupRun._resume = _timed(GroupRun._resume, seconds, "resume")
    CandidateRun._write = _timed(CandidateRun._write, seconds, "member")
    answer = _timed(plain(work), seconds, "tasks")
    notes = work.checkpoint.parent / f"seconds-{os.getpid()}.json"

    def noted(task: Any) -> Any:
        found = answer(task)
        notes.write_text(json.dumps(seconds))
        return found

    return noted


def _timed(
    function: Callable[..., Any],
    seconds: dict[str, float],
    word: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Callable[..., Any]:
    def timed(*given: Any, **named: Any) -> Any:
        began = clock()
        try:
            return function(*given, **named)
        finally:
            seconds[word] += clock() - began

    return timed


def measure(num_rows: int, num_folds: int, plain: bool, seconds: float, cores: int) -> dict[str, float]:
    """Search for so long; return shares of the workers' time in percent."""
    from components.core.deadlines import Deadline
    from components.metrics import get
    from components.search import study as studies
    from components.search.driver import run_search
    from components.search.spec import SearchSettings
    from components.training.evaluate import NetworkEvaluate
    from components.training.structure import structure
    from pipelines import search as stage
    from tests.benchmarks.search_case import plain_space, split, synthetic, table_of

    table = table_of(synthetic(num_rows, 30, 0), "sha256:synthetic")
    folds = split(num_rows, max(2, num_folds), 0)[:num_folds]
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=0, cores=cores, device="cpu")
    evaluate.begin = begin
    spent = {"outcomes": 0.0}
    record = studies.Study.record
    studies.Study.record = _timed(record, spent, "outcomes", time.thread_time)
    space, start = (plain_space(EPOCHS, WIDTHS), ()) if plain else declared(num_rows)
    with tempfile.TemporaryDirectory() as folder:
        result = run_search(
            space=space,
            settings=SearchSettings(),
            start=start,
            evaluate=evaluate,
            folds=folds,
            num_rows=num_rows,
            study=Path(folder) / "study",
            seed=0,
            greater_is_better=False,
            structure=structure,
            steps=stage._most_epochs(space),
            times=stage._times,
            deadline=Deadline.after(seconds),
        )
        notes = [json.loads(path.read_text()) for path in Path(folder).rglob("seconds-*.json")]
    studies.Study.record = record
    worked = sum(note["tasks"] for note in notes)
    shares = {word: 100 * sum(note[word] for note in notes) / worked for word in ("rest", "resume", "member")}
    shares["outcomes"] = 100 * spent["outcomes"] / worked
    return {"trials": len(result.trials), "worked_s": worked, "all": sum(shares.values()), **shares}


def declared(num_rows: int) -> tuple[Any, Any]:
    """Return the space and the strong starts of a binary table in a new project."""
    from components.data.preprocessing.spec import NetworkPreprocess
    from components.data.preprocessing.suited import suited
    from components.project.kinds import step
    from components.project.search_section import SearchSpec
    from components.project.space import space_of

    return suited(space_of(SearchSpec()), "binary", NetworkPreprocess), step("table", "start")("binary", num_rows)


def main() -> None:
    """Measure all cases, and print."""
    from tests.benchmarks.checkpoints import measure  # under a name that workers can import

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    found = {name: measure(*case, arguments.seconds, cores) for name, case in CASES.items()}
    print(json.dumps({"percent_of_the_workers_time": found}, indent=1))


if __name__ == "__main__":
    main()
