"""Cutting trials short: at which steps the candidates of a generation report, and which of them go no further.

A decision is a function of scores alone, of all candidates of a generation that reported at a step, in order of
number. So it does not matter who trained them, in which order, or whether some were trained before a crash.

* halving: successive halving inside a generation (Karnin 2013; Jamieson and Talwalkar 2016): after a sixteenth, an
  eighth, a quarter and a half of the epochs the worse half goes, so a generation of 16 costs three whole trainings, and
  one of it ends. Where a thirty-second of the epochs is `ROWS_TO_TELL` rows or more, it goes there, too, and the
  generation costs two. With cuts at a quarter and a half alone (half the cost of all, four that end) a search of 20 000
  rows had 16 configurations after 40 seconds, and worse ones (`tests.benchmarks.search`).
* hyperband: several halvings side by side (Li 2018), one strict and early, one mild, one that cuts nobody; a
  candidate's number says to which it belongs, in shares that cost about the same.
* median: from a quarter of the epochs on, whoever is worse than the median of all that ever reported there goes (the
  median stopping rule of Google Vizier, 2017).
* racing: fold after fold instead of epochs (`racing.py`).
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

Pruner = Literal["none", "median", "halving", "hyperband", "racing"]

BRACKETS = (0, 1, 2, 0, 3, 1, 0, 2, 1, 0, 3)
"""The bracket of candidate n is entry n modulo 11. Bracket b has no rung before eighth 2 ** b. In shares of 8, 6, 4 and
4 all cost about the same (Li 2018, eta 2); the entries are half of that, mixed: a small generation has all kinds."""
SIXTEENTHS: Mapping[Pruner, tuple[int, ...]] = {
    "none": (),
    "racing": (),
    "halving": (1, 2, 4, 8),
    "hyperband": (2, 4, 8),
    "median": (4, 6, 8, 10, 12, 14),
}
ROWS_TO_TELL = 16_384  # that a network has been shown before the first cut of halving: 64 batches of 256


def rungs(pruner: Pruner, steps: int, number: int = 0, rows: int = 0) -> tuple[int, ...]:
    """Return the steps (epochs) after which candidate `number` reports, of `steps` in all: rising, below `steps`.

    `rows` are those of one epoch.
    """
    shares = SIXTEENTHS[pruner]
    if pruner == "hyperband":
        shares = shares[bracket(number) :]
    found = {steps * share // 16 for share in shares}
    if pruner == "halving" and steps // 32 * rows >= ROWS_TO_TELL:
        found.add(steps // 32)
    return tuple(sorted(found - {0, steps}))


def bracket(number: int) -> int:
    """Return the bracket of hyperband that a candidate belongs to: 0 is the strictest, 3 cuts nobody."""
    return BRACKETS[number % len(BRACKETS)]


def placed(nominal: Sequence[int], steps: int, epochs: int, cycle_ends: Sequence[int] | None) -> dict[int, int]:
    """Return rung -> the epoch at which a candidate of so many epochs reports there; rungs are those of `steps` epochs.

    Whoever trains for fewer epochs is judged at the same share of them: rates fall as a training ends, so at the same
    epoch a short one would look better than a long one is going to be. Inside a cycle a network is worse than at its
    end, so one that is trained in cycles is judged at the first end of a cycle that is not before the rung; without
    one before its last epoch it has no such rung. None: it can be judged anywhere.
    """
    found: dict[int, int] = {}
    for rung in nominal:
        own = max(1, rung * epochs // steps) if 0 < epochs < steps else rung
        ends = (own,) if cycle_ends is None else cycle_ends
        sound = [end for end in ends if own <= end and (end < epochs or not epochs) and end not in found.values()]
        if sound:
            found[rung] = min(sound)
    return found


def to_drop(
    pruner: Pruner, scores: Mapping[int, float], earlier: Sequence[float], *, greater_is_better: bool
) -> frozenset[int]:
    """Decide one rung.

    `scores` are those of all candidates of the generation that reported at this step, by number; `earlier` those that
    finished generations reported at the same step. A score that is no number is the worst.
    """
    worst = -math.inf if greater_is_better else math.inf
    sign = -1.0 if greater_is_better else 1.0
    known = {number: sign * (worst if math.isnan(score) else score) for number, score in sorted(scores.items())}
    if pruner == "median":
        past = [sign * (worst if math.isnan(score) else score) for score in earlier]
        limit = median([*known.values(), *past])
        return frozenset(number for number, score in known.items() if score > limit)
    if pruner == "hyperband":
        parts = [[number for number in known if bracket(number) == one] for one in sorted(set(BRACKETS))]
        return frozenset(number for part in parts for number in _worse_half(part, known))
    return frozenset(_worse_half(list(known), known)) if pruner == "halving" else frozenset()


def _worse_half(numbers: Sequence[int], losses: Mapping[int, float]) -> list[int]:
    """Return the worse half, the later of equals first; of an odd number the middle one stays."""
    order = sorted(numbers, key=lambda number: (losses[number], number))
    return order[math.ceil(len(order) / 2) :]
