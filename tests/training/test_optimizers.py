"""Optimizers against torch.optim in float64: every option, row by row, each row with values of its own."""

import pytest
import torch

from components.data.preprocessing.spec import NetworkPreprocess
from components.networks.registry import read_spec
from components.training.optimizers import SGD, Adagrad, Adam, AdamW, Moving, RMSprop, StackStep, columns
from components.training.portfolio import start_points
from components.training.spec import TrainingSpec

ROWS, FLOATS, STEPS = 3, 37, 100

# for each option the values of three rows; together with one that is as torch has it by default
SGD_ROWS = [
    {"lr": (0.1, 0.02, 0.3), "momentum": (0.0, 0.0, 0.0), "nesterov": False, "l2": (0.0, 0.01, 0.1)},
    {"lr": (0.1, 0.02, 0.3), "momentum": (0.8, 0.0, 0.95), "nesterov": False, "l2": (0.0, 0.01, 0.1)},
    {"momentum": (0.8, 0.5, 0.95), "nesterov": False, "dampening": (0.5, 0.0, 0.1), "l2": (0.0, 0.01, 0.1)},
    {"lr": (0.1, 0.02, 0.3), "momentum": (0.8, 0.5, 0.95), "nesterov": True, "l2": (0.0, 0.01, 0.1)},
]
MOMENTS = {
    "lr": (0.01, 0.001, 0.03),
    "beta1": (0.9, 0.0, 0.5),
    "beta2": (0.999, 0.9, 0.95),
    "eps": (1e-8, 1e-3, 1e-5),
}
ADAM_ROWS = [MOMENTS | {"amsgrad": amsgrad, "l2": (0.0, 0.1, 0.01)} for amsgrad in (False, True)]
ADAMW_ROWS = [MOMENTS | {"amsgrad": amsgrad, "weight_decay": (0.0, 0.1, 0.5)} for amsgrad in (False, True)]
RMSPROP_ROWS = [
    {
        "lr": (0.01, 0.001, 0.003),
        "alpha": (0.99, 0.5, 0.9),
        "momentum": momentum,
        "centered": centered,
        "eps": (1e-8, 1e-3, 1e-5),
        "l2": (0.0, 0.1, 0.01),
    }
    for momentum in ((0.0, 0.0, 0.0), (0.9, 0.0, 0.5))
    for centered in (False, True)
]
ADAGRAD_ROWS = [
    {
        "lr": (0.05, 0.01, 0.5),
        "lr_decay": (0.0, 0.1, 0.01),
        "initial": (0.0, 0.5, 0.1),
        "eps": (1e-10, 1e-3, 1e-6),
        "l2": (0.0, 0.1, 0.01),
    }
]
CASES = [
    *[(SGD, torch.optim.SGD, rows) for rows in SGD_ROWS],
    *[(Adam, torch.optim.Adam, rows) for rows in ADAM_ROWS],
    *[(AdamW, torch.optim.AdamW, rows) for rows in ADAMW_ROWS],
    *[(RMSprop, torch.optim.RMSprop, rows) for rows in RMSPROP_ROWS],
    *[(Adagrad, torch.optim.Adagrad, rows) for rows in ADAGRAD_ROWS],
]


def specs_of(kind, rows):
    return [
        kind(**{name: value[row] if isinstance(value, tuple) else value for name, value in rows.items()})
        for row in range(ROWS)
    ]


def torchs(reference, spec, parameter):
    """torch's own optimizer with the settings of ours."""
    own = spec.model_dump(exclude={"kind"})
    if "l2" in own:
        own["weight_decay"] = own.pop("l2")
    if "beta1" in own:
        own["betas"] = (own.pop("beta1"), own.pop("beta2"))
    if "initial" in own:
        own["initial_accumulator_value"] = own.pop("initial")
    return reference([parameter], foreach=False, **own)


def stack_step(ours, gradients, states, steps, rates, numbers, active=None):
    return StackStep(
        rows_KP=ours,
        gradients_KP=gradients,
        states=states,
        step_K1=steps,
        rate_K1=rates,
        numbers=numbers,
        active_K1=active,
    )


def moving(row, gradient, states, step):
    """One row that makes this step."""
    steps = [torch.tensor(float(step))]
    return Moving(rows=[row], gradients=[gradient], states=[[state] for state in states], steps=steps)


def test_the_cases_vary_every_option():
    for kind in (SGD, Adam, AdamW, RMSprop, Adagrad):
        varied = {name for case, _, rows in CASES if case is kind for name in rows}
        assert varied == set(kind.model_fields) - {"kind"}


