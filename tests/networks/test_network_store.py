"""The flat store: places, views, and what is saved."""

import numpy as np
import torch

from components.networks.mlp import MLP
from components.networks.network import Inputs
from components.networks.store import LARGEST, Layout, Slot, aligned, as_saved

LAYOUT = Layout([Slot(name="a", shape=(3, 5), penalised=True), Slot(name="b", shape=(17,)), Slot(name="c", shape=(2,))])


def test_every_tensor_begins_at_a_multiple_of_16():
    assert LAYOUT.offsets == (0, 16, 48)
    assert LAYOUT.size == 64
    assert LAYOUT.num_values == 15 + 17 + 2
    assert [aligned(count) for count in (0, 1, 16, 17)] == [0, 16, 16, 32]


def test_views_are_the_buffer():
    flat = LAYOUT.zeros(2, torch.float32, torch.device("cpu"))
    views = LAYOUT.views(flat)
    assert {name: tuple(view.shape) for name, view in views.items()} == {"a": (2, 3, 5), "b": (2, 17), "c": (2, 2)}
    views["b"][1].fill_(7.0)
    assert flat[1, 16:33].tolist() == [7.0] * 17
    assert flat.sum() == 17 * 7


def test_l1_counts_weights_alone():
    assert LAYOUT.penalised(torch.device("cpu")).nonzero().flatten().tolist() == list(range(15))


def test_what_is_saved_has_no_padding_and_comes_back():
    flat = torch.arange(64.0)
    tensors = LAYOUT.split(flat)
    assert sum(tensor.numel() for tensor in tensors.values()) == LAYOUT.num_values
    again = LAYOUT.views(LAYOUT.join(tensors).unsqueeze(0))
    for name, view in LAYOUT.views(flat.unsqueeze(0)).items():
        assert torch.equal(again[name], view)


def test_saved_in_half_precision_and_nothing_becomes_infinite():
    weights = torch.tensor([1.0, -0.1, 1e-9, 7e4, -1e9, float("nan")])
    found = as_saved(weights)
    assert found.dtype == torch.float16
    assert found[:5].tolist() == [1.0, float(np.float16(-0.1)), 0.0, LARGEST, -LARGEST]
    assert found[5].isnan(), "a model that is lost is seen to be"
    assert as_saved(found) is found


def test_a_network_without_batch_norm_has_no_buffers():
    assert MLP().build(Inputs(shape=(4,)), 2).buffers.size == 0
    assert MLP(batch_norm=True, width=16).build(Inputs(shape=(4,)), 2).buffers.num_values == 3 * 2 * 16
