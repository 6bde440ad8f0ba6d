"""Batches: every row once an epoch, padding with weight 0, early stopping of one model."""

import math

import torch

from components.training.batches import Batches, batch_of, chunk_of, padded_rows
from components.training.early_stopping import Judgement
from components.training.spec import EarlyStopping


def generators(count):
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_each_model_sees_each_of_its_rows_once_an_epoch():
    fits = [torch.arange(100, 170), torch.arange(200, 271)]
    batches = Batches(fits, [32, 32])
    random = generators(2)
    orders = [batches.shuffle(random).clone() for _ in range(2)]
    assert orders[0].shape == (2, 3, 32)
    for order in orders:
        for model, rows in enumerate(fits):
            seen = order[model][batches.weight_KTB[model] > 0]
            assert sorted(seen.tolist()) == rows.tolist()
    assert not torch.equal(*orders)
    assert batches.weight_KTB[0, 2].sum() == 70 - 64
    assert batches.share_KTB[0, 2].max() == 1 / 6
    assert batches.padded == [False, False, True]


def test_a_model_with_fewer_steps_rests_in_the_last():
    batches = Batches([torch.arange(32), torch.arange(33)], [32, 32])
    assert batches.num_steps == [1, 2]
    assert batches.active == [(True, True), (False, True)]
    assert batches.share_KTB[0, 1].sum() == 0


def test_a_batch_that_is_no_multiple_of_32_is_padded():
    batches = Batches([torch.arange(100)], [50])
    assert batches.size == 64
    assert batches.weight_KTB.sum(2).tolist() == [[50.0, 50.0]]


def test_batch_sizes():
    assert batch_of("full", 455) == 455
    assert batch_of(512, 455) == 455
    assert batch_of(1, 455) == 1
    assert chunk_of(91) == 96
    assert chunk_of(512) == 512
    assert chunk_of(513) == 288  # two parts, not 512 and one row with 511 of padding
    assert chunk_of(1029) == 352
    assert chunk_of(10**6) == 512


def test_rows_of_prediction_are_padded_to_whole_chunks():
    found = padded_rows([torch.tensor([5, 6, 7]), torch.tensor([9])], 2)
    assert found.tolist() == [[5, 6, 7, 5], [9, 9, 9, 9]]


def test_the_best_epoch_is_kept_and_patience_counts_from_the_last_gain():
    stopping = EarlyStopping(patience=2, min_gain=0.1)
    judgement = Judgement()
    kept = []
    for loss in (1.0, 0.5, 0.45, 0.44):
        assert not judgement.is_over(stopping)
        kept.append(judgement.add(stopping, loss, loss / 2, loss))
    assert kept == [True, True, True, True]  # better weights are kept, though the last two are no gain
    assert judgement.is_over(stopping)
    assert (judgement.best_epoch, judgement.last_gain, judgement.train[-1]) == (4, 2, 0.22)


def test_a_tie_is_decided_by_the_loss():
    judgement = Judgement()
    stopping = EarlyStopping(patience=9)
    assert judgement.add(stopping, 0.1, 0.0, 0.7)
    assert judgement.add(stopping, 0.1, 0.0, 0.6)
    assert not judgement.add(stopping, 0.1, 0.0, 0.65)
    assert judgement.best == (0.1, 0.6)


def test_without_early_stopping_the_last_epoch_counts():
    judgement = Judgement()
    assert all(judgement.add(None, loss, loss, loss) for loss in (0.1, 0.9, 2.0))
    assert judgement.best_epoch == 3
    assert not judgement.is_over(None)
    assert not math.isinf(judgement.best[0])
