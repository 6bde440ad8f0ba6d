"""Techniques of training inside the trainer: torch's numbers, the same bits in any company, and none without effect."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_network_evaluate import in_process
from torch import nn
from torch.optim import lr_scheduler, swa_utils
from training_case import begin, candidate, example, folds_of, grown, never, resident, same

from components.core.ranges import Group
from components.networks.mlp import MLP
from components.networks.store import as_saved
from components.project.space import parse_space
from components.search.space import settle
from components.training.member import load_network
from components.training.paused import restore, state_of
from components.training.population import Row
from components.training.spec import TrainingSpec
from components.training.structure import structure
from components.training.tasks import Task

NETWORK = {"layers": 1, "width": 8, "batch_norm": True}
BASE = {
    "epochs": 6,
    "batch_size": 32,
    "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": False},
    "schedule": "constant",
    "early_stopping": "none",
}


def rows_with(trainings, network=NETWORK, num_folds=1):
    return [
        Row(candidate=candidate, fold=fold, seed=100 * candidate + fold, network=MLP(**network), training=training)
        for candidate, training in enumerate(trainings)
        for fold in range(num_folds)
    ]


def in_double(data):
    y = data.y_M.double() if data.y_M.is_floating_point() else data.y_M
    return type(data)(**{**data.__dict__, "x_M": data.x_M.double(), "y_M": y})


def module_of(row, network):
    """torch's own network with a row's weights."""
    modules = nn.Sequential(nn.Linear(7, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).double()
    start = network.parameters.split(row)
    with torch.no_grad():
        for number, module in enumerate((modules[0], modules[3])):
            module.weight.copy_(start[f"{number}.weight"])
            module.bias.copy_(start[f"{number}.bias"])
    return modules


OPTIMIZERS = [
    (
        [{"kind": "sgd", "lr": 0.1, "momentum": 0.8, "l2": 0.01}, {"kind": "sgd", "lr": 0.02, "momentum": 0.5}],
        lambda p, o: torch.optim.SGD(p, o["lr"], o["momentum"], nesterov=True, weight_decay=o.get("l2", 0.0)),
    ),
    (
        [{"kind": "adam", "lr": 0.01, "beta1": 0.8, "l2": 0.01}, {"kind": "adam", "lr": 0.002, "beta1": 0.95}],
        lambda p, o: torch.optim.Adam(p, o["lr"], (o["beta1"], 0.999), weight_decay=o.get("l2", 0.0)),
    ),
    (
        [
            {"kind": "adamw", "lr": 0.01, "beta2": 0.9, "eps": 1e-6, "amsgrad": True},
            {"kind": "adamw", "lr": 0.002, "beta2": 0.99, "eps": 1e-4, "amsgrad": True},
        ],
        lambda p, o: torch.optim.AdamW(p, o["lr"], (0.9, o["beta2"]), o["eps"], amsgrad=True),
    ),
    (
        [
            {"kind": "rmsprop", "lr": 0.001, "alpha": 0.9, "momentum": 0.5, "centered": True},
            {"kind": "rmsprop", "lr": 0.003, "alpha": 0.99, "momentum": 0.0, "centered": True},
        ],
        lambda p, o: torch.optim.RMSprop(p, o["lr"], o["alpha"], momentum=o["momentum"], centered=True),
    ),
    (
        [{"kind": "adagrad", "lr": 0.05, "initial": 0.1}, {"kind": "adagrad", "lr": 0.2, "lr_decay": 0.1}],
        lambda p, o: torch.optim.Adagrad(
            p, o["lr"], o.get("lr_decay", 0.0), initial_accumulator_value=o.get("initial", 0.0)
        ),
    ),
]


@pytest.mark.parametrize(("optimizers", "make"), OPTIMIZERS, ids=[one[0]["kind"] for one, _ in OPTIMIZERS])
def test_a_hundred_epochs_are_torchs_row_by_row(optimizers, make):
    """Different rates, decays, clipping, smoothing, warm-up and weights of classes in one population, in float64."""
    data = in_double(resident(num_folds=1, num_rows=60))
    own = [
        {"clip_norm": 0.4, "label_smoothing": 0.1, "warmup": 10.0, "schedule": "cosine"},
        {"clip_norm": "none", "class_weights": "balanced", "schedule": {"kind": "step", "every": 30}, "l1": 1e-3},
    ]
    trainings = [
        TrainingSpec(**BASE | {"epochs": 100, "batch_size": "full", "optimizer": optimizer} | settings)
        for optimizer, settings in zip(optimizers, own, strict=True)
    ]
    (population,) = begin(rows_with(trainings), data, 3, "cross_entropy")
    starts = [row.clone() for row in population.parameters_KP]
    assert population.train(100, never)
    x, y = data.x_M[data.fit[0]], data.y_M[data.fit[0]]
    balanced = len(y) / (3 * torch.bincount(y).double())
    for number, model in enumerate(population.began):
        modules = module_of(starts[number], population.network)
        optimizer = make(modules.parameters(), optimizers[number])
        if number:
            scheduler = lr_scheduler.StepLR(optimizer, 30, 0.3)
        else:
            warm, cosine = lr_scheduler.LinearLR, lr_scheduler.CosineAnnealingLR
            scheduler = lr_scheduler.ChainedScheduler([warm(optimizer, 0.01, total_iters=10), cosine(optimizer, 100)])
        for _ in range(100):
            optimizer.zero_grad()
            if number:
                loss = nn.functional.cross_entropy(modules(x), y, weight=balanced)
                loss = loss + 1e-3 * (modules[0].weight.abs().sum() + modules[3].weight.abs().sum())
            else:
                loss = nn.functional.cross_entropy(modules(x), y, label_smoothing=0.1)
            loss.backward()
            if not number:
                assert nn.utils.clip_grad_norm_(modules.parameters(), 0.4) > 0.05
            optimizer.step()
            scheduler.step()
        found = population.network.parameters.split(model.best_P)
        for place, module in enumerate((modules[0], modules[3])):
            torch.testing.assert_close(found[f"{place}.weight"], module.weight.detach(), rtol=0, atol=1e-12)


class Flat(nn.Module):
    """A row as torch's AveragedModel takes it."""

    def __init__(self, row_P, row_Q):
        super().__init__()
        self.row_P = nn.Parameter(row_P.clone())
        self.register_buffer("row_Q", row_Q.clone())


