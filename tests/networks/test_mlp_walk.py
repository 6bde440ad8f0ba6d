"""A perceptron walks back by itself (`mlp_walk.py`): to the same bits as autograd, whatever its layers are made of."""

import itertools

import pytest
import torch
from network_contract import COLUMNS, REAL, Case, walks_back_as_autograd_does

from components.networks.activations import FUNCTIONS

SWITCHES = ("batch_norm", "parametric", "residual")
KINDS = [dict(zip(SWITCHES, on, strict=True)) for on in itertools.product([False, True], repeat=3)]


def close(one, other):
    return torch.allclose(one, other, rtol=1e-5, atol=1e-5)  # of numbers around 10: the last bits of float32


@pytest.mark.parametrize("activation", list(FUNCTIONS))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(word for word in kind if kind[word]) or "plain")
def test_every_kind_of_layer(activation, kind):
    settings = {"kind": "mlp", "layers": 3, "width": 16, "activation": activation, **kind}
    # where it is not in one block with the product, autograd finds the slope of selu from what went in
    same = close if activation == "selu" and kind["batch_norm"] and not kind["parametric"] else torch.equal
    walks_back_as_autograd_does(Case(settings, COLUMNS), same)


@pytest.mark.parametrize(
    "settings", [{"parametrization": "ntk"}, {"front_scale": True}, {"numbers": "piecewise"}, REAL]
)
def test_what_autograd_makes_before_it(settings):
    walks_back_as_autograd_does(Case({"kind": "mlp", "layers": 2, "width": 16, **settings}, COLUMNS))
