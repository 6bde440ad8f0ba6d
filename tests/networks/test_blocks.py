"""The hand-written backward pass of a linear layer with its activation, against finite differences and autograd."""

import pytest
import torch

from components.networks.activations import FUNCTIONS
from components.networks.blocks import STEPS, Linear, linear


def parts(models=3, rows=5, inputs=4, outputs=6):
    generator = torch.Generator().manual_seed(3)
    return [
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((models, rows, inputs), (models, outputs, inputs), (models, outputs))
    ]


@pytest.mark.parametrize("activation", [None, *FUNCTIONS])
def test_gradients_are_those_of_finite_differences_and_of_autograd(activation):
    x, weight, bias = parts()
    assert torch.autograd.gradcheck(lambda x, *given: Linear.apply(x, *given, activation), (x, weight, bias))
    found = linear(x, weight, bias, activation)
    plain = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
    expected = plain if activation is None else FUNCTIONS[activation](plain)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)
    slopes = [torch.autograd.grad(out.square().sum(), (x, weight, bias)) for out in (found, expected)]
    for own, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(own, theirs, rtol=0, atol=1e-12)


def test_every_activation_has_a_linear():
    assert set(STEPS) == set(FUNCTIONS)


def test_rows_of_a_data_set_get_no_gradient():
    x, weight, bias = parts()
    rows = x.detach()
    (slope,) = torch.autograd.grad(linear(rows, weight, bias, "relu").sum(), [weight])
    assert slope.shape == weight.shape
    assert not rows.requires_grad
