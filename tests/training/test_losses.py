"""Losses against torch's, one model at a time; what rows count; and which losses fit which task."""

import pytest
import torch
from torch.nn import functional

from components.core.errors import UserMistake
from components.training.batches import Resident
from components.training.losses import KINDS, Criterion, predictions, resolve
from components.training.losses.weighting import class_factors
from components.training.spec import TrainingSpec

CPU = torch.device("cpu")
OUTPUTS = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = torch.tensor([[0, 1, 2, 0, 1, 2], [2, 2, 2, 0, 0, 1]])
VALUES = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
SHARE = torch.full((2, 6), 1 / 6, dtype=torch.float64)


def criterion(*losses, smoothing=(0.0, 0.0), factor_KC=None):
    """Two models; losses of one kind."""
    losses = losses * (2 // len(losses))
    trainings = [TrainingSpec(loss=loss, label_smoothing=s) for loss, s in zip(losses, smoothing, strict=True)]
    return Criterion(trainings[0].loss.kind, trainings, torch.float64, CPU, factor_KC)


def by_hand(kind, model, settings):
    """The loss of every row of a model, as torch or the paper has it."""
    numbers, values = OUTPUTS[model, :, 0], VALUES[model]
    if kind == "mse":
        return functional.mse_loss(numbers, values, reduction="none")
    if kind == "mae":
        return functional.l1_loss(numbers, values, reduction="none")
    if kind == "huber":
        return functional.huber_loss(numbers, values, reduction="none", delta=settings["delta"])
    if kind == "quantile":
        level = settings["level"]
        return torch.stack(
            [level * (v - o) if v > o else (1 - level) * (o - v) for o, v in zip(numbers, values, strict=True)]
        )
    entropy = functional.cross_entropy(OUTPUTS[model], CLASSES[model], reduction="none")
    return entropy * (1 - torch.exp(-entropy)) ** settings["gamma"] if kind == "focal" else entropy


PAIRS = [
    ({"kind": "cross_entropy"}, {"kind": "cross_entropy"}),
    ({"kind": "focal", "gamma": 2.0}, {"kind": "focal", "gamma": 0.5}),
    ({"kind": "mse"}, {"kind": "mse"}),
    ({"kind": "mae"}, {"kind": "mae"}),
    ({"kind": "huber", "delta": 0.3}, {"kind": "huber", "delta": 2.0}),
    ({"kind": "quantile", "level": 0.1}, {"kind": "quantile", "level": 0.8}),
]


def test_the_pairs_are_all_losses():
    assert {one["kind"] for one, _ in PAIRS} == set(KINDS)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0]["kind"])
def test_each_model_has_torchs_loss_with_a_number_of_its_own(pair):
    kind = pair[0]["kind"]
    target = CLASSES if kind in ("cross_entropy", "focal") else VALUES
    losses = criterion(*pair)
    found, plain = losses.training(OUTPUTS, target, SHARE), losses.plain(OUTPUTS, target)
    for model, settings in enumerate(pair):
        expected = by_hand(kind, model, settings)
        torch.testing.assert_close(plain[model], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(found[model], expected.mean(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0]["kind"])
def test_gradients_are_those_of_the_loss(pair, smoothing):
    target = CLASSES if pair[0]["kind"] in ("cross_entropy", "focal") else VALUES
    losses = criterion(*pair, smoothing=smoothing)
    outputs = OUTPUTS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.training(x, target, SHARE), (outputs,))


def test_a_row_that_is_surely_right_has_a_finite_gradient():
    outputs = torch.tensor([[[60.0, 0.0]], [[900.0, 0.0]]], dtype=torch.float64, requires_grad=True)
    losses = criterion({"kind": "focal", "gamma": 0.5})
    losses.training(outputs, torch.tensor([[0], [0]]), torch.ones(2, 1)).sum().backward()
    assert outputs.grad.isfinite().all()
    assert outputs.grad.abs().max() < 1e-6


def test_cross_entropy_is_torchs_with_each_models_own_smoothing():
    found = criterion("cross_entropy", smoothing=(0.0, 0.2)).training(OUTPUTS, CLASSES, SHARE)
    for k, smoothing in enumerate((0.0, 0.2)):
        expected = functional.cross_entropy(OUTPUTS[k], CLASSES[k], label_smoothing=smoothing)
        torch.testing.assert_close(found[k], expected)


def test_binary_cross_entropy_is_that_of_the_logits_difference():
    two, target = OUTPUTS[..., :2], CLASSES.clamp_max(1)
    found = criterion("cross_entropy").training(two, target, SHARE)
    for k in range(2):
        logit = two[k, :, 1] - two[k, :, 0]
        expected = functional.binary_cross_entropy_with_logits(logit, target[k].double())
        torch.testing.assert_close(found[k], expected)


def test_focal_without_gamma_is_cross_entropy_also_where_labels_are_smoothed():
    focal = criterion({"kind": "focal", "gamma": 0.0}, smoothing=(0.0, 0.2))
    entropy = criterion("cross_entropy", smoothing=(0.0, 0.2))
    torch.testing.assert_close(focal.training(OUTPUTS, CLASSES, SHARE), entropy.training(OUTPUTS, CLASSES, SHARE))


def test_squared_error_of_probabilities_by_hand():
    even = torch.zeros(2, 1, 2, dtype=torch.float64)
    target, share = torch.tensor([[1], [1]]), torch.ones(2, 1)
    losses = criterion("mse", smoothing=(0.0, 0.5))
    assert losses.training(even, target, share).tolist() == pytest.approx([0.25 + 0.25, 2 * 0.25**2])
    assert losses.plain(even, target).tolist() == [[0.5], [0.5]]


