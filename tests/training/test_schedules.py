"""Schedules against torch.optim.lr_scheduler, stepped once an epoch and once a step."""

import itertools
import math

import pytest
import torch
from torch.optim import lr_scheduler

from components.training.schedules import (
    Constant,
    Cosine,
    CosLog4,
    Cyclical,
    Exponential,
    FlatCosine,
    OneCycle,
    Step,
    warm_up,
)
from components.training.spec import TrainingSpec

EPOCHS = 24


def cyclic(mode, gamma=1.0):
    return lambda optimizer, steps: lr_scheduler.CyclicLR(
        optimizer,
        0.2,
        1.0,
        step_size_up=4 * steps,
        mode=mode,
        gamma=gamma ** (1 / steps),
        cycle_momentum=False,
    )


def one_cycle(anneal):
    """torch's counts from 0 to total_steps - 1, and its peak is one step before pct_start: ours is at 6 of 24."""

    def make(optimizer, steps):
        total = EPOCHS * steps + 1
        return lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=1.0,
            total_steps=total,
            pct_start=(6 * steps + 1) / total,
            anneal_strategy=anneal,
            div_factor=20.0,
            final_div_factor=10.0,
            cycle_momentum=False,
        )

    return make


SCHEDULES = [
    (Constant(), lambda optimizer, steps: lr_scheduler.ConstantLR(optimizer, factor=1.0)),
    (Step(every=3, by=0.5), lambda optimizer, steps: lr_scheduler.StepLR(optimizer, 3 * steps, 0.5)),
    (Exponential(by=0.9), lambda optimizer, steps: lr_scheduler.ExponentialLR(optimizer, 0.9 ** (1 / steps))),
    (Cyclical(period=8, lowest=0.2), cyclic("triangular")),
    (Cyclical(mode="triangular2", period=8, lowest=0.2), cyclic("triangular2")),
    (Cyclical(mode="exp_range", period=8, lowest=0.2, by=0.9), cyclic("exp_range", 0.9)),
    (Cosine(), lambda optimizer, steps: lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS * steps)),
    (Cosine(lowest=0.1), lambda optimizer, steps: lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * steps, 0.1)),
    (OneCycle(rise=0.25, first=0.05, last=0.005), one_cycle("cos")),
    (OneCycle(rise=0.25, first=0.05, last=0.005, shape="linear"), one_cycle("linear")),
]


def rates(make, steps):
    """torch's rate before every step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer, steps)
    found = []
    for _ in range(EPOCHS * steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize(("spec", "make"), SCHEDULES, ids=lambda value: getattr(value, "kind", ""))
def test_equals_torchs_at_every_step(spec, make, steps):
    ours = [spec.factor(step / steps, EPOCHS) for step in range(EPOCHS * steps)]
    assert ours == pytest.approx(rates(make, steps), rel=0, abs=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "cosine", {"kind": "step", "every": 3}])
def test_warm_up_equals_torchs_chained_with_any_schedule(schedule):
    training = TrainingSpec(epochs=EPOCHS, warmup=5, optimizer={"kind": "sgd", "lr": 1.0}, schedule=schedule)
    alone = TrainingSpec(epochs=EPOCHS, optimizer={"kind": "sgd", "lr": 1.0}, schedule=schedule)
    warm = rates(lambda optimizer, steps: lr_scheduler.LinearLR(optimizer, 0.01, total_iters=5 * steps), 4)
    for step, factor in enumerate(warm):
        assert training.rate(step / 4) == pytest.approx(factor * alone.rate(step / 4), abs=1e-12)
    assert (warm_up(2.5, 5), warm_up(0.0, 0.0)) == (pytest.approx(0.505), 1.0)


def test_four_cycles_of_growing_length():
    spec = CosLog4()
    for fifteenths in (0, 1, 3, 7, 15):
        assert spec.factor(fifteenths * 2, 30) == pytest.approx(0.0, abs=1e-12)
    for start, length in ((0, 1), (1, 2), (3, 4), (7, 8)):
        within = [spec.factor(2 * (start + length * part / 50), 30) for part in range(50)]
        assert max(within) == pytest.approx(1.0, abs=1e-2)
        assert sum(late < early for early, late in itertools.pairwise(within)) > 20  # up once, down once
    assert spec.factor(0.5, 1) == pytest.approx(0.5 * (1 - math.cos(2 * math.pi * math.log2(8.5))))


def test_flat_then_cosine():
    spec = FlatCosine(flat=0.25)
    assert [spec.factor(epoch, 8) for epoch in (0, 1, 2)] == [1.0, 1.0, 1.0]
    assert [spec.factor(2 + part, 8) for part in range(6)] == pytest.approx([Cosine().factor(p, 6) for p in range(6)])
    assert FlatCosine(flat=0.0).factor(3, 8) == pytest.approx(Cosine().factor(3, 8))


def test_between_epochs_the_rate_goes_on():
    assert Cosine().factor(2.5, 5) == pytest.approx(0.5)
    assert Cyclical(period=2, lowest=0.0).factor(0.5, 9) == pytest.approx(0.5)
    assert Step(every=2, by=0.1).factor(1.99, 9) == 1.0


def test_ends_of_cycles_are_where_the_rate_is_low():
    assert Cyclical(period=8).cycle_ends(EPOCHS) == (8, 16, 24)
    assert Cyclical(period=10).cycle_ends(EPOCHS) == (10, 20, 24)
    assert Cyclical(period=50).cycle_ends(EPOCHS) == (EPOCHS,)
    assert CosLog4().cycle_ends(30) == (2, 6, 14, 30)
    assert CosLog4().cycle_ends(64) == (5, 13, 30, 64)
    assert CosLog4().cycle_ends(2) == (1, 2)
    assert OneCycle().cycle_ends(EPOCHS) == (EPOCHS,)
    for spec in (Constant(), Step(), Exponential(), Cosine(), FlatCosine()):
        assert spec.cycle_ends(EPOCHS) is None
    assert TrainingSpec(epochs=EPOCHS, schedule={"kind": "cyclical", "period": 8}).cycle_ends == (8, 16, 24)
