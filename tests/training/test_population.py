"""The trainer: the same bits whoever stands beside, torch's own numbers, and every setting does something."""

import numpy as np
import pytest
import torch
from torch import nn
from training_case import begin, grown, never, resident, rows_of, same

from components.networks.mlp import MLP
from components.networks.network import Inputs
from components.training.paused import restore, state_of
from components.training.population import Population, Row, group
from components.training.spec import TrainingSpec

TRAINING = {"epochs": 4, "batch_size": 32, "early_stopping": {"patience": 2}}

CASES = [
    (3, {"layers": 2, "width": 64, "activation": "relu"}, {"optimizer": "adamw", "batch_size": 32}),
    (3, {"layers": 1, "width": 37, "activation": "mish", "batch_norm": True}, {"optimizer": "sgd", "batch_size": 50}),
    (2, {"layers": 2, "width": 33, "activation": "selu"}, {"optimizer": "adam", "batch_size": 16}),
    (2, {"layers": 1, "width": 20, "activation": "sigmoid", "batch_norm": True}, {"optimizer": "rmsprop"}),
    (1, {"layers": 2, "width": 33, "activation": "tanh"}, {"optimizer": "adagrad", "batch_size": "full"}),
    (1, {"layers": 1, "width": 16, "activation": "gelu", "batch_norm": True}, {"optimizer": "sgd", "l1": 1e-3}),
]


@pytest.mark.parametrize(("num_classes", "network", "training"), CASES)
def test_a_row_ends_with_the_same_bits_alone_stacked_and_permuted(num_classes, network, training):
    data = resident(num_classes=num_classes)
    loss = "cross_entropy" if num_classes > 1 else "mse"
    rows = rows_of(3, 3, network, TRAINING | training)
    stacked = grown(rows, data, num_classes, loss)
    for chosen in ([rows[0]], [rows[4]], [rows[8], rows[1]], list(reversed(rows))):
        for key, model in grown(chosen, data, num_classes, loss).items():
            assert same(model, stacked[key])


def test_a_population_that_rested_ends_with_the_same_bits():
    data = resident()
    rows = rows_of(2, 3, {"layers": 2, "width": 16, "batch_norm": True}, TRAINING | {"epochs": 6})
    straight = grown(rows, data)
    (before,) = begin(rows, data, 3, "cross_entropy")
    for until in (1, 3):
        assert before.train(until, never)
        (after,) = begin(rows, data, 3, "cross_entropy")
        restore(after, [state_of(before, [model]) for model in before.began])
        assert after.epoch == until
        before = after
    assert before.train(100, never)
    assert not before.models
    for model in before.began:
        assert same(model, straight[model.row.candidate, model.row.fold])


def test_rows_that_stop_early_are_dropped_and_the_others_do_not_notice():
    data = resident()
    rows = rows_of(1, 3, {"layers": 1, "width": 16}, {"epochs": 30, "optimizer": {"kind": "sgd", "lr": 0.5}})
    epochs = [5, 30, 11]
    rows = [
        Row(**{**row.__dict__, "training": row.training.model_copy(update={"epochs": count})})
        for row, count in zip(rows, epochs, strict=True)
    ]
    (population,) = begin(rows, data, 3, "cross_entropy")
    assert population.train(6, never)
    assert [model.row.fold for model in population.models] == [1, 2]
    assert population.parameters_KP.shape[0] == 2
    assert population.train(100, never)
    for model in population.began:
        alone = grown([model.row], data)[0, model.row.fold]
        assert same(model, alone)
        assert model.judgement.epochs <= epochs[model.row.fold]


