"""Layers with a population axis against torch's layers, one model at a time."""

import pytest
import torch
from numpy.random import SFC64
from torch.nn import functional

from components.networks import batch_norm, blocks
from components.networks.dropout import dropout
from components.networks.network import TrainingPass

K, B, I, O = 3, 32, 7, 5  # noqa: E741


def numbers(*shape, seed=0, **more):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, **more)


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_linear_is_torchs_linear_for_each_model(outputs):
    x, weight, bias = numbers(K, B, I), numbers(K, outputs, I, seed=1), numbers(K, outputs, seed=2)
    found = blocks.linear(x, weight, bias)
    for k in range(K):
        torch.testing.assert_close(found[k], functional.linear(x[k], weight[k], bias[k]))


def normed(x, weight=None, steps=(0, 5, 50), active=(True, True, True), scale=None, shift=None):
    mean, variance = torch.zeros(K, O, dtype=x.dtype), torch.ones(K, O, dtype=x.dtype)
    scale = torch.ones(K, O, dtype=x.dtype) if scale is None else scale
    shift = torch.zeros(K, O, dtype=x.dtype) if shift is None else shift
    training = TrainingPass(settings={}, generators=[], weight_KB=weight, steps=steps, active=active)
    parameters, buffers = {"norm.scale": scale, "norm.shift": shift}, {"norm.mean": mean, "norm.variance": variance}
    return batch_norm.batch_norm("norm", parameters, buffers, x, training), mean, variance


def test_batch_norm_is_torchs_for_each_model_forward_and_backward():
    x = numbers(K, B, O, requires_grad=True)
    scale, shift = numbers(K, O, seed=1, requires_grad=True), numbers(K, O, seed=2, requires_grad=True)
    upper = numbers(K, B, O, seed=3)
    found = torch.autograd.grad(normed(x, scale=scale, shift=shift)[0], (x, scale, shift), upper)
    for k in range(K):
        expected = functional.batch_norm(x[k], None, None, scale[k], shift[k], training=True)
        wanted = torch.autograd.grad(expected, (x, scale, shift), upper[k])
        for gradient, want in zip(found, wanted, strict=True):
            torch.testing.assert_close(gradient[k], want[k])


def test_padding_in_a_batch_is_as_if_it_were_not_there():
    x = numbers(K, B, O, requires_grad=True)
    upper = numbers(K, B, O, seed=1)
    weight = torch.ones(K, B, dtype=x.dtype)
    weight[1, 20:] = 0  # the second model has a short batch
    upper[1, 20:] = 0
    found, mean, variance = normed(x, weight)
    alone = functional.batch_norm(x[1, :20], None, None, training=True)
    torch.testing.assert_close(found[1, :20], alone)
    (gradient,) = torch.autograd.grad(found, x, upper)
    (wanted,) = torch.autograd.grad(alone, x, upper[1, :20])
    torch.testing.assert_close(gradient[1], wanted[1])
    share = 1 / 6  # its sixth step
    torch.testing.assert_close(mean[1], share * x[1, :20].detach().mean(0))
    torch.testing.assert_close(variance[1], 1 - share + share * x[1, :20].detach().var(0))


def test_running_statistics_are_a_mean_at_first_then_move_by_a_tenth():
    x = numbers(K, B, O)
    _, mean, _ = normed(x, steps=(0, 1, 50))
    for k, share in enumerate((1.0, 0.5, 0.1)):
        torch.testing.assert_close(mean[k], share * x[k].mean(0))


def test_a_model_that_makes_no_step_keeps_its_statistics():
    x = numbers(K, B, O)
    weight = torch.ones(K, B, dtype=x.dtype)
    weight[2] = 0
    _, mean, variance = normed(x, weight, active=(True, True, False))
    assert mean[2].tolist() == [0.0] * O
    assert variance[2].tolist() == [1.0] * O


def test_batch_norm_of_one_row_is_finite():
    found, _, variance = normed(numbers(K, 1, O))
    assert torch.isfinite(found).all()
    assert torch.isfinite(variance).all()


def test_batch_norm_predicts_by_the_running_statistics():
    x, scale, shift = numbers(K, B, O), numbers(K, O, seed=1), numbers(K, O, seed=2)
    mean, variance = numbers(K, O, seed=3), numbers(K, O, seed=4).square()
    found = batch_norm.batch_norm_prediction(x, scale, shift, mean, variance)
    for k in range(K):
        torch.testing.assert_close(found[k], functional.batch_norm(x[k], mean[k], variance[k], scale[k], shift[k]))


def noisy(*rates, first=0):
    seeds = range(first, first + len(rates))
    draws, on = [SFC64(seed) for seed in seeds], (True,) * len(rates)
    return TrainingPass(settings={"dropout": rates}, generators=draws, weight_KB=None, steps=(0,) * len(on), active=on)


def test_dropout_drops_each_models_own_share_and_keeps_the_mean():
    h = torch.ones(K, 400, 50)
    found = dropout(h, noisy(0.0, 0.25, 0.5))
    assert torch.equal(found[0], h[0])
    for k, rate in ((1, 0.25), (2, 0.5)):
        assert (found[k] == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
        kept = found[k][found[k] != 0]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)))


def test_dropout_of_a_model_does_not_depend_on_its_neighbours():
    h = torch.ones(K, 20, 7)
    together = dropout(h, noisy(0.3, 0.0, 0.4))
    alone = dropout(h[2:], noisy(0.4, first=2))
    assert torch.equal(together[2], alone[0])


def test_dropout_of_almost_everything_is_finite():
    assert torch.isfinite(dropout(torch.ones(1, 20, 7), noisy(0.999999))).all()
