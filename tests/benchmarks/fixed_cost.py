"""What the engines cost on top of the stages: `python -m tests.benchmarks.fixed_cost [--times 3]`; JSON on stdout.

The whole tree is grown from nothing on the small project of tests/whole, `times` times, each in a new folder; every
figure is the median, in seconds of wall time.

    run                what the user waits for `espalier run`
    stages             sum of the ten plain stage functions, with the libraries that they import
    fixed              run - stages
    fixed_of_path      run - the time in which at least one stage function was at work (evaluate and export overlap)
    dvc_repro          the same tree by `dvc repro`
    nothing_to_do      a second `espalier run`
    help               `espalier --help`
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "whole"))

from whole_project import Project, make_project

from pipelines.engine.ledger import Line, read_lines


def wall(project: Project, *command: str) -> float:
    """Return the seconds that a command takes, from its start to its end."""
    began = time.perf_counter()
    project.do(*command)
    return time.perf_counter() - began


def busy(lines: list[Line]) -> float:
    """Return the seconds in which at least one stage function was at work."""
    total, reached = 0.0, 0.0
    for line in sorted(lines, key=lambda line: line.began):
        begins, ends = max(line.began, reached), line.began + line.work_seconds
        total += max(0.0, ends - begins)
        reached = max(reached, ends)
    return total


def measure(folder: Path) -> dict[str, float]:
    """Grow two new projects in `folder`, one by each engine."""
    project = make_project(folder / "by_espalier")
    run = wall(project, "espalier", "run")
    lines = read_lines(project.root)
    assert len(lines) == 10, "every stage runs once"
    stages = sum(line.work_seconds for line in lines)
    found = {"run": run, "stages": stages, "fixed": run - stages, "fixed_of_path": run - busy(lines)}
    project.do("espalier", "down")
    found["nothing_to_do"] = wall(project, "espalier", "run")
    found["help"] = wall(project, "espalier", "--help")
    found["dvc_repro"] = wall(make_project(folder / "by_dvc"), "dvc", "repro")
    return found


def main() -> None:
    """Print the medians as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3, help="how often everything is measured")
    times = parser.parse_args().times
    runs = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(Path(folder)))
    medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
    about = {
        "times": times,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }
    print(json.dumps({"seconds": medians, "all": runs, "about": about}, indent=1))


if __name__ == "__main__":
    main()