def test_trains_as_torch_does_in_float64():
    data = resident(num_folds=2)
    data = type(data)(**{**data.__dict__, "x_M": data.x_M.double()})
    training = TrainingSpec(
        epochs=8,
        batch_size="full",
        optimizer={"kind": "adamw", "lr": 0.01, "weight_decay": 0.1},
        schedule="cosine",
        label_smoothing=0.1,
        l1=1e-3,
        early_stopping="none",
    )
    spec = MLP(layers=2, width=16, batch_norm=True)
    rows = [Row(candidate=0, fold=fold, seed=fold, network=spec, training=training) for fold in range(2)]
    (population,) = begin(rows, data, 3, "cross_entropy")
    start = [population.network.parameters.split(row) for row in population.parameters_KP]
    assert population.train(100, never)
    for fold, model in enumerate(population.began):
        modules = nn.Sequential(
            *(nn.Linear(7, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU()),
            nn.Linear(16, 3),
        ).double()
        linear = [module for module in modules if isinstance(module, nn.Linear)]
        with torch.no_grad():
            for number, module in enumerate(linear):
                module.weight.copy_(start[fold][f"{number}.weight"])
                module.bias.copy_(start[fold][f"{number}.bias"])
        optimizer = torch.optim.AdamW(modules.parameters(), lr=0.01, weight_decay=0.1)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
        x, y = data.x_M[data.fit[fold]], data.y_M[data.fit[fold]]
        for _ in range(8):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(modules(x), y, label_smoothing=0.1)
            (loss + 1e-3 * sum(module.weight.abs().sum() for module in linear)).backward()
            optimizer.step()
            scheduler.step()
        found = population.network.parameters.split(model.best_P)
        for number, module in enumerate(linear):
            torch.testing.assert_close(found[f"{number}.weight"], module.weight.detach(), rtol=0, atol=1e-12)


def test_learns_a_rule():
    data = resident(num_rows=500)
    models = grown(
        rows_of(1, 3, {"layers": 1, "width": 32}, {"epochs": 20, "optimizer": {"kind": "adam", "lr": 0.03}}), data
    )
    for (_, fold), model in models.items():
        right = model.outputs_nC.argmax(1) == data.y_M[data.scored[fold]].numpy()
        assert right.mean() > 0.85
        assert model.judgement.validation[-1] < model.judgement.validation[0] / 2


def test_a_loss_that_is_no_number_ends_a_row():
    rows = rows_of(1, 3, {"layers": 2, "width": 16}, {"epochs": 50, "optimizer": {"kind": "sgd", "lr": 1e20}})
    assert all(model.diverged for model in grown(rows, resident()).values())


def test_is_cut_off_between_steps():
    (population,) = begin(rows_of(1, 3, {}, {}), resident(), 3, "cross_entropy")
    assert not population.train(5, lambda: True)
    assert population.epoch == 0


def test_folds_of_other_batch_shapes_are_other_populations():
    data = resident(num_rows=81)  # 65 and 64 fit rows: padded to 96 and 64
    parts = group(rows_of(1, 3, {}, {"batch_size": "full"}), data)
    assert [[row.fold for row in part] for part in parts] == [[0, 2], [1]]


BASE_NETWORK = {"layers": 2, "width": 16, "batch_norm": True}
BASE = {
    "epochs": 6,
    "batch_size": 32,
    "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": False},
    "schedule": {"kind": "constant"},
    "early_stopping": "none",
}
OPTIONS = [
    ({"layers": 3}, {}),
    ({"width": 17}, {}),
    *[({"activation": word}, {}) for word in ("leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh")],
    *[({"initialization": word}, {}) for word in ("xavier", "lecun", "orthogonal")],
    ({"batch_norm": False}, {}),
    ({"dropout": 0.2}, {}),
    ({}, {"loss": "mse"}),
    ({}, {"epochs": 5}),
    ({}, {"batch_size": 16}),
    ({}, {"batch_size": "full"}),
    ({}, {"batch_size": 1, "epochs": 1}),
    ({}, {"l1": 0.01}),
    ({}, {"label_smoothing": 0.1}),
    ({}, {"early_stopping": {"patience": 1, "min_gain": 0.5}}),
    *[
        ({}, {"optimizer": BASE["optimizer"] | change})
        for change in ({"lr": 0.04}, {"momentum": 0.5}, {"nesterov": True}, {"l2": 0.01})
    ],
    *[({}, {"optimizer": {"kind": kind, "lr": 0.01}}) for kind in ("adam", "adamw", "rmsprop", "adagrad")],
    *[({}, {"optimizer": {"kind": kind, "lr": 0.01, "l2": 0.1}}) for kind in ("adam", "rmsprop", "adagrad")],
    ({}, {"optimizer": {"kind": "adamw", "lr": 0.01, "weight_decay": 0.5}}),
    ({}, {"schedule": {"kind": "step", "every": 2}}),
    ({}, {"schedule": {"kind": "step", "every": 2, "by": 0.5}}),
    ({}, {"schedule": {"kind": "step", "every": 3}}),
    ({}, {"schedule": {"kind": "exponential"}}),
    ({}, {"schedule": {"kind": "exponential", "by": 0.5}}),
    ({}, {"schedule": {"kind": "cyclical"}}),
    ({}, {"schedule": {"kind": "cyclical", "period": 4}}),
    ({}, {"schedule": {"kind": "cyclical", "lowest": 0.5}}),
    ({}, {"schedule": "cosine"}),
]


def test_every_setting_changes_the_weights():
    data = resident(num_folds=1)
    seen = {}
    for network, training in [({}, {}), *OPTIONS]:
        settings = BASE | training
        loss = settings.get("loss", "cross_entropy")
        (row,) = rows_of(1, 1, BASE_NETWORK | network, settings, vary=False)
        weights = grown([row], data, loss=loss)[0, 0].best_P.numpy().tobytes()
        assert weights not in seen, f"{network or training} is the same as {seen[weights]}"
        seen[weights] = network or training


def test_a_metric_of_labels_chooses_the_epoch_itself():
    data = resident(num_folds=1)
    rows = rows_of(1, 1, {"layers": 1, "width": 16}, {"epochs": 6}, vary=False)
    errors = iter([0.5, 0.2, 0.3, 0.2, 0.4, 0.2])
    network = rows[0].network.build(Inputs(shape=(7,)), 3)
    population = Population(network, rows, data, "cross_entropy", lambda fold, outputs: next(errors))
    population.train(10, never)
    judgement = population.began[0].judgement
    assert judgement.best_epoch == min((4, 2, 6), key=lambda epoch: judgement.validation[epoch - 1])
    assert np.isfinite(judgement.train).all()
