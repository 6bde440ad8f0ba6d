"""How fast a population trains: `python -m tests.benchmarks.population [--seconds 60]`; JSON on stdout.

A plain perceptron of three hidden layers (30 inputs, 2 classes, 20 000 resident rows, AdamW) against

    good    a good sequential loop: resident tensors, fused AdamW
    usual   the usual loop: DataLoader, default AdamW, one model after another
    stack   our trainer, K models together (K by the cache rule), steps counted per model

All variants take turns in slices of `--slice` seconds inside one process; where both cores are used, two processes do
their slices at the same time, or one process does them with two threads. A slice in which another process held the
core (CPU time below `--least-share` of wall time) is dropped. Figures are model-steps a second of CPU time (in a
clean slice wall time): medians with quartiles, ratios of medians.

`with_dropout_and_norm` and `cnn` (digits, K = 1, 8, 32) are figures without a bar.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any

from tests.benchmarks.population_case import VARIANTS, Run

ONE_THREAD = list(VARIANTS)
BOTH_CORES = ["good 64 128", "stack 64 128"]

RATIOS = {  # name: (ours, theirs, bar)
    "64 256 against good": ("stack 64 256", "good 64 256", 2.0),
    "64 256 against usual": ("stack 64 256", "usual 64 256", 6.0),
    "128 256 against good": ("stack 128 256", "good 128 256", 1.3),
    "256 256 against good": ("stack 256 256", "good 256 256", 1.0),
    "64 128 against good": ("stack 64 128", "good 64 128", None),
    "both cores, against good in two processes": ("stack 64 128 / 2 processes", "good 64 128 / 2 processes", 3.0),
    "both cores, against good with two threads": ("stack 64 128 / 2 processes", "good 64 128 / 2 threads", 6.0),
}


class Child:
    """A process of its own that does slices when told to; it says how they went."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        names = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.population", "--child"],
            env=os.environ | names,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, name: str) -> None:
        """Begin a slice."""
        assert self._process.stdin is not None
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()

    def hear(self, least_share: float) -> float | None:
        """Return model-steps a second; None when the slice was disturbed."""
        assert self._process.stdout is not None
        made, wall, cpu = json.loads(self._process.stdout.readline())
        return made * self._threads / cpu if cpu >= least_share * wall * self._threads else None

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def serve() -> None:
    """Be a child."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    from components.training.allocator import keep_freed_memory

    keep_freed_memory()
    known: dict[str, Run] = {}
    for line in sys.stdin:
        name, _, seconds = line.strip().rpartition(" ")
        if name not in known:
            known[name] = VARIANTS[name]()
            known[name](0.15)  # warm
        print(json.dumps(known[name](float(seconds))), flush=True)


def measure(seconds: float, slice_seconds: float, chosen: str, least_share: float) -> dict[str, list[float]]:
    """Let all variants take turns until the time is over; return model-steps a second of clean slices."""
    ways = [(name, name, [0]) for name in ONE_THREAD]
    ways += [(f"{name} / 2 processes", name, [0, 1]) for name in BOTH_CORES]
    ways += [(f"{name} / 2 threads", name, [2]) for name in BOTH_CORES]
    ways = [way for way in ways if chosen in way[0]]
    children = [Child(1), Child(1), Child(2)]
    found: dict[str, list[float]] = {way[0]: [] for way in ways}
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            for title, name, places in ways:
                for place in places:
                    children[place].tell(f"{name} {slice_seconds}")
                rates = [children[place].hear(least_share) for place in places]
                if all(rates):
                    found[title].append(sum(rate or 0.0 for rate in rates))
    finally:
        for child in children:
            child.end()
    return found


def summary(found: dict[str, list[float]]) -> dict[str, Any]:
    """Return medians with quartiles, and the ratios beside their bars."""
    figures = {}
    for title, rates in found.items():
        if len(rates) >= 4:
            low, middle, high = statistics.quantiles(rates, n=4)
            figures[title] = {"median": round(middle), "quartiles": [round(low), round(high)], "slices": len(rates)}
    ratios = {}
    for title, (ours, theirs, bar) in RATIOS.items():
        if ours in figures and theirs in figures:
            ratios[title] = {"ratio": round(figures[ours]["median"] / figures[theirs]["median"], 2), "bar": bar}
    return {"machine": platform.processor() or platform.machine(), "model_steps_a_second": figures, "ratios": ratios}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--slice", type=float, default=0.05, help="seconds; shorter ones are clean on a busy machine")
    parser.add_argument("--least-share", type=float, default=0.97, help="of a slice that we must have had the core")
    parser.add_argument("--only", default="", help="a part of the names of variants")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        serve()
    else:
        print(
            json.dumps(
                summary(measure(arguments.seconds, arguments.slice, arguments.only, arguments.least_share)), indent=2
            )
        )
