"""Parametric activations: each unit learns its own mix of a line and the activation (RealMLP, Holzmüller 2024).

z + mix (activation(z) - z); the mix begins at 1, which is the activation alone. It learns at a tenth of the learning
rate: what is held is ten times the mix.

Legend: K models, B rows of a batch, O units.
"""

from collections.abc import Callable
from typing import Any

import torch

from components.networks.activations import Activation
from components.networks.blocks import STEPS
from components.networks.scaled import MIX_RATE


class Mix(torch.autograd.Function):
    """z + mix (activation(z) - z), written by hand in few passes over memory."""

    @staticmethod
    def forward(ctx: Any, z_KBO: torch.Tensor, mix_KO: torch.Tensor, activation: Activation) -> torch.Tensor:
        """Return [K, B, O]."""
        step = STEPS[activation]
        active, kept = step.forward(z_KBO.clone() if step.in_place else z_KBO, any(ctx.needs_input_grad))
        ctx.activation = activation
        ctx.save_for_backward(z_KBO, active, kept, mix_KO)
        return torch.lerp(z_KBO, active, mix_KO.unsqueeze(1))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Through the line, and through the activation: mixed as the values are."""
        z_KBO, active, kept, mix_KO = ctx.saved_tensors
        upper = gradients[0]
        for_mix = (active - z_KBO).mul_(upper).sum(1)
        bent = STEPS[ctx.activation].backward(upper, kept, torch.empty_like(upper))
        return torch.lerp(upper, bent, mix_KO.unsqueeze(1), out=bent), for_mix, None


def parametric(z_KBO: torch.Tensor, held_KO: torch.Tensor, activation: Activation) -> torch.Tensor:
    """Return the mix of line and activation; `held_KO`: mixes as they are held, 1 / MIX_RATE as large."""
    apply: Callable[..., torch.Tensor] = Mix.apply
    return apply(z_KBO, held_KO * MIX_RATE, activation)
