"""Losses against torch's, one model at a time; what rows count; and which losses fit which task."""

import pytest
import torch
from torch.nn import functional

from components.core.errors import UserMistake
from components.training.batches import Resident
from components.training.losses import KINDS, Criterion, predictions, resolve
from components.training.losses.classes import FEW_CLASSES
from components.training.losses.weighting import class_factors
from components.training.spec import TrainingSpec

CPU = torch.device("cpu")
OUTPUTS = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = torch.tensor([[0, 1, 2, 0, 1, 2], [2, 2, 2, 0, 0, 1]])
VALUES = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
SHARE = torch.full((2, 6), 1 / 6, dtype=torch.float64)
CLASS_KINDS = ("cross_entropy", "focal")


def criterion(*losses, smoothing=(0.0, 0.0), factor_KC=None):
    """Two models; losses of one kind."""
    losses = losses * (2 // len(losses))
    trainings = [TrainingSpec(loss=loss, label_smoothing=s) for loss, s in zip(losses, smoothing, strict=True)]
    return Criterion(trainings[0].loss.kind, trainings, torch.float64, CPU, factor_KC)


def by_hand(settings, outputs_nC, target_n, smoothing=0.0):
    """The loss of every row of a model, as torch or the paper has it."""
    kind = settings["kind"]
    if not target_n.is_floating_point():
        goal_nC = functional.one_hot(target_n, 3).double() * (1 - smoothing) + smoothing / 3
    if kind in CLASS_KINDS:
        entropy_nC = -outputs_nC.log_softmax(1)
        of_classes_nC = entropy_nC * (1 - torch.exp(-entropy_nC)) ** settings.get("gamma", 0.0)
        return (of_classes_nC * goal_nC).sum(1)
    if kind == "mse" and not target_n.is_floating_point():
        return ((outputs_nC.softmax(1) - goal_nC) ** 2).sum(1)
    numbers = outputs_nC[:, 0]
    if kind == "mse":
        return functional.mse_loss(numbers, target_n, reduction="none")
    if kind == "mae":
        return functional.l1_loss(numbers, target_n, reduction="none")
    if kind == "huber":
        return functional.huber_loss(numbers, target_n, reduction="none", delta=settings["delta"])
    level = settings["level"]
    rows = zip(numbers, target_n, strict=True)
    return torch.stack([level * (v - o) if v > o else (1 - level) * (o - v) for o, v in rows])


def slope_by_hand(settings, outputs_nC, target_n, share_n, smoothing=0.0):
    """How the sum over rows changes with the outputs, by autograd."""
    leaf = outputs_nC.clone().requires_grad_()
    (slope,) = torch.autograd.grad((by_hand(settings, leaf, target_n, smoothing) * share_n).sum(), [leaf])
    return slope


def data_of(kind):
    return (OUTPUTS, CLASSES) if kind in CLASS_KINDS else (OUTPUTS[..., :1], VALUES)


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


@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0]["kind"])
def test_each_model_has_torchs_loss_and_its_slope_with_a_number_of_its_own(pair, smoothing):
    outputs, target = data_of(pair[0]["kind"])
    losses = criterion(*pair, smoothing=smoothing)
    plain, slope = losses.plain(outputs, target), losses.slope(outputs, target, SHARE)
    for model, settings in enumerate(pair):
        given = (settings, outputs[model], target[model])
        torch.testing.assert_close(plain[model], by_hand(*given), rtol=0, atol=1e-12)
        expected = slope_by_hand(*given, SHARE[model], smoothing[model])
        torch.testing.assert_close(slope[model], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["cross_entropy", "focal", "mse"])
@pytest.mark.parametrize("num_classes", [2, 3, FEW_CLASSES - 1, FEW_CLASSES, 40])
def test_slopes_of_few_and_of_many_classes_are_those_of_the_plain_loss(kind, num_classes):
    generator = torch.Generator().manual_seed(num_classes)
    outputs = 3 * torch.randn(2, 32, num_classes, generator=generator, dtype=torch.float64)
    target = torch.randint(num_classes, (2, 32), generator=generator)
    share = torch.rand(2, 32, generator=generator, dtype=torch.float64)
    losses, leaf = criterion(kind), outputs.clone().requires_grad_()
    (expected,) = torch.autograd.grad((losses.plain(leaf, target) * share).sum(), [leaf])
    found = losses.slope(outputs, target, share)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert found.is_contiguous()