def along_the_way(row, data, epochs):
    """The weights and running statistics before training and after every epoch, of a row without averages."""
    (population,) = begin([row], data, 3, "cross_entropy")
    found = [(population.parameters_KP[0].clone(), population.buffers_KQ[0].clone())]
    for epoch in range(1, epochs + 1):
        seen = (population.parameters_KP, population.buffers_KQ)
        assert population.train(epoch, never)
        found.append((seen[0][0].clone(), seen[1][0].clone()))
    return found


def averaged(row, averaging):
    return Row(**{**row.__dict__, "training": row.training.model_copy(update={"averaging": averaging})})


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_ema_is_torchs_averaged_model_with_a_memory_that_fills_up(decay):
    data = in_double(resident(num_folds=1))
    (row,) = rows_with([TrainingSpec(**BASE | {"batch_size": "full", "epochs": 30})])
    way = along_the_way(row, data, 30)
    model = Flat(*way[0])
    steps = iter(range(1, 31))

    def mean(old, new, num_averaged):
        kept = min(decay, (1 + step) / (10 + step))
        return kept * old + (1 - kept) * new

    theirs = swa_utils.AveragedModel(model, avg_fn=mean, use_buffers=True)
    theirs.n_averaged += 1  # the weights at the beginning are in it
    for row_P, row_Q in way[1:]:
        step = next(steps)
        model.row_P.data.copy_(row_P), model.row_Q.copy_(row_Q)
        theirs.update_parameters(model)
    ours = TrainingSpec(**BASE | {"averaging": {"kind": "ema", "decay": decay}}).averaging
    found = grown([averaged(row, ours)], data)[0, 0]
    torch.testing.assert_close(found.best_P, theirs.module.row_P.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.best_Q, theirs.module.row_Q, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("begin_at", "first"), [(0.5, 7), (0.0, 1), (0.95, 12)])
def test_swa_is_torchs_averaged_model_over_the_last_epochs(begin_at, first):
    data = in_double(resident(num_folds=1))
    (row,) = rows_with([TrainingSpec(**BASE | {"epochs": 12})])
    way = along_the_way(row, data, 12)
    model = Flat(*way[0])
    theirs = swa_utils.AveragedModel(model, use_buffers=True)
    for row_P, row_Q in way[first:]:
        model.row_P.data.copy_(row_P), model.row_Q.copy_(row_Q)
        theirs.update_parameters(model)
    ours = TrainingSpec(**BASE | {"averaging": {"kind": "swa", "begin": begin_at}}).averaging
    found = grown([averaged(row, ours)], data)[0, 0]
    torch.testing.assert_close(found.best_P, theirs.module.row_P.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.best_Q, theirs.module.row_Q, rtol=0, atol=1e-12)