def test_numbers_know_no_smoothing():
    for kind in ("mse", "mae", "huber", "quantile"):
        smooth = criterion(kind, smoothing=(0.3, 0.3)).training(OUTPUTS, VALUES, SHARE)
        assert torch.equal(smooth, criterion(kind).training(OUTPUTS, VALUES, SHARE))


def test_padding_does_not_count():
    share = torch.tensor([[0.5, 0.5, 0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25, 0, 0]], dtype=torch.float64)
    found = criterion("cross_entropy").training(OUTPUTS, CLASSES, share)
    torch.testing.assert_close(found[0], functional.cross_entropy(OUTPUTS[0, :2], CLASSES[0, :2]))
    torch.testing.assert_close(found[1], functional.cross_entropy(OUTPUTS[1, :4], CLASSES[1, :4]))


def resident(y, weight=None):
    fit = (torch.arange(6), torch.arange(6, 12))
    x = torch.zeros(12, 1, dtype=torch.float64)
    return Resident(x_M=x, y_M=y, fit=fit, sample=fit, scored=fit, weight_M=weight)


def test_balanced_classes_are_torchs_weights_over_a_whole_fold():
    data = resident(CLASSES.reshape(-1))
    factors = class_factors(data, (0, 1, 1), ("balanced", "balanced", "none"))
    assert factors.tolist() == [pytest.approx(row) for row in ([1, 1, 1], [6 / 6, 6 / 3, 6 / 9], [1, 1, 1])]
    found = criterion("cross_entropy", factor_KC=factors[:2]).training(OUTPUTS, CLASSES, SHARE)
    expected = functional.cross_entropy(OUTPUTS[1], CLASSES[1], weight=factors[1])
    torch.testing.assert_close(found[1], expected)
    assert class_factors(data, (0, 1), ("none", "none")) is None
    rare = resident(torch.tensor([0, 0, 0, 0, 2, 2, *[1] * 6]))
    assert class_factors(rare, (0, 1), ("balanced", "balanced")).tolist() == [[0.75, 0.0, 1.5], [0.0, 1.0, 0.0]]


def test_one_row_at_a_time_a_class_still_counts_what_it_counts():
    data = resident(CLASSES.reshape(-1))
    factors = class_factors(data, (0, 1), ("balanced", "balanced"))
    losses = criterion("cross_entropy", factor_KC=factors)
    plain = losses.plain(OUTPUTS, CLASSES)
    alone = losses.training(OUTPUTS[:, :1], CLASSES[:, :1], torch.ones(2, 1, dtype=torch.float64))
    torch.testing.assert_close(alone[1], plain[1, 0] * 6 / 9)


@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0]["kind"])
def test_members_are_trained_on_the_mean_of_their_losses(pair, smoothing):
    """With weights of classes, of single rows, padding, and each model's own number; not on the loss of their mean."""
    members = torch.stack([OUTPUTS, -OUTPUTS, OUTPUTS.flip(1)], dim=2)
    classes = pair[0]["kind"] in ("cross_entropy", "focal")
    target = CLASSES if classes else VALUES
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 0.0, *[2.0] * 6], dtype=torch.float64)
    data = resident(target.reshape(-1), weight)
    factor_KC = class_factors(data, (0, 1), ("balanced" if classes else "none",) * 2)
    losses = criterion(*pair, smoothing=smoothing, factor_KC=factor_KC)
    share = SHARE * weight.view(2, 6)
    found = losses.training(members, target, share)
    alone = [losses.training(members[:, :, member], target, share) for member in range(3)]
    torch.testing.assert_close(found, torch.stack(alone).mean(0), rtol=0, atol=1e-12)
    assert (found - losses.training(members.mean(2), target, share)).abs().min() > 1e-3


def test_weights_of_single_rows_count_with_the_mean_one():
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, *[2.0] * 6], dtype=torch.float64)
    for y, kind in ((CLASSES, "cross_entropy"), (VALUES, "huber")):
        data = resident(y.reshape(-1), weight)
        losses = criterion(kind, factor_KC=class_factors(data, (0, 1), ("none", "none")))
        weight_KB = data.weights(torch.arange(12).view(2, 6))
        found = losses.training(OUTPUTS, y, SHARE * weight_KB)
        plain = losses.plain(OUTPUTS, y)
        torch.testing.assert_close(found[0], (plain[0] * weight[:6]).sum() / 24)
        torch.testing.assert_close(found[1], plain[1].mean())
    data = resident(CLASSES.reshape(-1), weight)
    (factor,) = class_factors(data, (0,), ("balanced",))  # weights of the classes: 1 + 4, 2 + 5, 3 + 9
    assert factor.tolist() == pytest.approx([6 / 15, 6 / 21, 6 / 36])
    assert resident(VALUES.reshape(-1)).weights(torch.zeros(2, 6)) is None


def test_predictions_are_probabilities_or_values():
    torch.testing.assert_close(predictions(OUTPUTS, "multiclass").sum(2), torch.ones(2, 6, dtype=torch.float64))
    assert predictions(OUTPUTS, "regression") is OUTPUTS


def test_auto_goes_by_the_task_and_what_does_not_fit_is_refused():
    assert resolve("auto", "binary") == "cross_entropy"
    assert resolve("auto", "regression") == "mse"
    assert resolve(KINDS["mse"](), "multiclass") == "mse"
    for kind in ("cross_entropy", "focal"):
        with pytest.raises(UserMistake, match=f"loss is {kind}, and the target is a number. Write auto, or one of mse"):
            resolve(KINDS[kind](), "regression")
    for kind in ("mae", "huber", "quantile"):
        with pytest.raises(UserMistake, match=f"loss is {kind}, and the target is a class. Write auto, or one of cros"):
            resolve(KINDS[kind](), "binary")
