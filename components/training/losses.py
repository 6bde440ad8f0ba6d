"""Losses: what a step descends, and the plain loss of every row that early stopping and the learning curves look at.

cross_entropy   -log of the probability of the right class; labels may be smoothed (Szegedy 2016)
mse             squared error; for classes that of all probabilities (Brier 1950)
The plain loss has no smoothing and no penalties: train and validation can be compared, and a curve of a regression is
in units of the target's variance, 1.0 being as good as always saying the mean.

Legend: K models, B rows of a batch, C outputs.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch.nn import functional

from components.core.contracts import Task
from components.core.errors import UserMistake

Loss = Literal["cross_entropy", "mse"]


def resolve(loss: str, task: Task) -> Loss:
    """Return what `loss: auto` means for a task. Raises UserMistake for cross_entropy of numbers."""
    if loss == "cross_entropy" and task == "regression":
        raise UserMistake("search.training.loss is cross_entropy, and the target is a number. Write mse or auto.")
    if loss == "auto":
        return "mse" if task == "regression" else "cross_entropy"
    return "mse" if loss == "mse" else "cross_entropy"


def training_loss(
    loss: Loss,
    outputs_KBC: torch.Tensor,
    target_KB: torch.Tensor,
    share_KB: torch.Tensor,
    smoothing: Sequence[float],
) -> torch.Tensor:
    """Return each model's loss [K]: the sum over rows, weighted by `share_KB` (1 / batch for rows that count, else 0).

    `target_KB` is int64 for classes and floating for numbers, whose smoothing has no meaning and no effect.
    """
    if target_KB.is_floating_point():
        return ((outputs_KBC[..., 0] - target_KB) ** 2 * share_KB).sum(1)
    smooth_K1 = torch.tensor(smoothing, dtype=outputs_KBC.dtype, device=outputs_KBC.device).unsqueeze(1)
    if loss == "mse":
        num_classes = outputs_KBC.shape[2]
        hot = functional.one_hot(target_KB, num_classes).to(outputs_KBC.dtype)
        goal = hot * (1 - smooth_K1.unsqueeze(2)) + smooth_K1.unsqueeze(2) / num_classes
        return (((outputs_KBC.softmax(2) - goal) ** 2).sum(2) * share_KB).sum(1)
    logs = outputs_KBC.log_softmax(2)
    right = logs.gather(2, target_KB.unsqueeze(2)).squeeze(2)
    if any(smoothing):
        right = (1 - smooth_K1) * right + smooth_K1 * logs.mean(2)
    return -(right * share_KB).sum(1)


def plain_losses(loss: Loss, outputs_KBC: torch.Tensor, target_KB: torch.Tensor) -> torch.Tensor:
    """Return the loss of every row [K, B]."""
    if target_KB.is_floating_point():
        return (outputs_KBC[..., 0] - target_KB) ** 2
    if loss == "mse":
        hot = functional.one_hot(target_KB, outputs_KBC.shape[2]).to(outputs_KBC.dtype)
        return ((outputs_KBC.softmax(2) - hot) ** 2).sum(2)
    return -outputs_KBC.log_softmax(2).gather(2, target_KB.unsqueeze(2)).squeeze(2)


def predictions(outputs_KBC: torch.Tensor, task: Task) -> torch.Tensor:
    """Return probabilities, or standardised values as they are."""
    return outputs_KBC if task == "regression" else outputs_KBC.softmax(2)
