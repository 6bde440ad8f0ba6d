"""Mish in few passes, against torch's: values, slopes, the ends of the line, pieces, and rows in any company."""

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional

from components.networks import mish
from components.networks.mish import Mish


def test_values_and_slopes_are_those_of_torch_in_double_precision():
    z = torch.linspace(-60, 60, 4001, dtype=torch.float64).requires_grad_()
    found, expected = mish.mish(z), functional.mish(z)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-300)
    slopes = [torch.autograd.grad(out.sum(), z)[0] for out in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=1e-14)


def test_gradients_are_those_of_finite_differences():
    z = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(Mish.apply, (z,))


@given(z=st.floats(-(2.0**96), 2.0**96, width=32))
@example(z=3e28)
@example(z=-3e28)
@example(z=44.5)
def test_single_numbers_of_any_size_have_the_answer_of_double_precision(z):
    own, slope = mish.forward(torch.tensor([z]), True)
    exact = torch.tensor([z], dtype=torch.float64).requires_grad_()
    expected = functional.mish(exact)
    bent = torch.autograd.grad(expected, exact)[0]
    torch.testing.assert_close(own[0], expected.detach().float()[0], rtol=2e-6, atol=1e-37)
    torch.testing.assert_close(slope, bent.float(), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 96, 160), (3, 32, 16), (0, 32, 16)])
def test_a_model_has_the_same_bits_in_any_company_and_where_pieces_end(shape):
    z = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    whole, slopes = mish.forward(z.clone(), True)
    for number, alone in enumerate(z):
        own, slope = mish.forward(alone.clone(), True)
        assert torch.equal(own, whole[number])
        assert torch.equal(slope, slopes[number])


def test_the_result_is_the_same_with_and_without_a_slope_and_in_other_memory():
    z = torch.randn(2, 64, 24, generator=torch.Generator().manual_seed(2))
    room = torch.empty_like(z)
    beside, _ = mish.forward(z, False, room=room)
    assert beside.data_ptr() == room.data_ptr()
    in_place = z.clone()
    assert mish.forward(in_place, True)[0].data_ptr() == in_place.data_ptr()
    assert torch.equal(in_place, beside)


def test_memory_in_another_order_gives_the_same_numbers():
    z = torch.randn(4, 8, 6, 6, generator=torch.Generator().manual_seed(3)).to(memory_format=torch.channels_last)
    torch.testing.assert_close(mish.mish(z), functional.mish(z))
