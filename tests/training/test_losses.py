"""Losses against torch's, one model at a time."""

import pytest
import torch
from torch.nn import functional

from components.core.errors import UserMistake
from components.training.losses import plain_losses, predictions, resolve, training_loss

OUTPUTS = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = torch.tensor([[0, 1, 2, 0, 1, 2], [2, 2, 2, 0, 0, 1]])
VALUES = torch.randn(2, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
SHARE = torch.full((2, 6), 1 / 6, dtype=torch.float64)


def test_cross_entropy_is_torchs_with_each_models_own_smoothing():
    found = training_loss("cross_entropy", OUTPUTS, CLASSES, SHARE, (0.0, 0.2))
    for k, smoothing in enumerate((0.0, 0.2)):
        expected = functional.cross_entropy(OUTPUTS[k], CLASSES[k], label_smoothing=smoothing)
        torch.testing.assert_close(found[k], expected)


def test_squared_error_of_probabilities_by_hand():
    even = torch.zeros(1, 1, 2)
    target = torch.tensor([[1]])
    share = torch.ones(1, 1)
    assert training_loss("mse", even, target, share, (0.0,)).item() == pytest.approx(0.25 + 0.25)
    assert training_loss("mse", even, target, share, (0.5,)).item() == pytest.approx(2 * 0.25**2)
    assert plain_losses("mse", even, target).item() == pytest.approx(0.5)


def test_squared_error_of_numbers_is_torchs_and_knows_no_smoothing():
    one = OUTPUTS[..., :1]
    found = training_loss("mse", one, VALUES, SHARE, (0.0, 0.3))
    for k in range(2):
        torch.testing.assert_close(found[k], functional.mse_loss(one[k, :, 0], VALUES[k]))


def test_padding_does_not_count():
    share = torch.tensor([[0.5, 0.5, 0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25, 0, 0]], dtype=torch.float64)
    found = training_loss("cross_entropy", OUTPUTS, CLASSES, share, (0.0, 0.0))
    torch.testing.assert_close(found[0], functional.cross_entropy(OUTPUTS[0, :2], CLASSES[0, :2]))
    torch.testing.assert_close(found[1], functional.cross_entropy(OUTPUTS[1, :4], CLASSES[1, :4]))


def test_plain_loss_is_log_loss_row_by_row():
    found = plain_losses("cross_entropy", OUTPUTS, CLASSES)
    expected = functional.cross_entropy(OUTPUTS.transpose(1, 2), CLASSES, reduction="none")
    torch.testing.assert_close(found, expected)


def test_predictions_are_probabilities_or_values():
    torch.testing.assert_close(predictions(OUTPUTS, "multiclass").sum(2), torch.ones(2, 6, dtype=torch.float64))
    assert predictions(OUTPUTS, "regression") is OUTPUTS


def test_auto_goes_by_the_task():
    assert resolve("auto", "binary") == "cross_entropy"
    assert resolve("auto", "regression") == "mse"
    assert resolve("mse", "multiclass") == "mse"
    with pytest.raises(UserMistake, match="target is a number"):
        resolve("cross_entropy", "regression")
