"""`python -m tests.benchmarks.deadlines`: how well a search keeps its seconds, also when a trial hangs.

One search each for 10, 30 and 120 seconds, on two workers: as it is, and with a trial that loops for ever and ignores
signals. JSON on stdout: seconds late (from the deadline to the out being written), trials, members kept.
"""

import argparse
import json
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.core.deadlines import Deadline
from components.core.files import atomic_folder
from components.search.driver import run_search
from components.search.outcome_tables import write_search_out
from components.search.spec import SearchSettings
from components.training.evaluate import NetworkEvaluate, begin
from components.training.structure import structure
from components.training.tasks import Answers, Task, Work

HANGS = 5  # the number of the trial that does: not one of the known starts


def hang(work: Work) -> Callable[[Task], Answers]:
    """Train, but loop for ever over one trial."""
    answer = begin(work)

    def handle(task: Task) -> Answers:
        if HANGS in task.numbers:
            signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
            while True:
                pass
        return answer(task)

    return handle


class Hanging(NetworkEvaluate):
    """One whose trial hangs."""

    begin = staticmethod(hang)


def measured(kind: type[NetworkEvaluate], seconds: float) -> dict[str, Any]:
    """Search for so many seconds."""
    from tests.benchmarks.search_case import plain_space, split, synthetic, table_of

    table = table_of(synthetic(4000, 30, 0), "sha256:synthetic")
    folds, space = split(table.num_rows, 3, 0), plain_space(32, [32, 64])
    settings = SearchSettings(keep=4, score_folds=1)
    from components.metrics import get
    from components.training.portfolio import start_points

    evaluate = kind(table, get("log_loss"), seed=0, cores=2, device="cpu", hang_seconds=seconds / 4)  # as the stage has
    with tempfile.TemporaryDirectory() as root:
        deadline = Deadline.after(seconds)
        result = run_search(
            space=space,
            settings=settings,
            evaluate=evaluate,
            folds=folds,
            num_rows=table.num_rows,
            study=Path(root) / "study",
            seed=0,
            greater_is_better=False,
            structure=structure,
            steps=32,
            start=start_points("binary", 4000),
            times=lambda spec: (32, None),
            deadline=deadline,
        )
        with atomic_folder(Path(root) / "out") as out:
            write_search_out(out, "search", result, space=space, settings=settings, table="", metric="log_loss")
        late = time.monotonic() - deadline.at
    return {
        "seconds": seconds,
        "late": round(late, 2),
        "trials": len(result.trials),
        "members": [len(kept.fold_scores_S) for kept in result.kept],
    }


def main() -> None:
    """Print one line a search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 30.0, 120.0])
    for seconds in parser.parse_args().seconds:
        for word, kind in (("calm", NetworkEvaluate), ("hanging", Hanging)):
            print(json.dumps({"case": word, **measured(kind, seconds)}), flush=True)


if __name__ == "__main__":
    from tests.benchmarks import deadlines  # workers import it by its name

    deadlines.main()
