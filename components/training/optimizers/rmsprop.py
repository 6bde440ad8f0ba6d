"""RMSprop (Hinton 2012): steps scaled by a running mean of squared gradients. Equal to torch.optim.RMSprop.

torch has no fused kernel for it, so it is written out. `centered`: Graves 2013.

Legend: K models, P floats of one.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from components.core.specs import Spec, setting
from components.training.optimizers.common import L2, LR_ADAPTIVE, Moving, StackStep

if TYPE_CHECKING:
    from torch import Tensor


class RMSprop(Spec):
    """RMSprop."""

    kind: Literal["rmsprop"] = setting("rmsprop", "steps scaled by a running mean of squared gradients")
    lr: float = setting(1.0e-3, "learning rate", search=LR_ADAPTIVE, gt=0)
    alpha: float = setting(0.99, "share of the running mean that stays in a step", ge=0, lt=1)
    momentum: float = setting(0.0, "share of the last step that is made again", ge=0, lt=1)
    centered: bool = setting(False, "squares taken from the running mean of gradients: their variance")
    eps: float = setting(1.0e-8, "added to the divisor of a step", gt=0)
    l2: float = setting(0.0, L2, ge=0)

    @property
    def num_states(self) -> int:
        """Rows [P] that it remembers: squares, steps, means."""
        return 3 if self.centered else 2

    def begin(self, states: "Sequence[Tensor]") -> None:
        """See `SGD.begin`."""

    def step(self, moving: Moving, lr: float) -> None:
        """See `SGD.step`."""
        for row_P, grad_P, *states in zip(moving.rows, moving.gradients, *moving.states, strict=True):
            self._move(row_P, grad_P, states, lr)

    def _move(self, row_P: "Tensor", grad_P: "Tensor", states: "Sequence[Tensor]", lr: float) -> None:
        gradient_P = grad_P.add(row_P, alpha=self.l2) if self.l2 else grad_P
        divisor_P = states[0].mul_(self.alpha).addcmul_(gradient_P, gradient_P, value=1 - self.alpha)
        if self.centered:
            mean_P = states[2].lerp_(gradient_P, 1 - self.alpha)
            divisor_P = divisor_P.addcmul(mean_P, mean_P, value=-1)
        divisor_P = divisor_P.sqrt().add_(self.eps)
        if self.momentum:
            row_P.add_(states[1].mul_(self.momentum).addcdiv_(gradient_P, divisor_P), alpha=-lr)
        else:
            row_P.addcdiv_(gradient_P, divisor_P, value=-lr)

    def step_stack(self, now: StackStep) -> None:
        """See `SGD.step_stack`."""
        numbers, states, grad_KP = now.numbers, now.states, now.gradients_with_l2()
        alpha_K1 = numbers["alpha"]
        squares_KP = now.put(states[0], states[0] * alpha_K1 + grad_KP * grad_KP * (1 - alpha_K1))
        if self.centered:
            mean_KP = now.put(states[2], states[2] + (grad_KP - states[2]) * (1 - alpha_K1))
            squares_KP = squares_KP - mean_KP * mean_KP
        scaled_KP = grad_KP / (squares_KP.sqrt() + numbers["eps"])
        now.move(-now.rate_K1 * now.put(states[1], states[1] * numbers["momentum"] + scaled_KP))
