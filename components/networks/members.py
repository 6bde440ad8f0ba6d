"""Layers of m members that share one matrix (BatchEnsemble, Wen 2020): member i computes s_i * (W (r_i * x)) + b_i.

Folded into the weights, a member's matrix is diag(s_i) W diag(r_i), and members stand in a product side by side.
Folded into the rows, x is multiplied by r_i before one product of all members, and by s_i behind it. Both take the
same products; what differs is whether weights or rows are gone through elementwise, so the fewer are. Measured on a
CPU with one thread (milliseconds of a step, 16 members, 3 layers of 128, 256 rows): weights 13.6, rows 17.9, the same
products with nothing elementwise at all 13.5.

Legend: K models, m members, B rows, I inputs, O outputs.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from components.networks.activations import FUNCTIONS, Activation
from components.networks.blocks import linear
from components.networks.store import aligned


class Folded(torch.autograd.Function):
    """The members' own matrices [K * m, O, I] from one of all members, or from one each.

    Each begins at a cache line, so that its products have the same bits whatever stands before it (`blocks.py`).
    """

    @staticmethod
    def forward(
        ctx: Any, weight_KmOI: torch.Tensor, r_KmI: torch.Tensor | None, s_KmO: torch.Tensor | None, members: int
    ) -> torch.Tensor:
        """`weight_KmOI`: m is 1 where members share it. `r_KmI`, `s_KmO`: None where there are none."""
        models, _, outputs, inputs = weight_KmOI.shape
        room = weight_KmOI.new_empty(models, members, aligned(outputs * inputs))
        own_KmOI = room[..., : outputs * inputs].view(models, members, outputs, inputs)
        if r_KmI is None:
            own_KmOI.copy_(weight_KmOI)
        else:
            torch.mul(weight_KmOI, r_KmI.unsqueeze(2), out=own_KmOI)
        if s_KmO is not None:
            own_KmOI.mul_(s_KmO.unsqueeze(3))
        ctx.save_for_backward(weight_KmOI, r_KmI, s_KmO)
        return own_KmOI.flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of a shared matrix is the sum of its members'."""
        weight_KmOI, r_KmI, s_KmO = ctx.saved_tensors
        models, shared = weight_KmOI.shape[:2]
        upper = gradients[0].view(models, -1, *weight_KmOI.shape[2:])
        for_r = for_s = None
        if r_KmI is not None:
            of_r = upper * weight_KmOI
            for_r = (of_r if s_KmO is None else of_r.mul_(s_KmO.unsqueeze(3))).sum(2)
            upper = upper * r_KmI.unsqueeze(2)
        if s_KmO is not None:
            for_s = (upper * weight_KmOI).sum(3)
            upper = upper * s_KmO.unsqueeze(3)
        return (upper.sum(1, keepdim=True) if shared == 1 else upper), for_r, for_s, None


def folded(
    weight_KmOI: torch.Tensor, r_KmI: torch.Tensor | None, s_KmO: torch.Tensor | None, members: int
) -> torch.Tensor:
    """See `Folded`."""
    apply: Callable[..., torch.Tensor] = Folded.apply
    return apply(weight_KmOI, r_KmI, s_KmO, members)


def adapted(
    x_KmBI: torch.Tensor,
    weight_KOI: torch.Tensor,
    r_KmI: torch.Tensor,
    s_KmO: torch.Tensor | None,
    bias_KmO: torch.Tensor,
    activation: Activation,
) -> torch.Tensor:
    """Return activation(s * (W (r * x)) + b) of every member [K, m, B, O].

    m of `x_KmBI` is 1 where members see the same rows, that of `bias_KmO` where they share it. `s_KmO` None: 1.
    """
    models, members, inputs = r_KmI.shape
    batch, outputs = x_KmBI.shape[2], weight_KOI.shape[1]
    if batch < inputs:
        mixed_KNI = (x_KmBI * r_KmI.unsqueeze(2)).flatten(1, 2)
        if s_KmO is None:
            return _rows(mixed_KNI, weight_KOI, bias_KmO[:, 0], activation, members)
        made_KmBO = _rows(mixed_KNI, weight_KOI, torch.zeros_like(bias_KmO[:, 0]), None, members)
        return FUNCTIONS[activation](torch.addcmul(bias_KmO.unsqueeze(2), made_KmBO, s_KmO.unsqueeze(2)))
    own_XOI = folded(weight_KOI.unsqueeze(1), r_KmI, s_KmO, members)
    x_XBI = x_KmBI.expand(-1, members, -1, -1).reshape(models * members, batch, inputs)
    bias_XO = bias_KmO.expand(-1, members, -1).reshape(models * members, outputs)
    return linear(x_XBI, own_XOI, bias_XO, activation).view(models, members, batch, outputs)


def shared(
    h_KmBI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation
) -> torch.Tensor:
    """Return activation(W h + b) of every member [K, m, B, O], which share all of it."""
    return _rows(h_KmBI.flatten(1, 2), weight_KOI, bias_KO, activation, h_KmBI.shape[1])


def heads(h_KmBI: torch.Tensor, weight_KmOI: torch.Tensor, bias_KmO: torch.Tensor) -> torch.Tensor:
    """Return W_i h + b_i [K, m, B, O]: every member has a matrix of its own."""
    made = linear(h_KmBI.flatten(0, 1), folded(weight_KmOI, None, None, h_KmBI.shape[1]), bias_KmO.flatten(0, 1), None)
    return made.view(*h_KmBI.shape[:3], -1)


def _rows(
    h_KNI: torch.Tensor, weight_KOI: torch.Tensor, bias_KO: torch.Tensor, activation: Activation | None, members: int
) -> torch.Tensor:
    """Return the block of all members' rows N = m * B, member by member again."""
    made_KNO = linear(h_KNI, weight_KOI, bias_KO, activation)
    return made_KNO.view(len(h_KNI), members, -1, made_KNO.shape[2])


def agreed(outputs_KBmC: torch.Tensor) -> torch.Tensor:
    """Return what members say together [K, B, C]: the log of their mean probability, or their mean value (C = 1)."""
    if outputs_KBmC.shape[3] == 1:
        return outputs_KBmC.mean(2)
    return outputs_KBmC.log_softmax(3).logsumexp(2) - math.log(outputs_KBmC.shape[2])
