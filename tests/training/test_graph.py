"""A step that is captured and replayed trains as one that is made anew: on a tape here, as a CUDA graph on a GPU."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tape import ByItself, Tape
from test_every_network import EVERY, data_of, inputs_of
from test_every_network import rows_of as rows_of_kind
from test_techniques import BASE, rows_with
from training_case import begin, grown, never, resident, rows_of, same

from components.augmentation.policy import ImagePolicy
from components.networks import attention, cells, cnn, ft_transformer, lstm
from components.networks.counted import GOLDEN, Counted, mixed
from components.training import graph, stepper
from components.training.device import make_ready
from components.training.paused import restore, state_of
from components.training.spec import TrainingSpec

ON_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
SHORT = {"epochs": 4, "batch_size": 32, "early_stopping": {"patience": 2}}
TRAININGS = [
    {"optimizer": {"kind": "adamw", "weight_decay": 0.1}},
    {"optimizer": {"kind": "adam", "amsgrad": True, "l2": 0.01}},
    {"optimizer": {"kind": "sgd", "dampening": 0.1, "nesterov": False}, "schedule": "one_cycle", "warmup": 1.0},
    {"optimizer": {"kind": "sgd", "nesterov": True}, "schedule": {"kind": "step", "every": 1}},
    {"optimizer": {"kind": "rmsprop", "centered": True, "momentum": 0.5}, "schedule": "exponential"},
    {"optimizer": {"kind": "adagrad", "lr_decay": 0.1}, "schedule": "cyclical", "clip_norm": 0.1, "l1": 0.01},
    {"averaging": "ema", "schedule": "coslog4", "class_weights": "balanced"},
    {"averaging": "swa", "schedule": "flat_cosine", "loss": "focal"},
    {"batch_size": "full", "precision": "bfloat16"},
    {"early_stopping": {"patience": 1, "min_gain": 0.05}, "epochs": 12, "optimizer": {"kind": "sgd", "lr": 0.5}},
]


@pytest.fixture
def use(monkeypatch):
    """Let populations on the processor make their steps as on a GPU, by this recorder."""
    monkeypatch.setattr(graph, "STEPS_BEFORE", 1)
    return lambda recorder: monkeypatch.setattr(stepper, "recorder_on", lambda device: recorder)


@pytest.mark.parametrize("training", TRAININGS, ids=str)
def test_a_replayed_step_is_the_step(use, training):
    data = resident()
    loss = training.get("loss", "cross_entropy")
    rows = rows_of(2, 3, {"layers": 2, "width": 16, "batch_norm": True}, SHORT | training)
    use(ByItself())
    expected = grown(rows, data, loss=loss)
    tape = Tape()
    use(tape)
    for key, model in grown(rows, data, loss=loss).items():
        assert same(model, expected[key])
    assert tape.replays


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Networks take the ways on a processor that they take on a GPU: all models at once, no kernel for one alone."""
    together = SimpleNamespace(row_by_row=lambda forward, *more: forward(*more))
    for module in (cnn, ft_transformer):
        monkeypatch.setattr(module, "row_by_row", together)
    monkeypatch.setattr(attention, "FUSED_FROM", 0)
    monkeypatch.setattr(
        lstm,
        "_run",
        lambda x, weights, lengths, backwards: cells.run(lstm._cell, 2, x, weights, lengths, backwards=backwards),
    )


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("kind", EVERY)
def test_every_network_reads_nothing_on_the_host(use, kind):
    ends = []
    for recorder in (ByItself(), Tape()):
        use(recorder)
        ends.append(grown(rows_of_kind(kind, (3, 3)), data_of(kind), 2, inputs=inputs_of(kind)))
    for key, model in ends[0].items():
        assert same(model, ends[1][key])


