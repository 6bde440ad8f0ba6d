"""Learning rate schedules: what the learning rate is multiplied by, as a function of the epochs that are over.

Time is a real number: 2.5 is the middle of the third epoch, so that short trainings are as smooth as long ones. At
whole numbers the values are those of torch.optim.lr_scheduler stepped once an epoch (a test holds them to it).
"""

import math
from typing import Literal

from components.core.specs import Spec, setting


class Constant(Spec):
    """The same learning rate all the time."""

    kind: Literal["constant"] = setting("constant", "the same rate all the time")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return 1."""
        return 1.0


class Step(Spec):
    """Multiplied by `by` after every `every` epochs (torch: StepLR)."""

    kind: Literal["step"] = setting("step", "falls in steps")
    every: int = setting(16, "epochs between two steps", ge=1)
    by: float = setting(0.3, "what the rate is multiplied by at a step", gt=0, le=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return by ** (steps that are over)."""
        return float(self.by ** math.floor(epoch / self.every))


class Exponential(Spec):
    """Multiplied by `by` every epoch (torch: ExponentialLR)."""

    kind: Literal["exponential"] = setting("exponential", "falls by the same share every epoch")
    by: float = setting(0.95, "what the rate is multiplied by in an epoch", gt=0, le=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return by ** epoch."""
        return float(self.by**epoch)


class Cyclical(Spec):
    """A triangle between `lowest` and 1 (Smith 2017; torch: CyclicLR, mode triangular)."""

    kind: Literal["cyclical"] = setting("cyclical", "rises and falls again and again")
    period: int = setting(16, "epochs from one low to the next", ge=2)
    lowest: float = setting(0.1, "share of the rate at the low", ge=0, lt=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return lowest at multiples of the period, 1 in the middle between them, straight lines else."""
        half = self.period / 2
        height = 1 - abs((epoch % self.period) / half - 1)
        return self.lowest + (1 - self.lowest) * height


class Cosine(Spec):
    """Half a cosine from 1 to 0 over the whole training (Loshchilov and Hutter 2017; torch: CosineAnnealingLR)."""

    kind: Literal["cosine"] = setting("cosine", "falls to nothing along half a cosine")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return (1 + cos(pi * epoch / epochs)) / 2."""
        return 0.5 * (1 + math.cos(math.pi * epoch / epochs))


Schedule = Constant | Step | Exponential | Cyclical | Cosine
