"""What `numbers.py` makes of the numbers of a row, and its gradients, written by hand: a few passes over [K, N, H, B].

Rows are the last axis, so that each pass goes along memory with one number of the model's for many rows. Rows of a
data set need no gradient.

Legend: K models, B rows, n rows of a sample, N numbers of a row, H waves or bins of one, O numbers made of one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from components.networks import products

SMALLEST_WIDTH = 1e-5  # of a bin, in scaled units: what is closer counts as one value
Gradients = tuple[torch.Tensor | None, ...]


class Periodic(torch.autograd.Function):
    """weight cos(frequency x + phase) + bias, for each number by itself."""

    @staticmethod
    def forward(
        ctx: Any,
        x_KNB: torch.Tensor,
        frequency_KNH: torch.Tensor,
        phase_KNH: torch.Tensor,
        weight_KNOH: torch.Tensor,
        bias_KNO: torch.Tensor,
    ) -> torch.Tensor:
        """Return [K, N, O, B]."""
        angle_KNHB = (x_KNB.unsqueeze(2) * frequency_KNH.unsqueeze(3)).add_(phase_KNH.unsqueeze(3))
        wave_KNHB = angle_KNHB.cos()
        ctx.save_for_backward(x_KNB, angle_KNHB, wave_KNHB, weight_KNOH)
        return _mapped(wave_KNHB, weight_KNOH, bias_KNO)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Gradients:
        """One product for the waves, one for the weights."""
        x_KNB, angle_KNHB, wave_KNHB, weight_KNOH = ctx.saved_tensors
        upper_KNOB = gradients[0].contiguous()
        for_weight, for_bias = _for_map(upper_KNOB, wave_KNHB)
        down = products.bmm(weight_KNOH.flatten(0, 1).transpose(1, 2), upper_KNOB.flatten(0, 1))
        for_angle = down.view(angle_KNHB.shape).mul_(angle_KNHB.sin()).neg_()
        for_phase = for_angle.sum(3)
        for_frequency = for_angle.mul_(x_KNB.unsqueeze(2)).sum(3)
        return None, for_frequency, for_phase, for_weight, for_bias


class Piecewise(torch.autograd.Function):
    """relu(weight e + bias), where e is the share of each bin that lies below the number."""

    @staticmethod
    def forward(
        ctx: Any,
        x_KNB: torch.Tensor,
        edge_KNH: torch.Tensor,
        slope_KNH: torch.Tensor,
        weight_KNOH: torch.Tensor,
        bias_KNO: torch.Tensor,
    ) -> torch.Tensor:
        """Return [K, N, O, B]."""
        share_KNHB = (x_KNB.unsqueeze(2) - edge_KNH.unsqueeze(3)).mul_(slope_KNH.unsqueeze(3)).clamp_(0.0, 1.0)
        made_KNOB = _mapped(share_KNHB, weight_KNOH, bias_KNO).relu_()
        ctx.save_for_backward(share_KNHB, made_KNOB)
        return made_KNOB

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Gradients:
        """Bins are measured, not learned."""
        share_KNHB, made_KNOB = ctx.saved_tensors
        upper_KNOB = torch.ops.aten.threshold_backward(gradients[0].contiguous(), made_KNOB, 0.0)
        return None, None, None, *_for_map(upper_KNOB, share_KNHB)


def periodic(x_KNB: torch.Tensor, *parts: torch.Tensor) -> torch.Tensor:
    """Return what waves make of numbers [K, N, O, B]; `parts`: frequencies, phases, weights, biases."""
    apply: Callable[..., torch.Tensor] = Periodic.apply
    return apply(x_KNB, *parts)


def piecewise(x_KNB: torch.Tensor, *parts: torch.Tensor) -> torch.Tensor:
    """Return what bins make of numbers [K, N, O, B]; `parts`: lower edges and slopes of bins, weights, biases."""
    apply: Callable[..., torch.Tensor] = Piecewise.apply
    return apply(x_KNB, *parts)


def bins(sample_nN: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return lower edges and slopes of bins [N, H] between quantiles: the share of a bin is (x - edge) * slope.

    Where a value is so frequent that a bin has no width, its share is always 0.
    """
    sorted_Nn = np.sort(np.ascontiguousarray(sample_nN.numpy().T), axis=1)
    places = np.rint(np.linspace(0, sorted_Nn.shape[1] - 1, count + 1)).astype(np.int64)
    edges_NE = sorted_Nn[:, places].astype(np.float64)
    width_NH = np.diff(edges_NE, axis=1)
    slope_NH = np.divide(1.0, width_NH, out=np.zeros_like(width_NH), where=width_NH > SMALLEST_WIDTH)
    return torch.from_numpy(edges_NE[:, :-1].copy()), torch.from_numpy(slope_NH)


def _mapped(from_KNHB: torch.Tensor, weight_KNOH: torch.Tensor, bias_KNO: torch.Tensor) -> torch.Tensor:
    models, numbers, outputs = bias_KNO.shape
    made = products.baddbmm(bias_KNO.flatten(0, 1).unsqueeze(2), weight_KNOH.flatten(0, 1), from_KNHB.flatten(0, 1))
    return made.view(models, numbers, outputs, -1)


def _for_map(upper_KNOB: torch.Tensor, from_KNHB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of weight and bias."""
    for_weight = products.bmm(upper_KNOB.flatten(0, 1), from_KNHB.flatten(0, 1).transpose(1, 2))
    return for_weight.view(*upper_KNOB.shape[:3], -1), upper_KNOB.sum(3)