def test_a_row_has_the_same_noise_alone_in_a_stack_and_after_a_rest(use):
    use(Tape())
    data = resident()
    rows = rows_of(2, 3, {"layers": 2, "width": 16}, SHORT | {"epochs": 6, "early_stopping": "none"})
    stacked = grown(rows, data)
    for chosen in ([rows[4]], list(reversed(rows))):
        for key, model in grown(chosen, data).items():
            assert same(model, stacked[key])
    (before,) = begin(rows, data, 3, "cross_entropy")
    assert before.train(2, never)
    states = {model.row: {name: one.clone() for name, one in state_of(before, model).items()} for model in before.began}
    (after,) = begin(rows[3:5], data, 3, "cross_entropy")
    restore(after, [states[row] for row in rows[3:5]])
    assert after.train(100, never)
    for model in after.began:
        assert same(model, stacked[model.row.candidate, model.row.fold])


def test_it_moves_as_the_processor_does_to_rounding(use):
    data = resident(num_folds=2)
    data = replace(data, x_M=data.x_M.double())
    rows = rows_with([TrainingSpec(**BASE | {"epochs": 5, "early_stopping": "none"})] * 2)
    plain = grown(rows, data)
    use(Tape())
    for key, model in grown(rows, data).items():
        torch.testing.assert_close(model.best_P, plain[key].best_P, rtol=0, atol=1e-10)


def test_a_step_that_cannot_be_captured_goes_on_as_it_is_and_says_why(use):
    class Refuses(ByItself):
        def record(self, work):
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    data, rows = resident(), rows_of(2, 3, {"width": 16}, SHORT)
    use(ByItself())
    expected = grown(rows, data)
    use(Refuses())
    (population,) = begin(rows, data, 3, "cross_entropy")
    assert population.stepper.not_captured is None
    assert population.train(2, never)
    assert population.stepper.not_captured == "operation not permitted when stream is capturing"
    assert population.train(100, never)
    for model in population.began:
        assert same(model, expected[model.row.candidate, model.row.fold])


@pytest.mark.usefixtures("as_on_a_gpu")
def test_what_draws_on_the_host_is_not_captured(use):
    use(Tape())
    data = data_of("cnn")
    rows = [replace(row, augment=ImagePolicy(flip="horizontal")) for row in rows_of_kind("cnn", (2, 2))]
    (population,) = begin(rows, data, 2, "cross_entropy")
    assert "augmented on the fly" in population.stepper.not_captured
    assert population.train(100, never)


def test_counted_noise_is_even_and_every_layer_step_and_model_has_its_own():
    noise = Counted([3, 4], torch.device("cpu"))
    ones, seen = torch.ones(2, 100, 101), []
    for step in (0.0, 1.0):
        noise.begin(torch.full((2, 1), step))
        seen += [noise.kept(ones, (0.25, 0.5)), noise.kept(ones, (0.25, 0.5))]
    for kept in seen:
        shares = (kept == 0).double().mean((1, 2))
        torch.testing.assert_close(shares, torch.tensor([0.25, 0.5], dtype=torch.float64), rtol=0, atol=0.02)
        assert kept[0].max() == pytest.approx(4 / 3)
    words = torch.stack([(kept != 0).double().flatten(1) for kept in seen]).flatten(0, 1)
    assert (torch.corrcoef(words) - torch.eye(8, dtype=torch.float64)).abs().max() < 0.05
    bits = mixed(torch.arange(1 << 14) * GOLDEN)
    ones_of_each = torch.stack([(bits >> place) & 1 for place in range(64)]).double().mean(1)
    assert (ones_of_each - 0.5).abs().max() < 0.02


def test_splitmix_is_the_published_one():
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # of seed 0, as java.util.SplittableRandom
    found = mixed(torch.arange(1, 4) * GOLDEN)
    assert [value % 2**64 for value in found.tolist()] == first


def on_gpu(data):
    return replace(data, x_M=data.x_M.cuda(), y_M=data.y_M.cuda())


@ON_GPU
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


@ON_GPU
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


@ON_GPU
def test_counted_noise_is_the_same_on_a_gpu():
    ends = []
    for device in ("cpu", "cuda"):
        noise = Counted([1, 2**63 - 1], torch.device(device))
        noise.begin(torch.tensor([[5.0], [7.0]], device=device))
        ends.append(noise.kept(torch.ones(2, 32, 33, device=device), (0.3, 0.6)).cpu())
    assert torch.equal(*ends)
