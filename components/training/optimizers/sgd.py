"""Stochastic gradient descent, with momentum (Polyak 1964) that may look ahead (Nesterov 1983).

Equal to torch.optim.SGD. torch refuses Nesterov with dampening; here it is what the formula says.

Legend: K models, P floats of one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.specs import Spec, setting
from components.training.optimizers.common import L2, LR_PLAIN, Moving, StackStep

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy("torch")


class SGD(Spec):
    """Stochastic gradient descent."""

    kind: Literal["sgd"] = setting("sgd", "stochastic gradient descent")
    lr: float = setting(0.05, "learning rate", search=LR_PLAIN, gt=0)
    momentum: float = setting(0.9, "share of the last step that is made again", ge=0, lt=1)
    dampening: float = setting(0.0, "share of a gradient that momentum does not take in, but for the first", ge=0, lt=1)
    nesterov: bool = setting(True, "momentum looks ahead; without momentum it changes nothing")
    l2: float = setting(0.0, L2, ge=0)

    @property
    def num_states(self) -> int:
        """Rows [P] that it remembers."""
        return 1

    def begin(self, states: "Sequence[Tensor]") -> None:
        """Fill the memory of one row, or of many, before the first step."""

    def step(self, moving: Moving, lr: float) -> None:
        """Make a step in place; `lr` is its learning rate."""
        torch._fused_sgd_(
            moving.rows,
            moving.gradients,
            moving.states[0] if self.momentum else [],
            weight_decay=self.l2,
            momentum=self.momentum,
            lr=lr,
            dampening=self.dampening,
            nesterov=self.nesterov and self.momentum > 0,
            maximize=False,
            is_first_step=self.dampening > 0 and bool(moving.steps[0] == 1),  # else a memory of zeros gives the same
        )

    def step_stack(self, now: StackStep) -> None:
        """Make the same step for K rows at once, in a fixed sequence of kernels (to be captured or compiled).

        `now.numbers` holds the rows' own settings, `self` those that they share.
        """
        momentum_K1, memory_KP, grad_KP = now.numbers["momentum"], now.states[0], now.gradients_with_l2()
        taken_K1 = torch.where(now.step_K1 == 1, torch.ones_like(now.rate_K1), 1 - now.numbers["dampening"])
        memory_KP = now.put(memory_KP, memory_KP * momentum_K1 + grad_KP * taken_K1)
        ahead_KP = torch.addcmul(grad_KP, memory_KP, momentum_K1) if self.nesterov else memory_KP
        now.move(-now.rate_K1 * torch.where(momentum_K1 == 0, grad_KP, ahead_KP))
