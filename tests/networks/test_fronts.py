"""What stands before the first layer of a network on a table, and rates of single layers: what the contract of all
networks does not ask."""

import numpy as np
import pytest
import torch

from components.networks.network import Inputs
from components.networks.number_maps import bins
from components.networks.registry import read_spec
from components.networks.scaled import linear_of
from components.training.structure import structure


def begun(settings, inputs, sample=None):
    """One model in float32."""
    spec = read_spec({"kind": "mlp", "layers": 1, "width": 6, **settings})
    network = spec.build(inputs, 2)
    flat, flat_buffers = (
        layout.zeros(1, torch.float32, torch.device("cpu")) for layout in (network.parameters, network.buffers)
    )
    parameters, buffers = network.parameters.views(flat), network.buffers.views(flat_buffers)
    network.initialize(spec, parameters, buffers, torch.Generator().manual_seed(0), sample)
    return network, flat, parameters, buffers


def test_inputs_say_what_a_column_is():
    assert Inputs(shape=(5,)).numbers == 5
    assert Inputs(shape=(5,), codes=(3,)).numbers == 4
    assert Inputs(shape=(9,), numbers=4, codes=(3, 5)).flags == 3
    assert Inputs(shape=(7, 5)).numbers == 0
    with pytest.raises(ValueError, match="no row of"):
        Inputs(shape=(3,), numbers=3, codes=(2,))


def test_bins_have_as_many_rows_each_and_none_where_a_value_repeats():
    sample = torch.stack([torch.arange(33.0) ** 2, torch.full((33,), 7.0), (torch.arange(33) > 3).float()], dim=1)
    edge, slope = bins(sample, 16)
    assert torch.equal(edge[0], (torch.arange(0, 32, 2.0) ** 2).double())
    torch.testing.assert_close(slope[0], 1 / torch.diff(torch.arange(0, 33, 2.0) ** 2).double())
    assert not slope[1].any()  # a constant has no bin with a width
    assert np.flatnonzero(slope[2].numpy()).tolist() == [1]  # two values: one bin
    x = torch.tensor([-5.0, 0.0, 2.0, 4.0, 1024.0, 5000.0]).double()
    shares = ((x[:, None] - edge[0]) * slope[0]).clamp(0, 1).sum(1)
    torch.testing.assert_close(shares, torch.tensor([0.0, 0.0, 0.5, 1.0, 16.0, 16.0]).double())


def test_bins_are_those_of_the_sample_and_are_not_trained():
    inputs = Inputs(shape=(2,))
    sample = torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    network, _, parameters, buffers = begun({"numbers": "piecewise"}, inputs, sample)
    _, _, _, shifted = begun({"numbers": "piecewise"}, inputs, sample + 3)
    torch.testing.assert_close(shifted["numbers.bins"][:, 0], buffers["numbers.bins"][:, 0] + 3, rtol=0, atol=1e-5)
    assert {name for name in parameters if name.startswith("numbers.")} == {"numbers.weight", "numbers.bias"}
    assert network.table()[0] == {"layer": "numbers: piecewise", "shape": [2, 16], "parameters": 2 * 7 * 33}


def test_larger_sigma_begins_with_finer_waves_and_shares_a_population():
    found = {}
    for sigma in (0.1, 1.0):
        numbers = {"kind": "periodic", "sigma": sigma}
        found[sigma] = begun({"numbers": numbers}, Inputs(shape=(3,)))[2]["numbers.frequency"]
    torch.testing.assert_close(found[1.0], 10 * found[0.1])
    specs = [
        {"network": {"kind": "mlp", "numbers": numbers}, "preprocess": {}, "training": {}}
        for numbers in ("periodic", {"kind": "periodic", "sigma": 2.0}, {"kind": "periodic", "waves": 32}, "plain")
    ]
    first, second, *others = [structure(spec) for spec in specs]
    assert first == second
    assert len({first, *others}) == 3


