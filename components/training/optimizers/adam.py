"""Adam (Kingma and Ba 2015) and AdamW, Adam with decoupled weight decay (Loshchilov and Hutter 2019).

Equal to torch.optim.Adam and torch.optim.AdamW. `l2` of Adam is a penalty in the gradient, and so is scaled like it;
`weight_decay` of AdamW shrinks the parameters beside it. `amsgrad`: Reddi, Kale and Kumar 2018.

Legend: K models, P floats of one.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.specs import Spec, setting
from components.training.optimizers.common import L2, LR_ADAPTIVE, Moving, StackStep

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy("torch")


class _Moments(Spec):
    """What both have."""

    lr: float = setting(1.0e-3, "learning rate", search=LR_ADAPTIVE, gt=0)
    beta1: float = setting(0.9, "share of the running mean of gradients that stays in a step", ge=0, lt=1)
    beta2: float = setting(0.999, "share of the running mean of squared gradients that stays in a step", ge=0, lt=1)
    eps: float = setting(1.0e-8, "added to the divisor of a step", gt=0)
    amsgrad: bool = setting(False, "steps divided by the largest mean of squares so far")

    @property
    def num_states(self) -> int:
        """Rows [P] that it remembers."""
        return 3 if self.amsgrad else 2

    def begin(self, states: "Sequence[Tensor]") -> None:
        """See `SGD.begin`."""

    def _step(self, fused: Callable[..., None], moving: Moving, lr: float, decay: float) -> None:
        fused(
            moving.rows,
            moving.gradients,
            moving.states[0],
            moving.states[1],
            moving.states[2] if self.amsgrad else [],
            moving.steps,
            lr=lr,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=decay,
            eps=self.eps,
            amsgrad=self.amsgrad,
            maximize=False,
        )

    def _move(self, now: StackStep, grad_KP: "Tensor") -> None:
        states, beta1_K1, beta2_K1 = now.states, now.numbers["beta1"], now.numbers["beta2"]
        mean_KP = now.put(states[0], states[0] + (grad_KP - states[0]) * (1 - beta1_K1))
        squares_KP = now.put(states[1], states[1] * beta2_K1 + grad_KP * grad_KP * (1 - beta2_K1))
        if self.amsgrad:
            squares_KP = now.put(states[2], torch.maximum(states[2], squares_KP))
        divisor_KP = squares_KP.sqrt() / (1 - beta2_K1**now.step_K1).sqrt() + now.numbers["eps"]
        now.move(-now.rate_K1 / (1 - beta1_K1**now.step_K1) * mean_KP / divisor_KP)


class Adam(_Moments):
    """Adam."""

    kind: Literal["adam"] = setting("adam", "steps scaled by running moments of the gradient")
    l2: float = setting(0.0, L2, ge=0)

    def step(self, moving: Moving, lr: float) -> None:
        """See `SGD.step`."""
        self._step(torch._fused_adam_, moving, lr, self.l2)

    def step_stack(self, now: StackStep) -> None:
        """See `SGD.step_stack`."""
        self._move(now, now.gradients_with_l2())


class AdamW(_Moments):
    """Adam with decoupled weight decay."""

    kind: Literal["adamw"] = setting("adamw", "Adam with weight decay beside the gradient")
    lr: float = setting(2.0e-3, "learning rate", search=LR_ADAPTIVE, gt=0)
    weight_decay: float = setting(
        1.0e-2, "share by which weights shrink, times lr", search={"low": 1.0e-6, "high": 1.0e-1, "log": True}, ge=0
    )

    def step(self, moving: Moving, lr: float) -> None:
        """See `SGD.step`."""
        self._step(torch._fused_adamw_, moving, lr, self.weight_decay)

    def step_stack(self, now: StackStep) -> None:
        """See `SGD.step_stack`."""
        now.put(now.rows_KP, now.rows_KP * (1 - now.rate_K1 * now.numbers["weight_decay"]))
        self._move(now, now.gradients_KP)
