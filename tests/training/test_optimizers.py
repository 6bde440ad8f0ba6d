"""Optimizers and schedules against torch.optim, in float64."""

import pytest
import torch

from components.networks.registry import read_spec
from components.training.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from components.training.portfolio import start_points
from components.training.schedules import Constant, Cosine, Cyclical, Exponential, Step
from components.training.spec import TrainingSpec

PAIRS = [
    (SGD(lr=0.1, momentum=0.0, l2=0.01), torch.optim.SGD, {"weight_decay": 0.01}),
    (SGD(lr=0.1, momentum=0.8, nesterov=False), torch.optim.SGD, {"momentum": 0.8}),
    (
        SGD(lr=0.1, momentum=0.9, nesterov=True, l2=0.01),
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    (Adam(lr=0.01, l2=0.1), torch.optim.Adam, {"weight_decay": 0.1}),
    (AdamW(lr=0.01, weight_decay=0.1), torch.optim.AdamW, {"weight_decay": 0.1}),
    (RMSprop(lr=0.01), torch.optim.RMSprop, {}),
    (RMSprop(lr=0.01, l2=0.1), torch.optim.RMSprop, {"weight_decay": 0.1}),
    (Adagrad(lr=0.05, l2=0.1), torch.optim.Adagrad, {"weight_decay": 0.1}),
]


@pytest.mark.parametrize(("spec", "reference", "settings"), PAIRS)
def test_equals_torch_for_a_hundred_steps(spec, reference, settings):
    generator = torch.Generator().manual_seed(1)
    row = torch.randn(37, dtype=torch.float64, generator=generator)
    theirs = row.clone().requires_grad_()
    optimizer = reference([theirs], lr=spec.lr, foreach=False, **settings)
    states = [torch.zeros_like(row) for _ in range(spec.num_states)]
    step = torch.tensor(0.0)
    for _ in range(100):
        gradient = torch.randn(37, dtype=torch.float64, generator=generator)
        theirs.grad = gradient.clone()
        optimizer.step()
        step += 1
        spec.step(row, gradient, states, step, spec.lr)
        torch.testing.assert_close(row, theirs.detach(), rtol=0, atol=1e-12)


def test_nesterov_without_momentum_changes_nothing():
    rows = [torch.ones(4), torch.ones(4)]
    for row, nesterov in zip(rows, (True, False), strict=True):
        spec = SGD(lr=0.1, momentum=0.0, nesterov=nesterov)
        spec.step(row, torch.ones(4), [torch.zeros(4)], torch.tensor(1.0), 0.1)
    assert torch.equal(*rows)


SCHEDULES = [
    (Constant(), lambda optimizer: torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)),
    (Step(every=3, by=0.5), lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)),
    (Exponential(by=0.9), lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)),
    (
        Cyclical(period=8, lowest=0.2),
        lambda optimizer: torch.optim.lr_scheduler.CyclicLR(optimizer, 0.2, 1.0, step_size_up=4, cycle_momentum=False),
    ),
    (Cosine(), lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)),
]


@pytest.mark.parametrize(("spec", "reference"), SCHEDULES, ids=lambda value: getattr(value, "kind", ""))
def test_schedule_equals_torchs_stepped_once_an_epoch(spec, reference):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = reference(optimizer)
    for epoch in range(20):
        assert spec.factor(epoch, 20) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        scheduler.step()


def test_between_epochs_the_rate_goes_on():
    assert Cosine().factor(2.5, 5) == pytest.approx(0.5)
    assert Cyclical(period=2, lowest=0.0).factor(0.5, 9) == pytest.approx(0.5)
    assert Step(every=2, by=0.1).factor(1.99, 9) == 1.0


def test_start_points_are_settings_and_all_different():
    for task in ("binary", "multiclass", "regression"):
        points = start_points(task)
        assert all(set(point) == {"preprocess", "network", "training"} for point in points)
        settled = [(read_spec(point["network"]), TrainingSpec.model_validate(point["training"])) for point in points]
        assert len(set(settled)) == len(points) == 4
