"""What `population.py` measures: a good sequential loop, the usual loop, our trainer, each as steps to be repeated."""

import itertools
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
    return timed(trained_steps(spec, table, batch, models)[0])


def trained_steps(
    spec: Any, table: Any, batch: int, models: int | None, precision: Any = "float32"
) -> tuple[Callable[[], int], Any]:
    """Return what makes one of the trainer's steps after the other on K models, and its stepper."""
    import torch

    from components.networks.network import Inputs
    from components.training.batches import Resident
    from components.training.memory import probe
    from components.training.optimizers import AdamW
    from components.training.population import Population, Row
    from components.training.room import rows_that_fit
    from components.training.spec import TrainingSpec

    x, y = table
    some = (torch.arange(len(x)),)
    resident = Resident(x_M=x, y_M=y, fit=some, sample=some, scored=some)
    training = TrainingSpec(batch_size=batch, epochs=10**6, precision=precision)
    network = spec.build(Inputs(shape=tuple(x.shape[1:])), int(y.max()) + 1)
    row = Row(candidate=0, fold=0, seed=0, network=spec, training=training)
    count = models or rows_that_fit(probe(network, row, resident, "cross_entropy"), x.device, 5)
    # as a search has them: candidates with rates of their own, five folds of each
    rates = [training.model_copy(update={"optimizer": AdamW(lr=1.0e-3 * (1 + one / 64))}) for one in range(count)]
    rows = [replace(row, candidate=one // 5, seed=one, training=rates[one // 5]) for one in range(count)]
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

    return step, stepper


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