@pytest.mark.parametrize("averaging", ["ema", {"kind": "swa", "begin": 0.2}], ids=["ema", "swa"])
def test_the_averaged_weights_are_judged_and_kept_the_best_of_them(averaging):
    data = resident(num_folds=1)
    stopping = {"patience": 100, "min_gain": 0.0}
    (row,) = rows_with([TrainingSpec(**BASE | {"epochs": 12, "averaging": averaging, "early_stopping": stopping})])
    (population,) = begin([row], data, 3, "cross_entropy")
    means = []
    for epoch in range(1, 13):
        mean_KP = population.averages.parameters_KP  # in the last epoch the row leaves the population
        assert population.train(epoch, never)
        means.append(mean_KP[0].clone())
    (model,) = population.began
    assert model.judgement.best_epoch == 1 + int(np.argmin(model.judgement.validation))
    assert torch.equal(model.best_P, as_saved(means[model.judgement.best_epoch - 1]))
    layouts, best = (population.network.parameters, population.network.buffers), (model.best_P.float(), model.best_Q)
    views = [layout.views(row.unsqueeze(0)) for layout, row in zip(layouts, best, strict=True)]
    scored = data.scored[0]
    outputs = population.network.forward(*views, data.x_M[scored].unsqueeze(0), None)[0]
    torch.testing.assert_close(outputs, torch.from_numpy(model.outputs_nC), rtol=1e-5, atol=1e-5)
    loss = nn.functional.cross_entropy(outputs, data.y_M[scored]).item()
    assert loss == pytest.approx(min(model.judgement.validation), rel=1e-5)


MIXED = [  # three candidates of one structure each, with numbers of their own
    [
        {"averaging": {"kind": "ema", "decay": decay}, "clip_norm": longest, "schedule": schedule, "warmup": warm}
        for decay, longest, schedule, warm in (
            (0.9, 0.2, "one_cycle", 0.0),
            (0.5, "none", "coslog4", 2.5),
            (0, 9, "step", 1),
        )
    ],
    [
        {"averaging": {"kind": "swa", "begin": share}, "class_weights": word, "loss": {"kind": "focal", "gamma": gamma}}
        for share, word, gamma in ((0.5, "balanced", 1.0), (0.9, "none", 0.5), (0.0, "balanced", 3.0))
    ],
    [
        {"optimizer": {"kind": "adamw", "amsgrad": True, "lr": lr, "beta1": beta}, "clip_norm": longest}
        for lr, beta, longest in ((0.01, 0.9, 0.1), (0.003, 0.5, 1.0), (0.1, 0.0, "none"))
    ],
    [
        {"optimizer": {"kind": "rmsprop", "centered": True, "lr": lr, "momentum": momentum}, "averaging": "ema"}
        for lr, momentum in ((0.01, 0.9), (0.003, 0.0), (0.001, 0.5))
    ],
    [
        {"optimizer": {"kind": "adagrad", "lr": 0.1, "initial": initial}, "loss": {"kind": "huber", "delta": delta}}
        for initial, delta in ((0.0, 0.1), (0.5, 1.0), (2.0, 3.0))
    ],
    [{"loss": {"kind": "quantile", "level": level}, "clip_norm": 1.0} for level in (0.1, 0.5, 0.9)],
]


def case_of(settings):
    trainings = [TrainingSpec(**BASE | {"early_stopping": {"patience": 3}} | own) for own in settings]
    loss = "cross_entropy" if trainings[0].loss == "auto" else trainings[0].loss.kind
    outputs = 1 if loss in ("huber", "quantile") else 3
    return rows_with(trainings, num_folds=2), resident(num_folds=2, num_classes=outputs), outputs, loss


@pytest.mark.parametrize("settings", MIXED, ids=lambda settings: "+".join(settings[0]))
def test_a_row_ends_with_the_same_bits_alone_stacked_and_permuted(settings):
    rows, *rest = case_of(settings)
    stacked = grown(rows, *rest)
    assert len({model.best_P.numpy().tobytes() for model in stacked.values()}) == len(rows)
    for chosen in ([rows[0]], [rows[3]], [rows[5], rows[2]], rows[::-1]):
        for key, model in grown(chosen, *rest).items():
            assert same(model, stacked[key])


