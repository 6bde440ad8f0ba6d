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
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

NUM_ROWS, NUM_INPUTS = 20_000, 30

Run = Callable[[float], tuple[int, float, float]]
"""seconds -> model-steps, wall seconds, CPU seconds."""


def timed(steps: "Callable[[], int]") -> Run:
    """Return a run that repeats `steps` (which says how many model-steps it made) until the time is over."""

    def run(seconds: float) -> tuple[int, float, float]:
        began, began_cpu, made = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began < seconds:
            made += steps()
        return made, time.perf_counter() - began, time.process_time() - began_cpu

    return run


def good(width: int, batch: int) -> Run:
    """A good sequential loop."""
    import torch
    from torch import nn

    x, y = data()
    model = plain(width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    state = {"order": torch.randperm(NUM_ROWS), "at": 0}

    def step() -> int:
        if state["at"] + batch > NUM_ROWS:
            state.update(order=torch.randperm(NUM_ROWS), at=0)
        rows = state["order"][state["at"] : state["at"] + batch]
        state["at"] += batch
        loss = nn.functional.cross_entropy(model(x.index_select(0, rows)), y.index_select(0, rows))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return 1

    return timed(step)


def usual(width: int, batch: int) -> Run:
    """The usual loop."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    model = plain(width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(TensorDataset(*data()), batch_size=batch, shuffle=True)
    state = {"rows": iter(loader)}

    def step() -> int:
        found = next(state["rows"], None)
        if found is None:
            state["rows"] = iter(loader)
            found = next(state["rows"])
        x, y = found
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return 1

    return timed(step)


def stack(width: int, batch: int, models: int | None = None, **network: Any) -> Run:
    """Our trainer; `models` None: as many as the cache rule says for 5 folds."""
    from components.networks.mlp import MLP

    spec = MLP(layers=3, width=width, **network)
    return trained(spec, data(), batch, models)


def trained(spec: Any, table: Any, batch: int, models: int | None) -> Run:
    """Run the trainer's own steps on K models."""
    import torch

    from components.networks.network import Inputs
    from components.training.batches import Resident
    from components.training.memory import probe
    from components.training.population import Population, Row
    from components.training.room import rows_that_fit
    from components.training.spec import TrainingSpec

    x, y = table
    some = (torch.arange(len(x)),)
    resident = Resident(x_M=x, y_M=y, fit=some, sample=some, scored=some)
    training = TrainingSpec(batch_size=batch, epochs=10**6)
    network = spec.build(Inputs(shape=tuple(x.shape[1:])), int(y.max()) + 1)
    row = Row(candidate=0, fold=0, seed=0, network=spec, training=training)
    count = models or rows_that_fit(probe(network, row, resident, "cross_entropy"), x.device, 5)
    rows = [replace(row, candidate=number, seed=number) for number in range(count)]
    population = Population(network, rows, resident, "cross_entropy")
    stepper = population.stepper
    state = {"step": stepper.num_steps}

    def step() -> int:
        if state["step"] == stepper.num_steps:
            stepper.begin_epoch(0)
            state["step"] = 0
        stepper.step(state["step"])
        state["step"] += 1
        return count

    return timed(step)


def data() -> Any:
    """Return rows and classes."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(NUM_ROWS, NUM_INPUTS, generator=generator)
    return x, (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()


def digits() -> Any:
    """Return pictures [N, 8, 8, 1] and classes."""
    import torch
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    x = torch.from_numpy(pixels / 16).float().view(-1, 8, 8, 1)
    return x, torch.from_numpy(classes).long()


def plain(width: int) -> Any:
    """Return the perceptron of modules."""
    from torch import nn

    widths = [NUM_INPUTS, width, width, width]
    hidden = [part for a, b in itertools.pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, 2))


def cnn(models: int) -> Run:
    """A small convolutional network on digits."""
    from components.networks.cnn import CNN

    return trained(CNN(blocks=2, filters=16), digits(), 128, models)


VARIANTS: dict[str, Callable[[], Run]] = {
    "good 64 256": lambda: good(64, 256),
    "usual 64 256": lambda: usual(64, 256),
    "stack 64 256": lambda: stack(64, 256),
    "good 128 256": lambda: good(128, 256),
    "stack 128 256": lambda: stack(128, 256),
    "good 256 256": lambda: good(256, 256),
    "stack 256 256": lambda: stack(256, 256),
    "good 64 128": lambda: good(64, 128),
    "stack 64 128": lambda: stack(64, 128),
    "stack 64 128 dropout": lambda: stack(64, 128, dropout=0.2),
    "stack 64 128 dropout norm": lambda: stack(64, 128, dropout=0.2, batch_norm=True),
    "cnn 1": lambda: cnn(1),
    "cnn 8": lambda: cnn(8),
    "cnn 32": lambda: cnn(32),
}
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
