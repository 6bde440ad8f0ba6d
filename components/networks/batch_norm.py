"""Batch normalization: units standardised over the rows of a batch (Ioffe and Szegedy 2015), for K models at once.

Torch's own knows no weights, and rows of padding must not enter a mean. Of pictures: `convolution.py`.

Legend: K models, B rows of a batch, O units.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from components.networks.network import TrainingPass, Views

EPSILON = 1e-5
MOMENTUM = 0.1  # share of a batch in the running statistics, as in torch

Kept = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor]
"""For the way back: the standardised units, one over their deviation, the scale; weights and count of the rows."""


class Batch(NamedTuple):
    """The rows of a step."""

    weight_KB1: torch.Tensor | None  # 1 for those that count, 0 for padding; None: all count
    count_K1: torch.Tensor  # of those that count, at least 1
    share_K1: torch.Tensor  # what they count in the running statistics


def batch_of(training: TrainingPass, like_KBO: torch.Tensor) -> Batch:
    """Return what a pass says of its rows."""
    share_K1 = fresh_share(training, like_KBO)
    if training.weight_KB is not None:
        count_K1 = training.weight_KB.sum(1, keepdim=True).clamp_min(1.0)
        return Batch(training.weight_KB.unsqueeze(2), count_K1, share_K1)
    return Batch(None, torch.full_like(share_K1, float(like_KBO.shape[1])), share_K1)


def fresh_share(training: TrainingPass, like: torch.Tensor) -> torch.Tensor:
    """Return what a batch counts in the running statistics of each model [K, 1].

    During a model's first steps these are the plain mean of its batches: a small table has one batch an epoch, and
    early stopping would otherwise judge networks that still carry the statistics they were born with.
    """
    if training.made_K1 is not None:
        share_K1 = (1 / (training.made_K1 + 1)).clamp_min(MOMENTUM)
        return share_K1 if training.active_K1 is None else share_K1 * training.active_K1
    pairs = zip(training.steps, training.active, strict=True)
    shares = [max(MOMENTUM, 1 / (step + 1)) if on else 0.0 for step, on in pairs]
    return torch.tensor(shares, dtype=like.dtype, device=like.device).unsqueeze(1)


def there(
    x_KBO: torch.Tensor, scale_KO: torch.Tensor, shift_KO: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Kept]:
    """Return (x - mean) / sqrt(variance + 1e-5) * scale + shift, mean and variance [K, O], and what is kept."""
    mean_KO = _sum(x_KBO, batch.weight_KB1) / batch.count_K1
    normal = x_KBO - mean_KO.unsqueeze(1)
    variance_KO = _sum(normal * normal, batch.weight_KB1) / batch.count_K1
    inverse_KO = torch.rsqrt(variance_KO + EPSILON)
    normal.mul_(inverse_KO.unsqueeze(1))
    result = torch.addcmul(shift_KO.unsqueeze(1), normal, scale_KO.unsqueeze(1))
    return result, mean_KO, variance_KO, (normal, inverse_KO, scale_KO, batch.weight_KB1, batch.count_K1)


def back(upper: torch.Tensor, kept: Kept) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of rows, scale and shift. Rows of padding have none of their own; they must not get one
    through mean and variance."""
    normal, inverse_KO, scale_KO, weight_KB1, count_K1 = kept
    for_shift_KO, for_scale_KO = upper.sum(1), (upper * normal).sum(1)
    mean_K1O, slope_K1O = (for_shift_KO / count_K1).unsqueeze(1), (for_scale_KO / count_K1).unsqueeze(1)
    through = torch.addcmul(mean_K1O, normal, slope_K1O)
    if weight_KB1 is not None:
        through.mul_(weight_KB1)
    return (upper - through).mul_((inverse_KO * scale_KO).unsqueeze(1)), for_scale_KO, for_shift_KO


class BatchNorm(torch.autograd.Function):
    """There and back, for autograd. Returns also mean and variance [K, O]."""

    @staticmethod
    def forward(
        ctx: Any, x_KBO: torch.Tensor, scale_KO: torch.Tensor, shift_KO: torch.Tensor, batch: Batch
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See `there`."""
        result, mean_KO, variance_KO, kept = there(x_KBO, scale_KO, shift_KO, batch)
        ctx.save_for_backward(*kept)
        ctx.mark_non_differentiable(mean_KO, variance_KO)
        return result, mean_KO, variance_KO

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """See `back`."""
        return *back(gradients[0], ctx.saved_tensors), None


def batch_norm(
    name: str, parameters: Views, buffers: Views, h_KBO: torch.Tensor, training: TrainingPass | None
) -> torch.Tensor:
    """Standardise by the batch while training, else by the running statistics; `name` is that of the tensors."""
    scale_KO, shift_KO = parameters[f"{name}.scale"], parameters[f"{name}.shift"]
    if training is None:
        return batch_norm_prediction(h_KBO, scale_KO, shift_KO, *running(name, buffers))
    batch = batch_of(training, h_KBO)
    apply: Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = BatchNorm.apply
    result, mean_KO, variance_KO = apply(h_KBO, scale_KO, shift_KO, batch)
    remember(running(name, buffers), mean_KO, variance_KO, batch)
    return result


def running(name: str, buffers: Views) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the running mean and variance [K, O] of the layer of this name."""
    return buffers[f"{name}.mean"], buffers[f"{name}.variance"]


def remember(
    running_KO: tuple[torch.Tensor, torch.Tensor], mean_KO: torch.Tensor, variance_KO: torch.Tensor, batch: Batch
) -> None:
    """Bring the running mean and variance up to date, in place (`fresh_share`)."""
    unbiased_KO = variance_KO * (batch.count_K1 / (batch.count_K1 - 1).clamp_min(1.0))
    for kept_KO, new_KO in zip(running_KO, (mean_KO, unbiased_KO), strict=True):
        kept_KO.add_(batch.share_K1 * (new_KO - kept_KO))


def batch_norm_prediction(
    x_KBO: torch.Tensor,
    scale_KO: torch.Tensor,
    shift_KO: torch.Tensor,
    mean_KO: torch.Tensor,
    variance_KO: torch.Tensor,
) -> torch.Tensor:
    """Standardise by the running statistics."""
    slope_KO = scale_KO * torch.rsqrt(variance_KO + EPSILON)
    return torch.addcmul((shift_KO - mean_KO * slope_KO).unsqueeze(1), x_KBO, slope_KO.unsqueeze(1))


def _sum(x_KBO: torch.Tensor, weight_KB1: torch.Tensor | None) -> torch.Tensor:
    # x * 1.0 is x to the last bit: a model gets the same sum whether its neighbours need padding or not
    return x_KBO.sum(1) if weight_KB1 is None else (x_KBO * weight_KB1).sum(1)
