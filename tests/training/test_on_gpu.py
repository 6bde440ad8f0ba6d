"""What only a GPU can tell: graphs against the steps they captured, precisions, noise. Elsewhere all is skipped.

Needs torch, numpy, pydantic and what `training_case.py` imports: `python -m pytest --noconftest
tests/training/test_on_gpu.py` runs without the rest of the project's libraries.
"""

from dataclasses import replace

import pytest
import torch
from tape import ByItself
from test_every_network import EVERY, data_of, inputs_of
from test_every_network import rows_of as rows_of_kind
from test_graph import SHORT, TRAININGS
from training_case import begin, grown, never, resident, rows_of, same

from components.networks import products
from components.networks.counted import Counted
from components.training import graph, stepper
from components.training.device import make_ready

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def on_gpu(data):
    return replace(data, x_M=data.x_M.cuda(), y_M=data.y_M.cuda())


@pytest.mark.parametrize("kind", EVERY)
def test_on_a_gpu_a_graph_trains_as_the_steps_it_captured(kind, monkeypatch):
    make_ready("cuda")
    monkeypatch.setattr(graph, "STEPS_BEFORE", 3)
    rows, data, inputs = rows_of_kind(kind, (4, 6)), on_gpu(data_of(kind)), inputs_of(kind)
    (population,) = begin(rows, data, 2, "cross_entropy", inputs)
    assert population.train(4, never)
    assert population.stepper.not_captured is None
    assert population.train(100, never)
    monkeypatch.setattr(stepper, "recorder_on", lambda device: ByItself())
    eager = grown(rows, data, 2, inputs=inputs)
    for model in population.began:
        other = eager[model.row.candidate, model.row.fold]
        torch.testing.assert_close(model.best_P, other.best_P, rtol=1e-3, atol=1e-4)
        if kind == "mlp":  # others have kernels that add up in any order
            assert same(model, other)


@pytest.mark.parametrize("training", TRAININGS, ids=str)
def test_on_a_gpu_every_technique_is_captured(training, monkeypatch):
    make_ready("cuda")
    monkeypatch.setattr(graph, "STEPS_BEFORE", 1)
    data, loss = on_gpu(resident()), training.get("loss", "cross_entropy")
    rows = rows_of(2, 3, {"layers": 2, "width": 16, "batch_norm": True}, SHORT | training)
    found = grown(rows, data, loss=loss)
    monkeypatch.setattr(stepper, "recorder_on", lambda device: ByItself())
    for key, model in grown(rows, data, loss=loss).items():
        assert same(model, found[key])


def test_counted_noise_is_the_same_on_a_gpu():
    ends = []
    for device in ("cpu", "cuda"):
        noise = Counted([1, 2**63 - 1], torch.device(device))
        noise.begin(torch.tensor([[5.0], [7.0]], device=device))
        ends.append(noise.kept((2, 32, 33), (0.3, 0.6), torch.float32).cpu())
    assert torch.equal(*ends)


def test_on_a_gpu_float32_is_exact_and_the_others_are_what_they_are_called():
    make_ready("cuda")
    a, b = torch.randn(4, 256, 256, device="cuda"), torch.randn(4, 256, 256, device="cuda")
    exact = torch.bmm(a.double(), b.double())
    error = {}
    for precision in ("float32", "tf32", "bfloat16"):
        with products.made_in(precision):
            error[precision] = (products.bmm(a, b) - exact).abs().max().item()
    assert error["float32"] < 1e-3 < error["tf32"] < error["bfloat16"]
