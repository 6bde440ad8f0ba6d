"""Rows that move all at once, as on a GPU, move as they do one by one."""

import pytest
import torch
from test_techniques import BASE, rows_with
from training_case import begin, resident

from components.training.averaging import Averages
from components.training.moves import RowMoves, Stack, StackMoves
from components.training.spec import TrainingSpec

OPTIMIZERS = {
    "sgd": [{"momentum": 0.0}, {"dampening": 0.2}, {"l2": 0.1}],
    "adam": [{"beta1": 0.5}, {"beta2": 0.9}, {"l2": 0.1}],
    "adamw": [{"weight_decay": 0.0}, {"eps": 1e-3}, {"lr": 0.05}],
    "rmsprop": [{"alpha": 0.9}, {"momentum": 0.5}, {"l2": 0.1}],
    "adagrad": [{"lr_decay": 0.1}, {"initial": 0.3}, {"l2": 0.1}],
}
OWN = [
    {"l1": 0.01, "clip_norm": 0.5, "warmup": 2.0, "averaging": {"kind": "ema", "decay": 0.5}},
    {"l1": 0.0, "clip_norm": "none", "schedule": "one_cycle", "averaging": {"kind": "ema", "decay": 0.99}},
    {"l1": 0.1, "clip_norm": 9.0, "schedule": "cosine", "averaging": {"kind": "ema", "decay": 0.0}},
]
ACTIVE = [(True, True, True), (True, False, True), (True, False, False)]
COUNTS = [3, 1, 2]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_all_at_once_is_row_by_row(kind):
    trainings = [
        TrainingSpec(**BASE | own | {"epochs": 9, "optimizer": {"kind": kind, "lr": 0.01} | changes})
        for own, changes in zip(OWN, OPTIMIZERS[kind], strict=True)
    ]
    ends = []
    for moves_kind in (RowMoves, StackMoves):
        data = resident(num_folds=1)
        data = type(data)(**{**data.__dict__, "x_M": data.x_M.double()})
        (population,) = begin(rows_with(trainings), data, 3, "cross_entropy")
        averages = Averages(population.parameters_KP, population.buffers_KQ)
        averages.follow(population.parameters_KP, population.buffers_KQ)
        stack = Stack(
            models=population.models,
            parameters_KP=population.parameters_KP,
            gradients_KP=torch.zeros_like(population.parameters_KP),
            states=population.states,
            penalised_P=population.network.parameters.penalised(torch.device("cpu")).double(),
            averages=averages,
            active=ACTIVE,
        )
        moves = moves_kind(stack)
        generator = torch.Generator().manual_seed(0)
        for epoch in range(9):
            moves.begin_epoch(stack.rates(epoch, COUNTS))
            for step in range(3):
                noise = torch.randn(stack.gradients_KP.shape, generator=generator, dtype=torch.float64)
                stack.gradients_KP.copy_(noise)
                population.buffers_KQ.add_(0.1)
                moves.make(step)
        assert moves.made == [27, 9, 18]
        assert [int(model.num_steps) for model in population.models] == moves.made
        ends.append((population.parameters_KP, averages.parameters_KP, averages.buffers_KQ))
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
