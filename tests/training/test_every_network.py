"""Every kind of network in the trainer: it learns, and its rows end with the same bits in any company.

Alone, permuted, beside a row that stops early, and rested and taken up with others: see `test_population.py` for more.
"""

from dataclasses import replace

import pytest
import torch
from training_case import begin, grown, never, same

from components.networks.network import Inputs
from components.networks.registry import KINDS, read_spec, spec_class
from components.training.batches import Resident
from components.training.paused import restore, state_of
from components.training.population import Row
from components.training.spec import TrainingSpec

SMALL = {
    "mlp": {"layers": 1, "width": 13, "batch_norm": True},
    "tabm": {"members": 3, "layers": 2, "width": 13},
    "ft_transformer": {"layers": 2, "width": 12, "heads": 2},
    "resnet": {"blocks": 1, "width": 13},
    "cnn": {"blocks": 2, "filters": 5, "residual": True},
    "rnn": {"width": 10, "pooling": "attention"},
    "lstm": {"width": 7, "layers": 2},
    "gru": {"width": 9, "pooling": "mean"},
    "transformer": {"width": 10, "heads": 2, "layers": 1, "patch": 2},
}
VARIANTS = {  # on columns of which the last two are codes
    "realmlp": {
        "kind": "mlp",
        "layers": 2,
        "width": 13,
        "numbers": "periodic",
        "front_scale": True,
        "parametrization": "ntk",
        "parametric": True,
        "activation": "mish",
    },
    "mlp on bins": {"kind": "mlp", "layers": 2, "width": 9, "numbers": "piecewise", "residual": True},
    "resnet on bins": {"kind": "resnet", "blocks": 1, "width": 11, "numbers": "piecewise", "residual_dropout": 0.1},
    "tabm on waves": {"kind": "tabm", "members": 3, "layers": 1, "width": 13, "numbers": "periodic"},
}
EVERY = [*sorted(KINDS), *VARIANTS]
COLUMNS = Inputs(shape=(48,), numbers=40, codes=(4, 3))


def striped(folds=(70, 61), num_rows=90):
    """Pictures of 6 x 8 pixels, bright above or below; folds of several lengths, so that rows rest at times."""
    generator = torch.Generator().manual_seed(0)
    x_M = torch.rand(num_rows, 6, 8, 1, generator=generator)
    y_M = torch.randint(0, 2, (num_rows,), generator=generator)
    for row, label in enumerate(y_M.tolist()):
        x_M[row, 3 * label : 3 * label + 3] += 1.0
    rows = torch.arange(num_rows)
    return Resident(
        x_M=x_M - 1,
        y_M=y_M,
        fit=tuple(rows[:fit] for fit in folds),
        sample=tuple(rows[:20] for _ in folds),
        scored=tuple(rows[fit:] for fit in folds),
    )


def data_of(kind):
    """Striped pictures; their pixels as the columns of a table for those that take no pictures."""
    data = striped()
    if kind in VARIANTS:
        x_MF = data.x_M.flatten(1)
        for column, codes in enumerate(COLUMNS.codes, start=46):
            x_MF[:, column] = ((x_MF[:, column] + 1) / 2 * codes).long().clamp(0, codes - 1)
        return replace(data, x_M=x_MF)
    return data if "image" in spec_class(kind).takes else replace(data, x_M=data.x_M.flatten(1))


def inputs_of(kind):
    return COLUMNS if kind in VARIANTS else None


def rows_of(kind, epochs):
    """Two candidates on two folds; the second has dropout, and a plan of its own."""
    return [
        Row(
            candidate=number,
            fold=fold,
            seed=10 * number + fold,
            network=read_spec({"kind": kind, **(SMALL | VARIANTS)[kind], "dropout": 0.2 * number}),
            training=TrainingSpec(
                epochs=epochs[number],
                batch_size=32,
                schedule="constant",
                early_stopping="none",
                optimizer={"kind": "adamw", "lr": 0.01},
            ),
        )
        for number in range(2)
        for fold in range(2)
    ]


@pytest.mark.parametrize("kind", EVERY)
def test_it_learns(kind):
    (model,) = grown(rows_of(kind, (12, 12))[:1], data_of(kind), 2, inputs=inputs_of(kind)).values()
    losses = model.judgement.validation
    assert losses[-1] < 0.5 * losses[0]
    assert losses[-1] < 0.3


@pytest.mark.parametrize("kind", EVERY)
def test_a_row_ends_with_the_same_bits_in_any_company(kind):
    rows, data, inputs = (
        rows_of(kind, (2, 4)),
        data_of(kind),
        inputs_of(kind),
    )  # the first candidate is dropped on the way
    stacked = grown(rows, data, 2, inputs=inputs)
    for chosen in ([rows[0]], [rows[3]], list(reversed(rows))):
        for key, model in grown(chosen, data, 2, inputs=inputs).items():
            assert same(model, stacked[key])


@pytest.mark.parametrize("kind", EVERY)
def test_a_row_that_rested_ends_with_the_same_bits_in_other_company(kind):
    rows, data, inputs = rows_of(kind, (4, 4)), data_of(kind), inputs_of(kind)
    straight = grown(rows, data, 2, inputs=inputs)
    (before,) = begin(rows, data, 2, "cross_entropy", inputs)
    assert before.train(2, never)
    state = state_of(before, before.began)
    for company in ([rows[2]], [rows[3], rows[0]]):
        (after,) = begin(company, data, 2, "cross_entropy", inputs)
        restore(after, [state])
        assert after.train(100, never)
        for model in after.began:
            assert same(model, straight[model.row.candidate, model.row.fold])
