"""The multilayer perceptron: against torch's modules, and that every setting does what it says."""

import subprocess
import sys

import pytest
import torch
from numpy.random import SFC64
from torch import nn

from components.networks import describe
from components.networks.activations import FUNCTIONS
from components.networks.initialization import initialize
from components.networks.mlp import MLP
from components.networks.network import Inputs, TrainingPass
from components.networks.registry import KINDS, read_spec

MODULES = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def begun(spec, num_inputs=6, num_outputs=3, num_models=2):
    network = spec.build(Inputs(shape=(num_inputs,)), num_outputs)
    parameters = network.parameters.zeros(num_models, torch.float32, torch.device("cpu"))
    buffers = network.buffers.zeros(num_models, torch.float32, torch.device("cpu"))
    for k in range(num_models):
        network.initialize(
            spec,
            network.parameters.views(parameters[k : k + 1]),
            network.buffers.views(buffers[k : k + 1]),
            torch.Generator().manual_seed(k),
        )
    return network, network.parameters.views(parameters), network.buffers.views(buffers)


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_predicts_what_torchs_modules_predict(activation, batch_norm):
    spec = MLP(layers=2, width=8, activation=activation, batch_norm=batch_norm)
    network, parameters, buffers = begun(spec)
    for view in buffers.values():
        view.add_(torch.rand(view.shape, generator=torch.Generator().manual_seed(3)))
    x = torch.randn(2, 10, 6, generator=torch.Generator().manual_seed(9))
    found = network.forward(parameters, buffers, x, None)
    assert found.shape == (2, 10, 3)
    for k in range(2):
        h = x[k]
        for layer in range(3):
            h = nn.functional.linear(h, parameters[f"{layer}.weight"][k], parameters[f"{layer}.bias"][k])
            if layer == 2:
                break
            if batch_norm:
                mean, variance, scale, shift = (
                    views[f"{layer}.norm.{name}"][k]
                    for views, name in (
                        (buffers, "mean"),
                        (buffers, "variance"),
                        (parameters, "scale"),
                        (parameters, "shift"),
                    )
                )
                h = nn.functional.batch_norm(h, mean, variance, scale, shift)
            h = MODULES[activation]()(h)
        torch.testing.assert_close(found[k], h, rtol=1e-5, atol=1e-5)


def test_dropout_is_noise_of_training_alone():
    network, parameters, buffers = begun(MLP(layers=1, width=32))
    x = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(9))
    training = TrainingPass(
        settings={"dropout": (0.5, 0.0)},
        generators=[SFC64(k) for k in range(2)],
        weight_KB=None,
        steps=(0, 0),
        active=(True, True),
    )
    noisy = network.forward(parameters, buffers, x, training)
    plain = network.forward(parameters, buffers, x, None)
    assert not torch.allclose(noisy[0], plain[0])
    assert torch.equal(noisy[1], plain[1])


def test_initializations_have_the_variance_that_their_papers_give():
    weight = torch.zeros(300, 100)
    for scheme, variance in (("he", 2 / 100), ("xavier", 2 / 400), ("lecun", 1 / 100)):
        initialize(scheme, weight, torch.Generator().manual_seed(0))
        assert weight.var().item() == pytest.approx(variance, rel=0.05)
    for shape in ((30, 10), (10, 30), (8, 8)):
        weight = torch.zeros(shape)
        initialize("orthogonal", weight, torch.Generator().manual_seed(0))
        product = weight.T @ weight if shape[0] >= shape[1] else weight @ weight.T
        torch.testing.assert_close(product, 2 * torch.eye(min(shape)), atol=1e-5, rtol=0)


def test_cost_and_table_by_hand():
    spec = MLP(layers=2, width=16, batch_norm=True, dropout=0.1, activation="tanh")
    assert spec.build(Inputs(shape=(10,)), 3).cost() == 10 * 16 + 16 * 16 + 16 * 3
    rows = describe(spec.model_dump(), Inputs(shape=(10,)), 3)
    assert [row["layer"] for row in rows] == [
        "hidden 1: linear",
        "hidden 1: batch norm",
        "hidden 1: tanh",
        "hidden 1: dropout 0.1",
        "hidden 2: linear",
        "hidden 2: batch norm",
        "hidden 2: tanh",
        "hidden 2: dropout 0.1",
        "output: linear",
    ]
    assert rows[0] == {"layer": "hidden 1: linear", "shape": [10, 16], "parameters": 176}
    assert rows[-1] == {"layer": "output: linear", "shape": [16, 3], "parameters": 51}
    assert sum(row["parameters"] for row in rows) == spec.build(Inputs(shape=(10,)), 3).parameters.num_values


def test_every_kind_is_read_from_settled_settings():
    for kind in KINDS:
        assert read_spec({"kind": kind}).kind == kind


def test_a_table_without_columns_still_has_a_network():
    network, parameters, buffers = begun(MLP(layers=1, width=4), num_inputs=0)
    assert network.forward(parameters, buffers, torch.zeros(2, 5, 0), None).shape == (2, 5, 3)


def test_reading_settings_loads_nothing_heavy():
    code = (
        "import sys; import components.training.spec, components.training.structure, components.training.portfolio;"
        "from components.networks import describe; from components.networks.network import Inputs;"
        "describe({'kind': 'mlp'}, Inputs(shape=(3,)), 2);"
        "import components.training.evaluate;"
        "print([name for name in ('torch', 'sklearn', 'xgboost', 'optuna', 'prefect', 'dvc') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
