"""From the steps of a sequence to one vector a row: the last state, the mean of the steps, or a learned mean.

attention  weights softmax(v tanh(W h + b)) over the steps (Yang 2016, hierarchical attention)

Steps behind the end of a sequence never count. Legend: K models, B rows, T steps, O width of a step.
"""

import torch

from components.networks import blocks


def mean(h_KBTO: torch.Tensor, valid_KBT: torch.Tensor | None) -> torch.Tensor:
    """Return the mean over the steps that count [K, B, O]; 0 where there are none."""
    if valid_KBT is None:
        return h_KBTO.mean(2)
    weight_KBT1 = valid_KBT.unsqueeze(3).to(h_KBTO.dtype)
    return (h_KBTO * weight_KBT1).sum(2) / weight_KBT1.sum(2).clamp_min(1.0)


def attention(
    h_KBTO: torch.Tensor,
    valid_KBT: torch.Tensor | None,
    weight_KOO: torch.Tensor,
    bias_KO: torch.Tensor,
    query_KO: torch.Tensor,
) -> torch.Tensor:
    """Return the mean weighted by what a learned query finds [K, B, O]."""
    models, rows, steps, width = h_KBTO.shape
    seen = torch.tanh(blocks.linear(h_KBTO.reshape(models, rows * steps, width), weight_KOO, bias_KO))
    scores_KBT = (seen * query_KO.unsqueeze(1)).sum(2).view(models, rows, steps)
    if valid_KBT is not None:
        scores_KBT = scores_KBT.masked_fill(~valid_KBT, torch.finfo(scores_KBT.dtype).min)
    return (h_KBTO * torch.softmax(scores_KBT, dim=2).unsqueeze(3)).sum(2)
