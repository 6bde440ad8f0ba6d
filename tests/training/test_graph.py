"""A step that is captured and replayed trains as one that is made anew: on a tape here, as a CUDA graph on a GPU."""

import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tape import ByItself, Tape
from test_every_network import EVERY, data_of, inputs_of
from test_every_network import rows_of as rows_of_kind
from training_case import begin, grown, never, resident, rows_of, same

from components.augmentation.policy import ImagePolicy
from components.networks import attention, cells, cnn, ft_transformer, lstm
from components.networks.counted import GOLDEN, Counted, mixed
from components.training import graph, orders, stepper
from components.training.batches import Batches
from components.training.orders import Orders
from components.training.paused import restore, state_of

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
    state = state_of(before, before.began)
    (after,) = begin(rows[3:5], data, 3, "cross_entropy")
    restore(after, [state])
    assert after.train(100, never)
    for model in after.began:
        assert same(model, stacked[model.row.candidate, model.row.fold])


def test_it_moves_as_the_processor_does_to_rounding(use):
    data = resident(num_folds=2)
    data = replace(data, x_M=data.x_M.double())
    rows = rows_of(2, 2, {"layers": 1, "width": 8}, {"epochs": 6, "batch_size": "full"}, vary=False)
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
    shape, seen = (2, 100, 101), []
    for step in (0.0, 1.0):
        noise.begin(torch.full((2, 1), step))
        seen += [noise.kept(shape, (0.25, 0.5), torch.float32) for _ in range(2)]
    for kept in seen:
        shares = (kept == 0).double().mean((1, 2))
        torch.testing.assert_close(shares, torch.tensor([0.25, 0.5], dtype=torch.float64), rtol=0, atol=0.02)
        assert kept[0].max() == pytest.approx(4 / 3)
    words = torch.stack([(kept != 0).double().flatten(1) for kept in seen]).flatten(0, 1)
    assert (torch.corrcoef(words) - torch.eye(8, dtype=torch.float64)).abs().max() < 0.05
    bits = mixed(torch.arange(1 << 14) * GOLDEN)
    ones_of_each = torch.stack([(bits >> place) & 1 for place in range(64)]).double().mean(1)
    assert (ones_of_each - 0.5).abs().max() < 0.02


@pytest.mark.parametrize(("lengths", "size"), [((70, 61), 32), ((64, 65), 20), ((9, 9), 9)])
def test_an_epoch_has_every_row_once_and_another_order_for_every_model_and_epoch(lengths, size, monkeypatch):
    fits = [torch.arange(count) + 100 * place for place, count in enumerate(lengths)]
    batches = Batches([fits[0], fits[1], fits[0]], [size] * 3)
    drawn = Orders(batches, [5, 6, 7], torch.device("cpu")).draw(0).clone()
    for model, rows in enumerate(batches.fit_rows):
        counted = batches.weight_KTB[model] > 0
        assert torch.equal(drawn[model][counted].sort().values, rows)
        assert (drawn[model][~counted] == rows[0]).all()
    assert not torch.equal(drawn[0], drawn[2])
    monkeypatch.setattr(orders, "NUMBERS_AT_ONCE", 1)
    alone = Orders(Batches([fits[0]], [size]), [7], torch.device("cpu"))
    steps = alone.order_KTB.shape[1]
    assert torch.equal(alone.draw(0)[0], drawn[2, :steps])
    assert not torch.equal(alone.draw(1)[0], drawn[2, :steps])


def test_splitmix_is_the_published_one():
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # of seed 0, as java.util.SplittableRandom
    found = mixed(torch.arange(1, 4) * GOLDEN)
    assert [value % 2**64 for value in found.tolist()] == first


def test_of_a_population_that_grew_smaller_nothing_stays_in_memory(use):
    use(Tape())
    data = resident()
    (population,) = begin(rows_of(2, 3, {"width": 16}, SHORT), data, 3, "cross_entropy")
    assert population.train(2, never)
    gc.collect()
    gc.disable()
    try:
        before = weakref.ref(population.stepper)
        population.keep([0, 1])
        assert before() is None
    finally:
        gc.enable()