@pytest.mark.parametrize("settings", MIXED, ids=lambda settings: "+".join(settings[0]))
def test_a_row_that_rested_ends_with_the_same_bits_in_other_company(settings):
    rows, *rest = case_of(settings)
    straight = grown(rows, *rest)
    (before,) = begin(rows, *rest)
    assert before.train(4, never)
    state = state_of(before, before.began)
    for part in ([rows[4]], [rows[5], rows[0], rows[1]]):
        (after,) = begin(part, *rest)
        restore(after, [state])
        assert after.train(100, never)
        for model in after.began:
            assert same(model, straight[model.row.candidate, model.row.fold])


SGD, ADAM = BASE["optimizer"], {"kind": "adam", "lr": 0.01}
RMS = {"kind": "rmsprop", "lr": 0.01}
CYCLES = {"kind": "cyclical", "period": 2}
CLASSES = [
    {"optimizer": SGD | {"dampening": 0.3}},
    {"optimizer": ADAM},
    *[{"optimizer": ADAM | change} for change in ({"beta1": 0.5}, {"beta2": 0.9}, {"eps": 1e-2}, {"amsgrad": True})],
    {"optimizer": ADAM | {"kind": "adamw"}},
    *[
        {"optimizer": ADAM | {"kind": "adamw"} | change}
        for change in ({"beta1": 0.5}, {"beta2": 0.9}, {"eps": 1e-2}, {"amsgrad": True}, {"weight_decay": 0.5})
    ],
    {"optimizer": RMS},
    *[
        {"optimizer": RMS | change}
        for change in ({"alpha": 0.9}, {"momentum": 0.5}, {"centered": True}, {"eps": 1e-2}, {"l2": 0.1})
    ],
    {"optimizer": {"kind": "adagrad"}},
    *[
        {"optimizer": {"kind": "adagrad"} | change}
        for change in ({"lr_decay": 0.1}, {"initial": 0.1}, {"eps": 1e-2}, {"l2": 0.1})
    ],
    {"schedule": CYCLES},
    {"schedule": CYCLES | {"mode": "triangular2"}},
    {"schedule": CYCLES | {"mode": "exp_range"}},
    {"schedule": CYCLES | {"mode": "exp_range", "by": 0.5}},
    {"schedule": "cosine"},
    {"schedule": {"kind": "cosine", "lowest": 0.1}},
    {"schedule": "flat_cosine"},
    {"schedule": {"kind": "flat_cosine", "flat": 0.2}},
    {"schedule": "coslog4"},
    {"schedule": "one_cycle"},
    *[
        {"schedule": {"kind": "one_cycle"} | change}
        for change in ({"rise": 0.5}, {"first": 0.5}, {"last": 0.5}, {"shape": "linear"})
    ],
    {"warmup": 1.5},
    {"clip_norm": 0.1},
    {"clip_norm": 0.2},
    {"averaging": "ema"},
    {"averaging": {"kind": "ema", "decay": 0.5}},
    {"averaging": "swa"},
    {"averaging": {"kind": "swa", "begin": 0.2}},
    {"class_weights": "balanced"},
    {"loss": "mse"},
    {"loss": "focal"},
    {"loss": {"kind": "focal", "gamma": 0.5}},
    *[{"loss": loss, "label_smoothing": 0.1} for loss in ("cross_entropy", "focal", "mse")],
]
NUMBERS = [
    {"loss": "mse"},
    {"loss": "mae"},
    {"loss": "huber"},
    {"loss": {"kind": "huber", "delta": 0.2}},
    {"loss": {"kind": "quantile", "level": 0.2}},
    {"loss": {"kind": "quantile", "level": 0.8}},
]


@pytest.mark.parametrize(("options", "outputs"), [([{}, *CLASSES], 3), (NUMBERS, 1)], ids=["classes", "numbers"])
def test_every_setting_changes_the_weights(options, outputs):
    data = resident(num_folds=1, num_classes=outputs)
    seen = {}
    for settings in options:
        training = TrainingSpec(**BASE | settings)
        loss = "cross_entropy" if training.loss == "auto" else training.loss.kind
        weights = grown(rows_with([training]), data, outputs, loss)[0, 0].best_P.numpy().tobytes()
        assert weights not in seen, f"{settings} is the same as {seen[weights]}"
        seen[weights] = settings


def test_rows_weigh_what_they_weigh():
    """A row of weight 2 beside others of weight 1 is that row twice."""
    data = in_double(resident(num_folds=1, num_rows=50))
    (row,) = rows_with([TrainingSpec(**BASE | {"batch_size": "full"})], {"layers": 1, "width": 8})
    twice = type(data)(**{**data.__dict__, "fit": (torch.cat([data.fit[0], data.fit[0][:5]]),)})
    weight = torch.ones(len(data.x_M), dtype=torch.float64)
    weight[data.fit[0][:5]] = 2.0
    heavy = type(data)(**{**data.__dict__, "weight_M": weight})
    found = [grown([row], it)[0, 0].best_P for it in (twice, heavy, data)]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-12)
    assert (found[1] - found[2]).abs().max() > 1e-4


