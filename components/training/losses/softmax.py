"""Cross-entropy of logits with a backward pass of its own: softmax less the labels, in two passes over the outputs.

Autograd goes back through picking, smoothing and log-softmax one by one, with a tensor of zeros on the way: at width 64
that cost an eleventh of a step.

Legend: K models, B rows of a batch, C outputs (logits).
"""

from collections.abc import Callable
from typing import Any

import torch


class _Surprise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, outputs_KBC: torch.Tensor, target_KB: torch.Tensor, smooth_K1: torch.Tensor | None
    ) -> torch.Tensor:
        logs_KBC, target_KB1 = outputs_KBC.log_softmax(2), target_KB.unsqueeze(2)
        ctx.save_for_backward(logs_KBC, target_KB1, smooth_K1)
        right_KB = logs_KBC.gather(2, target_KB1).squeeze(2)
        if smooth_K1 is not None:
            right_KB = (1 - smooth_K1) * right_KB + smooth_K1 * logs_KBC.mean(2)
        return right_KB.neg_()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        logs_KBC, target_KB1, smooth_K1 = ctx.saved_tensors
        upper_KB1 = gradients[0].unsqueeze(2)
        found_KBC = logs_KBC.exp().mul_(upper_KB1)
        if smooth_K1 is None:
            return found_KBC.scatter_add_(2, target_KB1, -upper_KB1), None, None
        smooth_K11 = smooth_K1.unsqueeze(2)
        found_KBC -= upper_KB1 * (smooth_K11 / found_KBC.shape[2])
        return found_KBC.scatter_add_(2, target_KB1, upper_KB1 * (smooth_K11 - 1)), None, None


def surprise(outputs_KBC: torch.Tensor, target_KB: torch.Tensor, smooth_K1: torch.Tensor | None) -> torch.Tensor:
    """Return minus the log of the probability of the right class [K, B]; of smoothed labels by their shares."""
    apply: Callable[..., torch.Tensor] = _Surprise.apply
    return apply(outputs_KBC, target_KB, smooth_K1)
