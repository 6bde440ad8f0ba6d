"""Convolutions over images, and batch normalization over their channels, for K models at once.

On a GPU the models are folded into the channels: one convolution in K groups. On a CPU grouped convolutions are 4 to 5
times slower than one model after the other, so there K is 1 here (`row_by_row.py`). Images lie with their channels
last, kernels as [O, height, width, I]: what oneDNN reads fastest, and no copy for images of a data set.
(Measured, batch 128: batch norm half, max pooling a quarter of the time of channels first.)

Legend: K models, B rows, H W height and width, I O channels before and after; h_BCHW has C = K * channels.
"""

import torch
from torch.nn import functional

from components.networks import products
from components.networks.batch_norm import EPSILON, fresh_share
from components.networks.network import TrainingPass
from components.networks.sides import Padding


def fold(x_KBHWI: torch.Tensor) -> torch.Tensor:
    """Return images [B, K * I, H, W] with their channels last in memory: a view where K is 1."""
    if len(x_KBHWI) == 1:
        return x_KBHWI[0].permute(0, 3, 1, 2)
    return x_KBHWI.permute(1, 2, 3, 0, 4).flatten(3).permute(0, 3, 1, 2)


def convolution(
    h_BCHW: torch.Tensor, kernel_KOhwI: torch.Tensor, bias_KO: torch.Tensor | None, stride: int, padding: Padding
) -> torch.Tensor:
    """Return each model's convolution of its own channels: [B, K * O, H', W']."""
    before, after = padding
    if before != after:
        h_BCHW = functional.pad(h_BCHW, (before, after, before, after))
        before = 0
    kernel = kernel_KOhwI.flatten(0, 1).permute(0, 3, 1, 2)
    bias = None if bias_KO is None else bias_KO.flatten()
    return products.conv2d(h_BCHW, kernel, bias, stride, before, groups=len(kernel_KOhwI))


def shortcut(h_BCHW: torch.Tensor, kernel: int, stride: int, padding: Padding) -> torch.Tensor:
    """Return the pixels in the middle of each window of a convolution: what its result is added to."""
    before, after = padding
    left, right = before - (kernel - 1) // 2, after - kernel // 2
    if left or right:
        h_BCHW = functional.pad(h_BCHW, (left, right, left, right))  # negative: cut off
    return h_BCHW[:, :, ::stride, ::stride]


def batch_norm(
    h_BCHW: torch.Tensor,
    scale_KO: torch.Tensor,
    shift_KO: torch.Tensor,
    running: tuple[torch.Tensor, torch.Tensor],
    training: TrainingPass | None,
) -> torch.Tensor:
    """Standardise each channel over rows and pixels (Ioffe 2015); running statistics as in `batch_norm.py`."""
    scale, shift = scale_KO.flatten(), shift_KO.flatten()
    if training is None:
        mean, variance = running
        return functional.batch_norm(h_BCHW, mean.flatten(), variance.flatten(), scale, shift, eps=EPSILON)
    with torch.no_grad():
        found = torch.zeros_like(scale), torch.ones_like(scale)
    counts = training.weight_KB is None and h_BCHW[:, 0].numel() > 1
    if counts:  # torch's own, which leaves mean and unbiased variance behind
        normal = functional.batch_norm(h_BCHW, *found, scale, shift, training=True, momentum=1.0, eps=EPSILON)
    else:
        normal, found = _weighted(h_BCHW, scale, shift, training.weight_KB)
    share_K1 = fresh_share(training, scale)
    for kept_KO, new in zip(running, found, strict=True):
        kept_KO.add_(share_K1 * (new.view(kept_KO.shape) - kept_KO))
    return normal


def _weighted(
    h_BCHW: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, weight_KB: torch.Tensor | None
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Standardise where rows of padding must not count (or where there is one pixel only)."""
    batch, channels, height, width = h_BCHW.shape
    if weight_KB is None:
        weight_BC11 = torch.ones(batch, channels, 1, 1, dtype=h_BCHW.dtype, device=h_BCHW.device)
    else:
        own = channels // len(weight_KB)
        weight_BC11 = weight_KB.repeat_interleave(own, dim=0).t()[:, :, None, None]
    count_C = (weight_BC11.sum(0).flatten() * height * width).clamp_min(1.0)
    mean_C = (h_BCHW * weight_BC11).sum((0, 2, 3)) / count_C
    centred = h_BCHW - mean_C[:, None, None]
    variance_C = (centred.square() * weight_BC11).sum((0, 2, 3)) / count_C
    slope_C = scale * torch.rsqrt(variance_C + EPSILON)
    normal = torch.addcmul(shift[:, None, None], centred, slope_C[:, None, None])
    unbiased_C = variance_C * (count_C / (count_C - 1).clamp_min(1.0))
    return normal, (mean_C.detach(), unbiased_C.detach())
