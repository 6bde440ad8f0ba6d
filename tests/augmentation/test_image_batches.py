"""The policy on whole batches: what is off costs nothing, a row never depends on its neighbours, copies are written."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from components.augmentation.copies import made_pictures
from components.augmentation.images import augment
from components.augmentation.policy import TECHNIQUES, ImagePolicy
from components.core.seeds import generator

ALONE = {
    "rotation": 20.0,
    "scaling": 0.2,
    "translation": 0.2,
    "shear": 0.3,
    "flip": "both",
    "crop": 0.4,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.8,
    "hue": 0.3,
    "cutout": 0.4,
    "mixup": 0.5,
    "cutmix": 0.5,
}
POLICIES = [None, *(ImagePolicy(**{name: value}) for name, value in ALONE.items()), ImagePolicy(**ALONE)]


def batches(num_rows, num=32, size=(10, 8), channels=3, seed=0):
    return torch.rand(num_rows, num, *size, channels, generator=torch.Generator().manual_seed(seed))


def generators(seeds):
    return [torch.Generator().manual_seed(int(seed)) for seed in seeds]


def run(x_KBHWD, policies, num_real, seeds):
    random = generators(seeds)
    found, mixed = augment(x_KBHWD, policies, num_real, random)
    return found, mixed, [one.get_state() for one in random]


def test_every_technique_has_a_case_here():
    assert set(ALONE) == set(TECHNIQUES) == set(ImagePolicy.model_fields) - {"copies"}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", TECHNIQUES)
def test_every_technique_changes_pictures_when_it_is_on(name, channels):
    x = batches(1, channels=channels)
    found, mixed, _ = run(x, [ImagePolicy(**{name: ALONE[name]})], [32], [1])
    colours_of_gray = channels == 1 and name in ("saturation", "hue")
    assert torch.equal(found, x) == colours_of_gray
    assert (mixed is not None) == (name in ("mixup", "cutmix"))
    assert found.is_contiguous()


def test_rows_without_a_policy_and_resting_rows_pay_nothing():
    x = batches(4)
    kept = x.clone()
    policies = [None, ImagePolicy(), ImagePolicy(**ALONE), ImagePolicy(**ALONE)]
    found, mixed, states = run(x, policies, [32, 32, 0, 20], [1, 2, 3, 4])
    assert torch.equal(x, kept)
    assert torch.equal(found[:3], x[:3])
    assert not torch.equal(found[3], x[3])
    for row, one in enumerate(generators([1, 2, 3])):
        assert torch.equal(one.get_state(), states[row])
    assert mixed.share_KB[:3].eq(1).all()
    assert torch.equal(mixed.partner_KB[:3], torch.arange(32).expand(3, 32))
    same, nothing = augment(x[:3], policies[:3], [32, 32, 0], generators([1, 2, 3]))
    assert torch.equal(same, x[:3])
    assert nothing is None


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_has_the_same_bits_alone_in_any_stack_and_permuted(channels):
    x = batches(len(POLICIES), channels=channels)
    num_real = [32 - number % 5 for number in range(len(POLICIES))]
    seeds = list(range(len(POLICIES)))
    found, mixed, states = run(x, POLICIES, num_real, seeds)
    order = torch.randperm(len(POLICIES), generator=torch.Generator().manual_seed(5)).tolist()
    turned, turned_mixed, _ = run(x[order], [POLICIES[i] for i in order], [num_real[i] for i in order], order)
    for place, row in enumerate(order):
        own, own_mixed, own_states = run(x[row : row + 1], POLICIES[row : row + 1], [num_real[row]], [row])
        assert torch.equal(own[0], found[row])
        assert torch.equal(turned[place], found[row])
        assert torch.equal(own_states[0], states[row])
        assert torch.equal(turned_mixed.share_KB[place], mixed.share_KB[row])
        if own_mixed is not None:
            assert torch.equal(own_mixed.partner_KB[0], mixed.partner_KB[row])
            assert torch.equal(own_mixed.share_KB[0], mixed.share_KB[row])


def test_rows_worked_on_together_as_on_a_gpu_get_the_same_pictures(monkeypatch):
    from components.augmentation import images

    policies = [ImagePolicy(**ALONE), ImagePolicy(rotation=10, mixup=1.0), None, ImagePolicy(**{**ALONE, "hue": 0.1})]
    x = batches(4)
    apart, mixed, _ = run(x, policies, [32, 30, 32, 31], [1, 2, 3, 4])
    real = images._blocks
    monkeypatch.setattr(images, "_blocks", lambda drawn, *, alone: real(drawn, alone=False))
    together, mixed_together, _ = run(x, policies, [32, 30, 32, 31], [1, 2, 3, 4])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-6)
    assert torch.equal(mixed_together.partner_KB, mixed.partner_KB)


@pytest.mark.parametrize("policy", [ImagePolicy(**ALONE), ImagePolicy(flip="both", mixup=0.3)])
def test_all_that_is_drawn_goes_to_where_the_pictures_are(policy):
    x = torch.empty(3, 32, 10, 8, 3, device="meta")  # refuses to work with what lies elsewhere
    found, mixed, _ = run(x, [policy, None, policy], [32, 32, 30], [1, 2, 3])
    assert found.device == mixed.share_KB.device == mixed.partner_KB.device == x.device


@pytest.mark.parametrize("words", [{"mixup": 1.0}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 0.5}])
def test_partners_are_real_pictures_of_the_same_row(words):
    x = batches(2, channels=1)
    x[:, 20:] = float("nan")  # padding
    found, mixed, _ = run(x, [ImagePolicy(**words)] * 2, [20, 20], [1, 2])
    assert bool(found[:, :20].isfinite().all())
    assert mixed.partner_KB[:, :20].sort(1).values.tolist() == [list(range(20))] * 2
    assert mixed.labels(torch.arange(64).view(2, 32)).tolist() == (
        (mixed.partner_KB + torch.tensor([[0], [32]])).tolist()
    )


magnitudes = st.fixed_dictionaries(
    {},
    optional={
        "rotation": st.floats(0, 180),
        "scaling": st.floats(0, 0.9),
        "translation": st.floats(0, 0.9),
        "shear": st.floats(0, 1),
        "flip": st.sampled_from(["none", "horizontal", "vertical", "both"]),
        "crop": st.floats(0, 0.9),
        "brightness": st.floats(0, 1),
        "contrast": st.floats(0, 1),
        "saturation": st.floats(0, 1),
        "hue": st.floats(0, 0.5),
        "cutout": st.floats(0, 1),
        "mixup": st.floats(0, 100),
        "cutmix": st.floats(0, 100),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    policies=st.lists(magnitudes, min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    channels=st.sampled_from([1, 3]),
    num_real=st.integers(0, 8),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_pictures_stay_pictures(policies, size, channels, num_real, dtype):
    x = batches(len(policies), 8, size, channels).to(dtype)
    read = [ImagePolicy(**words) for words in policies]
    found, mixed, _ = run(x, read, [num_real] * len(read), range(len(read)))
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    if mixed is not None:
        assert mixed.share_KB.dtype == x.dtype
        assert bool(((mixed.share_KB >= 0) & (mixed.share_KB <= 1)).all())


@pytest.mark.parametrize("channels", [1, 3])
def test_copies_are_pictures_each_changed_otherwise(channels):
    pictures = np.random.default_rng(0).integers(0, 256, (300, 6, 5, channels), dtype=np.uint8)
    policy = ImagePolicy(copies=2, rotation=30, mixup=1.0)
    made = made_pictures(policy, pictures, generator(0, "augment", 1))
    assert made.dtype == np.uint8
    assert made.shape == (600, 6, 5, channels)
    assert not np.array_equal(made[:300], made[300:])
    assert np.array_equal(made, made_pictures(policy, pictures, generator(0, "augment", 1)))
    assert not np.array_equal(made, made_pictures(policy, pictures, generator(0, "augment", 2)))
    out = np.zeros_like(made)
    assert made_pictures(policy, pictures, generator(0, "augment", 1), out) is out
    assert np.array_equal(made, out)


def test_copies_come_from_their_pictures_and_mixing_is_not_written():
    pictures = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1) * 25
    pictures = np.broadcast_to(pictures, (10, 4, 4, 1))
    made = made_pictures(ImagePolicy(copies=3, flip="both", cutmix=1.0), pictures, generator(0))
    assert np.array_equal(made, np.tile(pictures, (3, 1, 1, 1)))


@pytest.mark.parametrize("words", [{}, {"mixup": 1.0}, {"mixup": 1.0, "cutmix": 0.2}])
def test_copies_that_only_repeat_are_refused(words):
    with pytest.raises(ValidationError, match="copies would only repeat the pictures"):
        ImagePolicy(copies=1, **words)


def test_reading_a_policy_loads_no_torch():
    modules = "components.augmentation.policy, components.augmentation.copies"
    code = f"import sys; import {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
