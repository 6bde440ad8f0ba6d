"""Convolutional networks: the stacked form for GPUs, dropout by channels, and how kernels begin."""

from dataclasses import replace

import pytest
import torch
from network_contract import CASES, MODELS, ROWS, a_pass, begun, close, rows, step

from components.networks.initialization import initialize

CONVOLUTIONAL = [case for case in CASES if case.spec.kind == "cnn"]


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("case", CONVOLUTIONAL, ids=str)
def test_all_models_at_once_give_what_each_gives_alone(case, padding):
    """Forwards, backwards and in the running statistics. This is the form that runs on a GPU."""
    x, weight = rows(case, torch.float64), None
    if padding:
        weight = torch.ones(MODELS, ROWS, dtype=torch.float64)
        weight[1, 20:] = 0
    stack, other = begun(case, torch.float64), begun(case, torch.float64)
    close(stack.network.folded(stack.views, stack.buffers, x, None), stack.forward(x))
    wanted = step(stack, x, a_pass(weight=weight))
    other.network.forward = other.network.folded
    found = step(other, x, a_pass(weight=weight))
    for values in (wanted, found):
        if weight is not None:  # those of padding have no meaning
            values[0] *= weight.unsqueeze(2)
    for one, two in zip(found, wanted, strict=True):
        close(one, two)


def test_dropout_leaves_out_whole_channels_of_each_row():
    case = next(case for case in CONVOLUTIONAL if case.settings.get("residual") and case.spec.batch_norm)
    network = case.network
    h = torch.ones(400, MODELS * 8, 3, 3)
    found = network._dropout(h, replace(a_pass(), settings={"dropout": (0.0, 0.25, 0.5)}))
    assert all(len(channel.unique()) == 1 for row in found[:20] for channel in row)
    for model, rate in enumerate((0.0, 0.25, 0.5)):
        own = found[:, model * 8 : (model + 1) * 8, 0, 0]
        assert (own == 0).float().mean().item() == pytest.approx(rate, abs=0.03)
        torch.testing.assert_close(own.max(), torch.tensor(1 / (1 - rate)))


def test_a_batch_of_one_pixel_is_finite():
    """Batch norm then has one number for each channel."""
    case = replace(CONVOLUTIONAL[0], settings={"kind": "cnn", "blocks": 4, "filters": 2})
    found = step(begun(case), rows(case, count=1), a_pass())
    assert all(torch.isfinite(values).all() for values in found)


def test_kernels_begin_with_the_variance_of_all_that_an_output_sees():
    kernel = torch.zeros(300, 3, 3, 20)
    for scheme, variance in (("he", 2 / 180), ("xavier", 2 / (180 + 2700)), ("lecun", 1 / 180)):
        initialize(scheme, kernel, torch.Generator().manual_seed(0))
        assert kernel.var().item() == pytest.approx(variance, rel=0.05)
    kernel = torch.zeros(10, 3, 3, 4)
    initialize("orthogonal", kernel, torch.Generator().manual_seed(0))
    torch.testing.assert_close(kernel.flatten(1) @ kernel.flatten(1).T, 2 * torch.eye(10), atol=1e-5, rtol=0)
