"""Layers with a leading population axis: K models, each with its own weights and its own batch, in one call.

Written by hand, because torch.vmap over modules was 1.5 to 3 times slower on CPU (and below a plain loop for K < 8).
Every model gets the same bits whatever stands beside it: nothing here mixes rows. Dropout is in `dropout.py`.

Legend: K models, B rows of a batch, I inputs, O outputs.
"""

from collections.abc import Callable
from typing import Any

import torch

from components.networks.activations import Activation
from components.networks.blocks import block
from components.networks.network import TrainingPass, Views

EPSILON = 1e-5
MOMENTUM = 0.1  # share of a batch in the running statistics, as in torch


def linear(
    x_KBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation | None = None
) -> torch.Tensor:
    """Return x W' + b, and its activation: [K, B, O]. Weights are stored [O, I], which is 4 to 6 times faster where O
    is narrow."""
    return block(x_KBI, weight_KOI, bias_KO, activation)


class BatchNorm(torch.autograd.Function):
    """(x - mean) / sqrt(variance + 1e-5) * scale + shift over the rows of a batch that count (Ioffe 2015).

    torch's own batch norm knows no weights, and rows of padding must not enter a mean. Written out with its backward
    pass it is as fast as torch's with the models folded into channels. Returns also mean and variance [K, O].
    """

    @staticmethod
    def forward(
        ctx: Any,
        x_KBO: torch.Tensor,
        scale_KO: torch.Tensor,
        shift_KO: torch.Tensor,
        weight_KB1: torch.Tensor | None,
        count_K1: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`count_K1`: rows that count, at least 1."""
        mean_KO = _sum(x_KBO, weight_KB1) / count_K1
        normal = x_KBO - mean_KO.unsqueeze(1)
        variance_KO = _sum(normal * normal, weight_KB1) / count_K1
        inverse_KO = torch.rsqrt(variance_KO + EPSILON)
        normal.mul_(inverse_KO.unsqueeze(1))
        ctx.save_for_backward(normal, inverse_KO, scale_KO, weight_KB1, count_K1)
        ctx.mark_non_differentiable(mean_KO, variance_KO)
        return torch.addcmul(shift_KO.unsqueeze(1), normal, scale_KO.unsqueeze(1)), mean_KO, variance_KO

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Rows of padding have no gradient of their own; they must not get one through mean and variance."""
        normal, inverse_KO, scale_KO, weight_KB1, count_K1 = ctx.saved_tensors
        upper = gradients[0]
        for_shift_KO, for_scale_KO = upper.sum(1), (upper * normal).sum(1)
        mean_K1O, slope_K1O = (for_shift_KO / count_K1).unsqueeze(1), (for_scale_KO / count_K1).unsqueeze(1)
        through = torch.addcmul(mean_K1O, normal, slope_K1O)
        if weight_KB1 is not None:
            through.mul_(weight_KB1)
        return (upper - through).mul_((inverse_KO * scale_KO).unsqueeze(1)), for_scale_KO, for_shift_KO, None, None


def _sum(x_KBO: torch.Tensor, weight_KB1: torch.Tensor | None) -> torch.Tensor:
    # x * 1.0 is x to the last bit: a model gets the same sum whether its neighbours need padding or not
    return x_KBO.sum(1) if weight_KB1 is None else (x_KBO * weight_KB1).sum(1)


def batch_norm(
    name: str, parameters: Views, buffers: Views, h_KBO: torch.Tensor, training: TrainingPass | None
) -> torch.Tensor:
    """Standardise by the batch while training, else by the running statistics; `name` is that of the tensors."""
    running = (buffers[f"{name}.mean"], buffers[f"{name}.variance"])
    scale_KO, shift_KO = parameters[f"{name}.scale"], parameters[f"{name}.shift"]
    if training is None:
        return batch_norm_prediction(h_KBO, scale_KO, shift_KO, running)
    return batch_norm_training(h_KBO, scale_KO, shift_KO, running, training.weight_KB, fresh_share(training, h_KBO))


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


def batch_norm_training(
    x_KBO: torch.Tensor,
    scale_KO: torch.Tensor,
    shift_KO: torch.Tensor,
    running: tuple[torch.Tensor, torch.Tensor],
    weight_KB: torch.Tensor | None,
    share_K1: torch.Tensor,
) -> torch.Tensor:
    """Standardise by the batch; bring the running mean and variance [K, O] up to date, in place (`fresh_share`)."""
    num_models, batch = x_KBO.shape[:2]
    if weight_KB is None:
        count_K1 = torch.full((num_models, 1), float(batch), dtype=x_KBO.dtype, device=x_KBO.device)
        weight_KB1 = None
    else:
        weight_KB1 = weight_KB.unsqueeze(2)
        count_K1 = weight_KB.sum(1, keepdim=True).clamp_min(1.0)
    apply: Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = BatchNorm.apply
    normal, mean_KO, variance_KO = apply(x_KBO, scale_KO, shift_KO, weight_KB1, count_K1)
    unbiased_KO = variance_KO * (count_K1 / (count_K1 - 1).clamp_min(1.0))
    for kept_KO, new_KO in zip(running, (mean_KO, unbiased_KO), strict=True):
        kept_KO.add_(share_K1 * (new_KO - kept_KO))
    return normal


def batch_norm_prediction(
    x_KBO: torch.Tensor, scale_KO: torch.Tensor, shift_KO: torch.Tensor, running: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Standardise by the running statistics."""
    mean_KO, variance_KO = running
    slope_KO = scale_KO * torch.rsqrt(variance_KO + EPSILON)
    return torch.addcmul((shift_KO - mean_KO * slope_KO).unsqueeze(1), x_KBO, slope_KO.unsqueeze(1))
