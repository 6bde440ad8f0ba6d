"""Schedules along cosines: half a cosine, one behind a flat first part, and four whole ones of growing length."""

import math
from typing import Literal

from components.core.specs import Spec, setting


def _half(share: float) -> float:
    """Half a cosine from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * share))


class Cosine(Spec):
    """Half a cosine over the whole training (Loshchilov and Hutter 2017; torch: CosineAnnealingLR)."""

    kind: Literal["cosine"] = setting("cosine", "falls along half a cosine")
    lowest: float = setting(0.0, "share of the rate at the end", ge=0, lt=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return 1 at the beginning, `lowest` at the end."""
        return self.lowest + (1 - self.lowest) * _half(epoch / epochs)

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return None: it only falls."""
        return None


class FlatCosine(Spec):
    """Flat, then half a cosine to 0 (what RealMLP's dropout and decay follow; Holzmüller et al. 2024)."""

    kind: Literal["flat_cosine"] = setting("flat_cosine", "flat, then falls along half a cosine")
    flat: float = setting(0.5, "share of the training in which the rate stays", ge=0, lt=1)

    def factor(self, epoch: float, epochs: int) -> float:
        """Return 1 up to flat * epochs, then half a cosine."""
        share = epoch / epochs
        return 1.0 if share <= self.flat else _half((share - self.flat) / (1 - self.flat))

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return None: it only falls."""
        return None


class CosLog4(Spec):
    """Four cycles, each twice as long as the one before: (1 - cos(2 pi log2(1 + 15 t))) / 2, t from 0 to 1.

    From RealMLP (Holzmüller, Grinsztajn and Steinwart 2024).
    """

    kind: Literal["coslog4"] = setting("coslog4", "rises and falls four times, each time twice as long")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return 0 where a cycle begins or ends, 1 in between."""
        return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * epoch / epochs)))

    def cycle_ends(self, epochs: int) -> tuple[int, ...] | None:
        """Return the first whole epochs after each cycle: about 1, 3, 7 and 15 fifteenths of all."""
        ends = (-(-epochs * fifteenths // 15) for fifteenths in (1, 3, 7, 15))
        return tuple(sorted(set(ends)))
