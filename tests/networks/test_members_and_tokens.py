"""TabM and FT-Transformer: what the contract of all networks does not ask."""

import math
from dataclasses import replace

import pytest
import torch
from network_contract import COLUMNS, MODELS, NOISE, Case, a_pass, begun, close, rows
from numpy.random import SFC64

from components.networks import members
from components.networks.network import Inputs
from components.networks.registry import read_spec

CPU = torch.device("cpu")


def first_adapters(settings, inputs, count=40):
    """As many first adapters as models, [K * m, E]."""
    network = read_spec({"kind": "tabm", **settings}).build(inputs, 2)
    found = []
    for model in range(count):
        parameters, buffers = (layout.zeros(1, torch.float32, CPU) for layout in (network.parameters, network.buffers))
        views = network.parameters.views(parameters)
        sample = torch.randn(50, inputs.size, generator=torch.Generator().manual_seed(1))
        network.initialize(
            network.spec, views, network.buffers.views(buffers), torch.Generator().manual_seed(model), sample
        )
        others = [view for name, view in views.items() if name.endswith(("before", "behind")) and name != "0.before"]
        assert all((view == 1).all() for view in others)
        found.append(views["0.before"][0])
    return torch.cat(found)


def test_members_begin_with_signs_of_their_own():
    found = first_adapters({"members": 8}, Inputs(shape=(10,)))
    assert (found.abs() == 1).all()
    assert abs(found.mean().item()) < 0.1
    assert len({tuple(row) for row in found.tolist()}) > 250


def test_what_stands_together_for_a_column_begins_alike():
    """Of 4 numbers (3 made of each), 3 flags and 2 categories of 3 numbers each: one normal number a column."""
    found = first_adapters({"members": 8, "embedding": 3, "numbers": {"kind": "piecewise", "size": 4}}, COLUMNS)
    assert found.shape == (320, 7 + 2 * 3 + 4 * 3)
    assert found.std().item() == pytest.approx(1, abs=0.1)
    for group in found[:, 7:].split(3, dim=1):
        assert (group == group[:, :1]).all()
    assert all(len({round(value, 5) for value in row}) == 7 + 2 + 4 for row in found.tolist())


def test_folded_into_weights_or_rows_is_the_same():
    generator = torch.Generator().manual_seed(0)

    def some(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()

    x, weight, r, s, bias = some(2, 3, 24, 24), some(2, 8, 24), some(2, 3, 24), some(2, 3, 8), some(2, 3, 8)
    upper = some(2, 3, 24, 8)
    for behind in (s, None):
        found = []
        for rows_of_one in (24, 12):  # fewer rows than inputs: into the rows
            parts = x.split(rows_of_one, dim=2)
            made = torch.cat([members.adapted(part, weight, r, behind, bias[:, :1], "tanh") for part in parts], dim=2)
            leaves = [leaf for leaf in (x, weight, r, behind, bias) if leaf is not None]
            found.append([made, *torch.autograd.grad(made, leaves, upper)])
        for one, other in zip(*found, strict=True):
            close(one, other)


def test_members_agree_on_the_mean_of_probabilities_and_of_values():
    outputs = torch.randn(2, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(members.agreed(outputs).exp(), outputs.softmax(3).mean(2))
    far = torch.tensor([[[[200.0, -200.0], [-200.0, 200.0]]]])
    torch.testing.assert_close(members.agreed(far), torch.full((1, 1, 2), math.log(0.5)))
    torch.testing.assert_close(members.agreed(outputs[..., :1]), outputs[..., :1].mean(2))


@pytest.mark.parametrize("kind", ["tabm", "ft_transformer"])
def test_a_table_without_columns_learns_the_shares(kind):
    case = Case({"kind": kind, "width": 8}, Inputs(shape=(0,)))
    network = case.network
    views = network.parameters.views(network.parameters.zeros(2, torch.float32, CPU))
    assert network.forward(views, {}, torch.zeros(2, 5, 0), None).shape == (2, 5, 3)


FT = Case({"kind": "ft_transformer", "layers": 2, "width": 8, "heads": 2}, COLUMNS)


def noisy(case, rates):
    training = a_pass()
    training.settings.update(rates)
    return begun(case).forward(rows(case), training)


def test_each_of_the_three_dropouts_makes_noise_of_its_own():
    plain = noisy(FT, {})
    found = [noisy(FT, {name: (0.5, 0.0, 0.5)}) for name in NOISE]
    for one in found:
        assert torch.equal(one[1], plain[1])
        assert not any(torch.allclose(one[model], plain[model], atol=1e-3) for model in (0, 2))
    assert not any(torch.equal(found[one][0], found[other][0]) for one in range(3) for other in range(one))


def test_dropout_of_attention_leaves_looks_out():
    """All looks left out but a few: what a row's class token gets of the others is that of few columns, scaled up."""
    wide = Case({"kind": "ft_transformer", "layers": 1, "width": 8, "heads": 2}, Inputs(shape=(60,)))
    plain = noisy(wide, {})  # by the fused kernel, which knows no noise
    means = torch.stack([noisy_mean(wide, seed) for seed in range(60)]).mean(0)
    assert (means - plain).abs().mean() < 0.1 * (plain - plain.mean(1, keepdim=True)).abs().mean() + 0.02


def noisy_mean(case, seed):
    training = replace(a_pass(), generators=[SFC64(model + 1000 * seed) for model in range(MODELS)])
    training.settings["attention_dropout"] = (0.1,) * MODELS
    return begun(case).forward(rows(case), training)


def test_the_last_layer_asks_for_the_class_token_alone():
    spec = read_spec({"kind": "ft_transformer", "layers": 1, "width": 16, "heads": 2})
    few, many = (spec.build(Inputs(shape=(size,)), 2).cost() for size in (4, 8))
    assert many - few == 4 * (2 * 16 * 16 + 2 * 16)  # keys and values of four columns, and one look at each
