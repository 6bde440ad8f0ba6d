"""Recurrent networks: how their gates and states begin."""

import pytest
import torch

from components.networks.gru import GRU
from components.networks.lstm import LSTM
from components.networks.network import Inputs
from components.networks.rnn import RNN

WIDTH = 24
GATES = {RNN: 1, GRU: 3, LSTM: 4}


def first(spec):
    network = spec.build(Inputs(shape=(5, 6)), 3)
    flat = network.parameters.zeros(1, torch.float32, torch.device("cpu"))
    network.initialize(spec, network.parameters.views(flat), {}, torch.Generator().manual_seed(0))
    return {name: view[0] for name, view in network.parameters.views(flat).items()}


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_every_gate_begins_as_a_matrix_of_its_own(kind):
    """A state that goes through its weights many times neither grows nor fades: rows of length 1 at right angles."""
    found = first(kind(width=WIDTH))["0.forward.state.weight"]
    gates = found.view(-1, WIDTH, WIDTH)
    assert len(gates) == GATES[kind]
    for gate in gates:
        torch.testing.assert_close(gate @ gate.T, torch.eye(WIDTH), atol=1e-5, rtol=0)
    limit = (6 / (6 + WIDTH)) ** 0.5  # xavier, by the outputs of one gate
    inputs = first(kind(width=WIDTH))["0.backward.input.weight"]
    assert 0.9 * limit < inputs.abs().max() <= limit


@pytest.mark.parametrize("scheme", ["he", "xavier", "lecun"])
def test_weights_from_state_to_state_have_a_setting_of_their_own(scheme):
    found = first(GRU(width=WIDTH, recurrent_initialization=scheme))
    variance = {"he": 2 / WIDTH, "xavier": 1 / WIDTH, "lecun": 1 / WIDTH}[scheme]
    assert found["0.forward.state.weight"].var().item() == pytest.approx(variance, rel=0.15)
    assert torch.equal(found["0.forward.input.weight"], first(GRU(width=WIDTH))["0.forward.input.weight"])


def test_the_forget_gate_begins_open():
    found = first(LSTM(width=WIDTH, layers=2))
    for name, values in found.items():
        if name.endswith("input.bias"):
            assert values.view(4, WIDTH)[1].tolist() == [1.0] * WIDTH
            assert not values.view(4, WIDTH)[[0, 2, 3]].any()
