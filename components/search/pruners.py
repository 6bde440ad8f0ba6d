"""Cutting trials short: at which steps the candidates of a generation report, and which of them go no further.

A decision is a function of scores alone, of all candidates of a generation that reported at a step, in order of
number. So it does not matter who trained them, in which order, or whether some were trained before a crash.

* halving: successive halving inside a generation (Karnin 2013; Jamieson and Talwalkar 2016): after a quarter and a half
  of the epochs, the worse half goes: a generation costs half, and a quarter of it is there for the ensemble.
* median: from a quarter of the epochs on, whoever is worse than the median of all that ever reported there goes (the
  median stopping rule of Google Vizier, 2017).
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

Pruner = Literal["none", "median", "halving"]


def rungs(pruner: Pruner, steps: int) -> tuple[int, ...]:
    """Return the steps (epochs, trees) after which candidates report, of `steps` in all: rising, below `steps`."""
    if pruner == "none":
        return ()
    eighths = (2, 4) if pruner == "halving" else (2, 3, 4, 5, 6, 7)
    return tuple(sorted({steps * eighth // 8 for eighth in eighths} - {0, steps}))


def to_drop(
    pruner: Pruner, scores: Mapping[int, float], earlier: Sequence[float], *, greater_is_better: bool
) -> frozenset[int]:
    """Decide one rung.

    `scores` are those of all candidates of the generation that reported at this step, by number; `earlier` those that
    finished generations reported at the same step. A score that is no number is the worst.
    """
    if pruner == "none":
        return frozenset()
    worst = -math.inf if greater_is_better else math.inf
    sign = -1.0 if greater_is_better else 1.0
    known = {number: sign * (worst if math.isnan(score) else score) for number, score in sorted(scores.items())}
    if pruner == "halving":
        order = sorted(known, key=lambda number: (known[number], number))
        return frozenset(order[math.ceil(len(order) / 2) :])
    past = [sign * (worst if math.isnan(score) else score) for score in earlier]
    limit = median([*known.values(), *past])
    return frozenset(number for number, score in known.items() if score > limit)