def test_a_row_that_is_surely_right_has_a_finite_gradient():
    outputs = torch.tensor([[[60.0, 0.0]], [[900.0, 0.0]]], dtype=torch.float64)
    found = criterion({"kind": "focal", "gamma": 0.5}).slope(outputs, torch.tensor([[0], [0]]), torch.ones(2, 1))
    assert found.isfinite().all()
    assert found.abs().max() < 1e-6


def test_cross_entropy_is_torchs_with_each_models_own_smoothing():
    found = criterion("cross_entropy", smoothing=(0.0, 0.2)).slope(OUTPUTS, CLASSES, SHARE)
    for k, smoothing in enumerate((0.0, 0.2)):
        leaf = OUTPUTS[k].clone().requires_grad_()
        functional.cross_entropy(leaf, CLASSES[k], label_smoothing=smoothing).backward()
        torch.testing.assert_close(found[k], leaf.grad)


def test_binary_cross_entropy_is_that_of_the_logits_difference():
    two, target = OUTPUTS[..., :2], CLASSES.clamp_max(1)
    found = criterion("cross_entropy").plain(two, target)
    for k in range(2):
        logit = two[k, :, 1] - two[k, :, 0]
        expected = functional.binary_cross_entropy_with_logits(logit, target[k].double(), reduction="none")
        torch.testing.assert_close(found[k], expected)


def test_focal_without_gamma_is_cross_entropy_also_where_labels_are_smoothed():
    focal = criterion({"kind": "focal", "gamma": 0.0}, smoothing=(0.0, 0.2))
    entropy = criterion("cross_entropy", smoothing=(0.0, 0.2))
    torch.testing.assert_close(focal.plain(OUTPUTS, CLASSES), entropy.plain(OUTPUTS, CLASSES))
    torch.testing.assert_close(focal.slope(OUTPUTS, CLASSES, SHARE), entropy.slope(OUTPUTS, CLASSES, SHARE))


def test_squared_error_of_probabilities_by_hand():
    even = torch.zeros(2, 1, 2, dtype=torch.float64)
    target, share = torch.tensor([[1], [1]]), torch.ones(2, 1)
    losses = criterion("mse", smoothing=(0.0, 0.5))
    assert losses.plain(even, target).tolist() == [[0.5], [0.5]]
    # of sum (p - goal)**2: 2 p (e - sum e p), and half of what a label says is as far from p as half of it
    assert losses.slope(even, target, share).flatten().tolist() == pytest.approx([0.5, -0.5, 0.25, -0.25])
    found = losses.slope(OUTPUTS, CLASSES, SHARE)
    for k, smoothing in enumerate((0.0, 0.5)):
        expected = slope_by_hand({"kind": "mse"}, OUTPUTS[k], CLASSES[k], SHARE[k], smoothing)
        torch.testing.assert_close(found[k], expected, rtol=0, atol=1e-12)


def test_numbers_know_no_smoothing():
    for kind in ("mse", "mae", "huber", "quantile"):
        smooth = criterion(kind, smoothing=(0.3, 0.3)).slope(OUTPUTS[..., :1], VALUES, SHARE)
        assert torch.equal(smooth, criterion(kind).slope(OUTPUTS[..., :1], VALUES, SHARE))


def test_an_answer_that_is_right_pulls_nowhere_but_to_its_quantile():
    right = VALUES.unsqueeze(2)
    for kind in ("mse", "mae", "huber", {"kind": "quantile", "level": 0.5}):
        assert not criterion(kind).slope(right, VALUES, SHARE).any(), kind
    assert torch.equal(
        criterion({"kind": "quantile", "level": 0.75}).slope(right, VALUES, SHARE)[..., 0], -0.25 * SHARE
    )


