"""Adagrad (Duchi, Hazan and Singer 2011): steps scaled by the sum of squared gradients. Equal to torch.optim.Adagrad.

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


class Adagrad(Spec):
    """Adagrad."""

    kind: Literal["adagrad"] = setting("adagrad", "steps scaled by the sum of squared gradients")
    lr: float = setting(1.0e-2, "learning rate", search=LR_PLAIN, gt=0)
    lr_decay: float = setting(0.0, "the rate of step n is divided by 1 + (n - 1) times this", ge=0)
    initial: float = setting(0.0, "what the sum of squares begins with", ge=0)
    eps: float = setting(1.0e-10, "added to the divisor of a step", gt=0)
    l2: float = setting(0.0, L2, ge=0)

    @property
    def num_states(self) -> int:
        """Rows [P] that it remembers."""
        return 1

    def begin(self, states: "Sequence[Tensor]") -> None:
        """See `SGD.begin`."""
        states[0].fill_(self.initial)

    def step(self, moving: Moving, lr: float) -> None:
        """See `SGD.step`."""
        torch._fused_adagrad_(
            moving.rows,
            moving.gradients,
            moving.states[0],
            moving.steps,
            lr=lr,
            lr_decay=self.lr_decay,
            weight_decay=self.l2,
            eps=self.eps,
            maximize=False,
        )

    def step_stack(self, now: StackStep) -> None:
        """See `SGD.step_stack`."""
        numbers, states, grad_KP = now.numbers, now.states, now.gradients_with_l2()
        sum_KP = now.put(states[0], states[0] + grad_KP * grad_KP)
        rate_K1 = now.rate_K1 / (1 + (now.step_K1 - 1) * numbers["lr_decay"])
        now.move(-rate_K1 * grad_KP / (sum_KP.sqrt() + numbers["eps"]))
