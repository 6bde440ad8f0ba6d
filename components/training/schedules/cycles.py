"""Schedules that rise: triangles again and again, and one long cycle (Smith 2017, 2018).

torch's CyclicLR and OneCycleLR also cycle the momentum unless told otherwise; here momentum stays as it is
(cycle_momentum=False): a schedule is of the rate alone, for every optimizer alike.
"""

import math
from typing import Literal

from components.core.specs import Spec, setting


class Cyclical(Spec):
    """Triangles between `lowest` and 1 (torch: CyclicLR)."""

    kind: Literal["cyclical"] = setting("cyclical", "rises and falls again and again")
    mode: Literal["triangular", "triangular2", "exp_range"] = setting(
        "triangular", "triangular2 halves the height in every cycle, exp_range lowers it in every epoch"
    )
    period: int = setting(16, "epochs from one low to the next", ge=2)
    lowest: float = setting(0.1, "share of the rate at the low", ge=0, lt=1)
    by: float = setting(0.95, "for exp_range: what the height is multiplied by in an epoch", gt=0, le=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return lowest at multiples of the period, the cycle's height in the middle between them."""
        height = 1 - abs(2 * (epoch % self.period) / self.period - 1)
        if self.mode == "triangular2":
            height *= 0.5 ** math.floor(epoch / self.period)
        elif self.mode == "exp_range":
            height *= self.by**epoch
        return self.lowest + (1 - self.lowest) * height

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return the multiples of the period, and the end."""
        return (*range(self.period, epochs, self.period), epochs)


class OneCycle(Spec):
    """Up for a while, then down below where it began (Smith and Topin 2018; torch: OneCycleLR).

    torch counts so that the lowest rate is that of the last step; here it is reached when all steps are over.
    """

    kind: Literal["one_cycle"] = setting("one_cycle", "rises once, then falls to nothing")
    rise: float = setting(0.3, "share of the training in which the rate rises", gt=0, lt=1)
    first: float = setting(0.04, "share of the rate at the beginning", gt=0, le=1)
    last: float = setting(4.0e-6, "share of the rate at the end", ge=0, le=1)
    shape: Literal["cosine", "linear"] = setting("cosine", "the form of both slopes")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return `first` at the beginning, 1 at the peak, `last` at the end."""
        share = epoch / epochs
        if share <= self.rise:
            return self._between(self.first, 1.0, share / self.rise)
        return self._between(1.0, self.last, (share - self.rise) / (1 - self.rise))

    def _between(self, start: float, end: float, share: float) -> float:
        done = share if self.shape == "linear" else 0.5 * (1 - math.cos(math.pi * share))
        return start + (end - start) * done

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return the end alone: there is one cycle."""
        return (epochs,)