def test_numbers_differ_inside_a_population_and_kinds_and_switches_do_not():
    def of(**training):
        return structure({"network": {"kind": "mlp"}, "preprocess": {}, "training": training})

    base = {"optimizer": {"kind": "adam"}, "loss": "focal", "averaging": "ema"}
    numbers = [
        {"optimizer": {"kind": "adam", "lr": 0.5, "beta1": 0.1, "beta2": 0.2, "eps": 1.0, "l2": 0.1}},
        {"loss": {"kind": "focal", "gamma": 0.3}},
        {"averaging": {"kind": "ema", "decay": 0.1}},
        {"schedule": "one_cycle", "warmup": 3.0},
        {"epochs": 5},
        {"clip_norm": 1.0, "class_weights": "balanced", "label_smoothing": 0.2, "l1": 0.1},
    ]
    assert {of(**base), *(of(**base | change) for change in numbers)} == {of(**base)}
    kinds = [
        {"optimizer": {"kind": "adam", "amsgrad": True}},
        {"optimizer": "adamw"},
        {"optimizer": {"kind": "rmsprop"}},
        {"optimizer": {"kind": "rmsprop", "centered": True}},
        {"optimizer": {"kind": "sgd"}},
        {"optimizer": {"kind": "sgd", "nesterov": False}},
        {"loss": "cross_entropy"},
        {"averaging": "swa"},
        {"averaging": "none"},
        {"batch_size": 3},
    ]
    assert len({of(**base), *(of(**base | change) for change in kinds)}) == len(kinds) + 1


def test_every_technique_can_be_searched():
    """Through the notation of params.yaml and the walk that Optuna answers, to settled settings."""
    written = {
        "loss": {"choose": ["auto", {"kind": "focal", "gamma": {"low": 0.0, "high": 3.0}}]},
        "optimizer": {"kind": "adamw", "beta2": {"choose": [0.95, 0.999]}, "amsgrad": {"choose": [True, False]}},
        "schedule": {"choose": ["one_cycle", {"kind": "cyclical", "mode": {"choose": ["triangular", "exp_range"]}}]},
        "warmup": {"low": 0.0, "high": 5.0},
        "clip_norm": {"choose": ["none", {"low": 0.1, "high": 10.0, "log": True}]},
        "averaging": {"choose": ["none", {"kind": "ema", "decay": {"low": 0.9, "high": 0.999}}, "swa"]},
        "class_weights": {"choose": ["none", "balanced"]},
    }
    space = Group(fields={"training": parse_space(written, TrainingSpec)})
    for place in (0, -1):
        asked = {}

        def ask(path, parameter, place=place, asked=asked):
            ends = parameter if isinstance(parameter, tuple) else (parameter.low, parameter.high)
            asked[path] = ends[place]
            return ends[place]

        training = TrainingSpec.model_validate(settle(space, ask)["training"])
        assert {path.split(".")[1] for path in asked} >= written.keys()
        assert (training.loss == "auto") == (training.clip_norm == "none") == (place == 0)
        assert getattr(training.averaging, "kind", "none") == ("none" if place == 0 else "swa")
        assert training.schedule.kind == ("one_cycle" if place == 0 else "cyclical")


MEMBERS = [
    ("wine", "log_loss", {"averaging": "ema", "loss": "focal", "class_weights": "balanced", "clip_norm": 1.0}),
    ("diabetes", "rmse", {"averaging": "swa", "loss": {"kind": "huber", "delta": 0.5}, "schedule": "coslog4"}),
]


@pytest.mark.parametrize(("name", "metric", "training"), MEMBERS, ids=["wine", "diabetes"])
def test_a_member_predicts_with_the_averaged_weights_it_was_judged_by(name, metric, training, tmp_path):
    table = example(name)
    folds = folds_of(table, 2)
    task = Task(candidates=(candidate(3, {"batch_norm": True}, training),), until=None)
    outcome = in_process(tmp_path, table, folds, metric)(task).outcome
    assert outcome.state == "complete", outcome
    member = load_network(outcome.folder)
    for fold, part in zip(folds, member.folds, strict=True):
        alone = replace(member, folds=(part,)).predict(table, fold.score_rows)
        np.testing.assert_allclose(alone, member.oof.values_nC[fold.score_rows], rtol=1e-4, atol=1e-5)