def test_padding_does_not_count():
    share = torch.tensor([[0.5, 0.5, 0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25, 0, 0]], dtype=torch.float64)
    found = criterion("cross_entropy").slope(OUTPUTS, CLASSES, share)
    for k, real in enumerate((2, 4)):
        expected = slope_by_hand({"kind": "cross_entropy"}, OUTPUTS[k, :real], CLASSES[k, :real], share[k, :real])
        torch.testing.assert_close(found[k, :real], expected)
        assert not found[k, real:].any()


def resident(y, weight=None):
    fit = (torch.arange(6), torch.arange(6, 12))
    x = torch.zeros(12, 1, dtype=torch.float64)
    return Resident(x_M=x, y_M=y, fit=fit, sample=fit, scored=fit, weight_M=weight)


def test_balanced_classes_are_torchs_weights_over_a_whole_fold():
    data = resident(CLASSES.reshape(-1))
    factors = class_factors(data, (0, 1, 1), ("balanced", "balanced", "none"))
    assert factors.tolist() == [pytest.approx(row) for row in ([1, 1, 1], [6 / 6, 6 / 3, 6 / 9], [1, 1, 1])]
    found = criterion("cross_entropy", factor_KC=factors[:2]).slope(OUTPUTS, CLASSES, SHARE)
    leaf = OUTPUTS[1].clone().requires_grad_()
    functional.cross_entropy(leaf, CLASSES[1], weight=factors[1]).backward()
    torch.testing.assert_close(found[1], leaf.grad)
    assert class_factors(data, (0, 1), ("none", "none")) is None
    rare = resident(torch.tensor([0, 0, 0, 0, 2, 2, *[1] * 6]))
    assert class_factors(rare, (0, 1), ("balanced", "balanced")).tolist() == [[0.75, 0.0, 1.5], [0.0, 1.0, 0.0]]


def test_one_row_at_a_time_a_class_still_counts_what_it_counts():
    data = resident(CLASSES.reshape(-1))
    factors = class_factors(data, (0, 1), ("balanced", "balanced"))
    losses = criterion("cross_entropy", factor_KC=factors)
    one = torch.ones(2, 1, dtype=torch.float64)
    alone, plain = (each.slope(OUTPUTS[:, :1], CLASSES[:, :1], one) for each in (losses, criterion("cross_entropy")))
    torch.testing.assert_close(alone[1], plain[1] * 6 / 9)


@pytest.mark.parametrize("smoothing", [(0.0, 0.0), (0.1, 0.3)])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0]["kind"])
def test_members_are_trained_on_the_mean_of_their_losses(pair, smoothing):
    """With weights of classes, of single rows, padding, and each model's own number; not on the loss of their mean."""
    classes = pair[0]["kind"] in CLASS_KINDS
    outputs, target = data_of(pair[0]["kind"])
    members = torch.stack([outputs, -outputs, outputs.flip(1)], dim=2)
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 0.0, *[2.0] * 6], dtype=torch.float64)
    data = resident(target.reshape(-1), weight)
    factor_KC = class_factors(data, (0, 1), ("balanced" if classes else "none",) * 2)
    losses = criterion(*pair, smoothing=smoothing, factor_KC=factor_KC)
    share = SHARE * weight.view(2, 6)
    found = losses.slope(members, target, share)
    alone = [losses.slope(members[:, :, member], target, share) / 3 for member in range(3)]
    torch.testing.assert_close(found, torch.stack(alone, dim=2), rtol=0, atol=1e-12)
    of_mean = losses.slope(members.mean(2), target, share) / 3
    assert (found - of_mean.unsqueeze(2)).abs().max() > 1e-3


def test_weights_of_single_rows_count_with_the_mean_one():
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, *[2.0] * 6], dtype=torch.float64)
    for y, kind in ((CLASSES, "cross_entropy"), (VALUES, "huber")):
        data = resident(y.reshape(-1), weight)
        losses = criterion(kind, factor_KC=class_factors(data, (0, 1), ("none", "none")))
        weight_KB = data.weights(torch.arange(12).view(2, 6))
        outputs, _ = data_of(kind)
        found = losses.slope(outputs, y, SHARE * weight_KB)
        plain = criterion(kind).slope(outputs, y, torch.ones_like(SHARE))
        torch.testing.assert_close(found[0], plain[0] * weight[:6, None] / 24)
        torch.testing.assert_close(found[1], plain[1] / 6)
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
