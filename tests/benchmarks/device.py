"""How fast a GPU trains: `python -m tests.benchmarks.device [--seconds 0.5]`; JSON on stdout, status 2 without a GPU.

A perceptron of three hidden layers of 256 (30 inputs, batch 256) and a small convolutional network (8 x 8 pixels, batch
128), 20 000 resident rows, AdamW, each in the three precisions:

    eager       a good sequential loop: resident tensors, fused AdamW
    graph       the same loop, its step captured as a CUDA graph
    population  our trainer, K models together, orders of epochs and rates included; `captured` says whether its step
                was a graph, and `why_not`
    by_kernel   our trainer with no graph, K = 64

Figures are model-steps a second: medians of `--repeats` slices. Needs torch, numpy and pydantic, and nothing else of
the project's.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.population_case import NUM_INPUTS, NUM_ROWS, trained_steps

COUNTS = (8, 16, 32, 64, 128, 256, 512, 1024)
PLACE = "cuda"
PRECISIONS = ("float32", "tf32", "bfloat16")
BATCH = {"mlp": 256, "cnn": 128}
STEPS_TO_WARM = 100  # more than a population makes before it captures its steps, of both forms

Steps = Callable[[], int]
"""Makes a step; returns how many models made it."""


def table(kind: str) -> Any:
    """Return rows and classes on the GPU."""
    import torch

    generator = torch.Generator().manual_seed(0)
    shape = (NUM_ROWS, NUM_INPUTS) if kind == "mlp" else (NUM_ROWS, 8, 8, 1)
    x = torch.randn(shape, generator=generator)
    return x.to(PLACE), (x.flatten(1)[:, 0] > 0).long().to(PLACE)


def modules(kind: str) -> Any:
    """Return the same network of torch's modules."""
    from torch import nn

    if kind == "mlp":
        widths = [NUM_INPUTS, 256, 256, 256]
        hidden = [part for a, b in itertools.pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*hidden, nn.Linear(256, 2)).to(PLACE)
    blocks = [
        part
        for before, after in ((1, 16), (16, 32))
        for part in (nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2))
    ]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2)).to(PLACE)


def sequential(kind: str, precision: str, *, graph: bool) -> Steps:
    """A good loop over one model."""
    import torch
    from torch.nn import functional

    x, y = table(kind)
    x = x.permute(0, 3, 1, 2) if kind == "cnn" else x
    model, batch = modules(kind), BATCH[kind]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True, capturable=graph)
    rows = torch.zeros(batch, dtype=torch.int64, device=PLACE)
    state: dict[str, Any] = {"order": torch.randperm(NUM_ROWS, device=PLACE), "at": 0}

    def work() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(PLACE, torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=not graph):
            outputs = model(x.index_select(0, rows))
        functional.cross_entropy(outputs.float(), y.index_select(0, rows)).backward()
        optimizer.step()

    again = captured(work) if graph else work

    def step() -> int:
        if state["at"] + batch > NUM_ROWS:
            state.update(order=torch.randperm(NUM_ROWS, device=PLACE), at=0)
        rows.copy_(state["order"][state["at"] : state["at"] + batch])
        state["at"] += batch
        again()
        return 1

    return step


def captured(work: Callable[[], None]) -> Callable[[], None]:
    """Return a CUDA graph's replay of some work."""
    import torch

    from components.training.graph import CudaGraphs

    recorder = CudaGraphs(torch.device(PLACE))
    for _ in range(3):
        recorder.warm(work)
    return recorder.record(work)


def population(kind: str, precision: str, models: int) -> tuple[Steps, Any]:
    """Our trainer's steps, and its stepper."""
    from components.networks.cnn import CNN
    from components.networks.mlp import MLP

    spec: Any = MLP(layers=3, width=256) if kind == "mlp" else CNN(blocks=2, filters=16)
    return trained_steps(spec, table(kind), BATCH[kind], models, precision=precision)


class ByKernel:
    """A recorder that records nothing: every step is made anew."""

    def warm(self, work: Callable[[], None]) -> None:
        """Make a step."""
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Make a step, and leave it at that."""
        work()
        return work


def rate(step: Steps, seconds: float, repeats: int) -> int:
    """Return model-steps a second."""
    import torch

    for _ in range(STEPS_TO_WARM):
        step()
    found = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        began, made = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            made += sum(step() for _ in range(32))
            torch.cuda.synchronize()  # else the host runs ahead, and the clock with it
        found.append(made / (time.perf_counter() - began))
    return round(statistics.median(found))


def measure(kind: str, precision: str, seconds: float, repeats: int) -> dict[str, Any]:
    """Return the figures of one network in one precision."""
    import torch

    from components.training import stepper

    exact = precision != "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not exact
    found: dict[str, Any] = {
        name: rate(sequential(kind, precision, graph=name == "graph"), seconds, repeats) for name in ("eager", "graph")
    }
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    recorder_on = stepper.recorder_on
    for name in ("population", "by_kernel"):
        stepper.recorder_on = recorder_on if name == "population" else lambda device: ByKernel()
        for models in COUNTS if name == "population" else (64,):
            try:
                step, own = population(kind, precision, models)
                figure = {"model_steps_a_second": rate(step, seconds, repeats), "why_not": own.not_captured}
            except torch.OutOfMemoryError:
                figure = {"model_steps_a_second": None, "why_not": "out of memory"}
            found[f"{name} {models}"] = figure
            print(kind, precision, name, models, figure, file=sys.stderr, flush=True)
            torch.cuda.empty_cache()
    stepper.recorder_on = recorder_on
    return found


def main() -> int:
    """Print the figures."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one slice")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no GPU here that torch can use: nothing was measured.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    figures = {
        f"{kind} {precision}": measure(kind, precision, arguments.seconds, arguments.repeats)
        for kind in BATCH
        for precision in PRECISIONS
    }
    print(
        json.dumps({"device": torch.cuda.get_device_name(), "torch": torch.__version__, "figures": figures}, indent=2)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
