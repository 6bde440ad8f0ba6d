"""Schedules that never rise: constant, step, exponential."""

import math
from typing import Literal

from components.core.specs import Spec, setting


class Constant(Spec):
    """The same learning rate all the time."""

    kind: Literal["constant"] = setting("constant", "the same rate all the time")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return 1."""
        return 1.0

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return None: there are no cycles."""
        return None


class Step(Spec):
    """Multiplied by `by` after every `every` epochs (torch: StepLR)."""

    kind: Literal["step"] = setting("step", "falls in steps")
    every: int = setting(16, "epochs between two steps", ge=1)
    by: float = setting(0.3, "what the rate is multiplied by at a step", gt=0, le=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return by ** (steps that are over)."""
        return float(self.by ** math.floor(epoch / self.every))

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return None: there are no cycles."""
        return None


class Exponential(Spec):
    """Multiplied by `by` every epoch (torch: ExponentialLR)."""

    kind: Literal["exponential"] = setting("exponential", "falls by the same share every epoch")
    by: float = setting(0.95, "what the rate is multiplied by in an epoch", gt=0, le=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return by ** epoch."""
        return float(self.by**epoch)

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return None: there are no cycles."""
        return None