@pytest.mark.parametrize("stacked", [False, True], ids=["rows", "stack"])
@pytest.mark.parametrize(("kind", "reference", "rows"), CASES)
def test_equals_torch_for_a_hundred_steps(kind, reference, rows, stacked):
    specs = specs_of(kind, rows)
    generator = torch.Generator().manual_seed(1)
    ours = torch.randn(ROWS, FLOATS, dtype=torch.float64, generator=generator)
    theirs = [row.clone().requires_grad_() for row in ours]
    optimizers = [torchs(reference, spec, parameter) for spec, parameter in zip(specs, theirs, strict=True)]
    states = [torch.zeros_like(ours) for _ in range(max(spec.num_states for spec in specs))]
    for row, spec in enumerate(specs):
        spec.begin([state[row] for state in states])
    numbers = columns(specs, torch.float64, torch.device("cpu"))
    for step in range(1, STEPS + 1):
        gradients = torch.randn(ours.shape, dtype=torch.float64, generator=generator)
        share = 1 / (1 + 0.01 * step)  # a schedule: the rate is another one in every step
        for optimizer, parameter, gradient, spec in zip(optimizers, theirs, gradients, specs, strict=True):
            parameter.grad = gradient.clone()
            optimizer.param_groups[0]["lr"] = spec.lr * share
            optimizer.step()
        if stacked:
            steps = torch.full((ROWS, 1), float(step), dtype=torch.float64)
            specs[0].step_stack(stack_step(ours, gradients, states, steps, numbers["lr"] * share, numbers))
        else:
            for row, spec in enumerate(specs):
                own = [state[row] for state in states]
                spec.step(moving(ours[row], gradients[row], own, step), spec.lr * share)
        torch.testing.assert_close(ours, torch.stack([row.detach() for row in theirs]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kind", "reference", "rows"), CASES)
def test_a_row_of_the_stack_that_makes_no_step_stays_as_it_is(kind, reference, rows):
    specs = specs_of(kind, rows)
    numbers = columns(specs, torch.float64, torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    ours = torch.randn(ROWS, FLOATS, dtype=torch.float64, generator=generator)
    states = [torch.rand(ours.shape, dtype=torch.float64, generator=generator) for _ in range(specs[0].num_states)]
    before = [tensor.clone() for tensor in (ours, *states)]
    active = torch.tensor([[True], [False], [True]])
    one = torch.ones(ROWS, 1)
    specs[0].step_stack(stack_step(ours, torch.ones_like(ours), states, one, numbers["lr"], numbers, active))
    for old, new in zip(before, (ours, *states), strict=True):
        assert torch.equal(old[1], new[1])
    assert not torch.equal(before[0][0], ours[0])


@pytest.mark.parametrize(("kind", "reference", "rows"), CASES)
def test_rows_with_the_same_numbers_share_a_call_and_get_the_bits_they_get_alone(kind, reference, rows):
    spec = specs_of(kind, rows)[-1]
    generator = torch.Generator().manual_seed(2)
    together = torch.randn(ROWS, FLOATS, generator=generator)
    alone = together.clone()
    all_states, own_states = ([torch.zeros(ROWS, FLOATS) for _ in range(spec.num_states)] for _ in range(2))
    for states in (all_states, own_states):
        spec.begin(states)
    for step in (1, 2, 3):
        gradients = torch.randn(ROWS, FLOATS, generator=generator)
        counts = [torch.tensor(float(step)) for _ in range(ROWS)]
        spec.step(Moving([*together], [*gradients], [[*state] for state in all_states], counts), 0.1)
        for row in range(ROWS):
            spec.step(moving(alone[row], gradients[row], [state[row] for state in own_states], step), 0.1)
    assert torch.equal(together, alone)


def test_nesterov_without_momentum_changes_nothing():
    rows = [torch.ones(4), torch.ones(4)]
    for row, nesterov in zip(rows, (True, False), strict=True):
        spec = SGD(lr=0.1, momentum=0.0, nesterov=nesterov)
        spec.step(moving(row, torch.ones(4), [torch.zeros(4)], 1), 0.1)
    assert torch.equal(*rows)


def test_nesterov_takes_in_a_damped_gradient_where_torch_refuses_to():
    spec = SGD(lr=0.1, momentum=0.5, nesterov=True, dampening=0.2)
    row, memory = torch.zeros(1), [torch.zeros(1)]
    for step in (1.0, 2.0):
        spec.step(moving(row, torch.ones(1), memory, step), 0.1)
    assert memory[0].item() == pytest.approx(0.5 * 1.0 + 0.8)
    assert row.item() == pytest.approx(-0.1 * (1 + 0.5) - 0.1 * (1 + 0.5 * 1.3))


def test_start_points_are_settings_and_all_different():
    for task in ("binary", "multiclass", "regression"):
        points = start_points(task, 1000)
        quick, *others = (point["training"]["epochs"] for point in points)
        assert quick < min(others), "one is there early"
        assert all(set(point) == {"preprocess", "network", "training"} for point in points)
        settled = [
            (
                NetworkPreprocess.model_validate(point["preprocess"]),
                read_spec(point["network"]),
                TrainingSpec.model_validate(point["training"]),
            )
            for point in points
        ]
        assert len(set(settled)) == len(points)
        assert len(points) == 10
