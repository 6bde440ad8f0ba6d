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

Kept = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""For the way back: what went in, what the activation made of it, what says its slope, the mix."""


def there(
    z_KBO: torch.Tensor, mix_KO: torch.Tensor, activation: Activation, *, way_back: bool = True
) -> tuple[torch.Tensor, Kept]:
    """Return z + mix (activation(z) - z), and what is kept."""
    step = STEPS[activation]
    active, own = step.forward(z_KBO.clone() if step.in_place else z_KBO, way_back)
    return torch.lerp(z_KBO, active, mix_KO.unsqueeze(1)), (z_KBO, active, own, mix_KO)


def back(upper: torch.Tensor, kept: Kept, activation: Activation) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of z and mix: through the line, and through the activation, mixed as the values are."""
    z_KBO, active, own, mix_KO = kept
    for_mix = (active - z_KBO).mul_(upper).sum(1)
    bent = STEPS[activation].backward(upper, own, torch.empty_like(upper))
    return torch.lerp(upper, bent, mix_KO.unsqueeze(1), out=bent), for_mix


class Mix(torch.autograd.Function):
    """There and back, for autograd."""

    @staticmethod
    def forward(ctx: Any, z_KBO: torch.Tensor, mix_KO: torch.Tensor, activation: Activation) -> torch.Tensor:
        """See `there`."""
        result, kept = there(z_KBO, mix_KO, activation)
        ctx.activation = activation
        ctx.save_for_backward(*kept)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """See `back`."""
        return *back(gradients[0], ctx.saved_tensors, ctx.activation), None


def parametric(z_KBO: torch.Tensor, held_KO: torch.Tensor, activation: Activation) -> torch.Tensor:
    """Return the mix of line and activation; `held_KO`: mixes as they are held, 1 / MIX_RATE as large."""
    mix_KO = held_KO * MIX_RATE
    if not torch.is_grad_enabled():
        return there(z_KBO, mix_KO, activation, way_back=False)[0]
    apply: Callable[..., torch.Tensor] = Mix.apply
    return apply(z_KBO, mix_KO, activation)