def test_a_category_enters_as_its_own_vector_and_an_unknown_one_as_nothing():
    inputs = Inputs(shape=(4,), numbers=1, codes=(3, 40))
    network, _, parameters, buffers = begun({"embedding": 64}, inputs)
    front, table = network._front, parameters["categories.vectors"][0]
    x = torch.tensor([[[0.5, 1.0, 2.0, 0.0], [0.5, 1.0, 0.0, 39.0]]])
    made = front.of(parameters, buffers, x)[0]
    assert made.shape == (2, front.width) == (2, 2 + 2 * 64)
    assert torch.equal(made[0, 2:], torch.cat([table[2], torch.zeros(64)]))
    assert torch.equal(made[1, 2:], torch.cat([torch.zeros(64), table[3 + 39]]))
    lengths = table.norm(dim=1)
    assert lengths[[0, 3]].tolist() == [0.0, 0.0]
    assert lengths[4:].mean().item() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("inputs", [Inputs(shape=(0,)), Inputs(shape=(2,), numbers=0), Inputs(shape=(1,), codes=(3,))])
@pytest.mark.parametrize("numbers", ["plain", "periodic", "piecewise"])
def test_a_table_without_numbers_has_nothing_to_make(inputs, numbers):
    settings = {"numbers": numbers, "front_scale": True, "parametrization": "ntk"}
    network, _, parameters, buffers = begun(settings, inputs, torch.zeros(4, inputs.size))
    assert not any(name.startswith("numbers.") for name in parameters)
    assert network.forward(parameters, buffers, torch.zeros(1, 5, inputs.size), None).shape == (1, 5, 2)


def test_adam_moves_scales_and_biases_at_rates_of_their_own():
    """A tenth of a unit of learning rate: what is used moves by `factor` times that, whatever its gradient."""
    inputs, rate = Inputs(shape=(9,)), 0.01
    x = torch.randn(1, 50, 9, generator=torch.Generator().manual_seed(2))
    settings = {"front_scale": True, "parametrization": "ntk", "parametric": True, "activation": "tanh"}
    network, flat, _, buffers = begun(settings, inputs)
    leaf = flat.clone().requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=rate)
    before = {name: view.clone() for name, view in network.parameters.views(flat).items()}
    network.forward(network.parameters.views(leaf), buffers, x, None)[..., 0].sum().backward()
    optimizer.step()
    after = network.parameters.views(leaf.detach())
    moved = {}
    for name, views in (("before", before), ("after", after)):
        weight, bias = linear_of(views, "0", "ntk")
        scale, mix = 6 * views["front.scale"], 0.1 * views["0.mix"]
        moved[name] = {"weight": weight, "bias": bias, "scale": scale, "mix": mix}
    torch.testing.assert_close(moved["before"]["scale"], torch.ones(1, 9))
    torch.testing.assert_close(moved["before"]["mix"], torch.ones(1, 6))
    for name, factor in {"weight": 1 / 3, "bias": 0.1, "scale": 6.0, "mix": 0.1}.items():
        steps = (moved["after"][name] - moved["before"][name]).abs()
        torch.testing.assert_close(steps, torch.full_like(steps, factor * rate), rtol=1e-3, atol=1e-6)


def test_ntk_and_scale_begin_where_a_plain_network_begins():
    inputs = Inputs(shape=(9,))
    x = torch.randn(1, 20, 9, generator=torch.Generator().manual_seed(2))
    found = []
    for settings in ({}, {"front_scale": True}, {"parametrization": "ntk"}, {"parametric": True}):
        network, _, parameters, buffers = begun(settings, inputs)
        found.append(network.forward(parameters, buffers, x, None))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("numbers", ["periodic", "piecewise"])
def test_many_rows_are_predicted_piece_by_piece_and_the_same(numbers):
    inputs = Inputs(shape=(5,), codes=(3,))
    network, _, parameters, buffers = begun({"numbers": numbers}, inputs, torch.randn(64, 5))
    x = torch.cat([torch.randn(1, 700, 4), torch.randint(3, (1, 700, 1)).float()], dim=2)
    with torch.no_grad():
        found = network.forward(parameters, buffers, x, None)
    torch.testing.assert_close(found, network.forward(parameters, buffers, x, None))
