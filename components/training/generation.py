"""One generation on its way: who stands before which rung, who waits there, and when a rung can be decided.

Each candidate has rungs of its own (brackets, ends of cycles). A rung is decided when all that have it and are not
ended have reported there. In a race a rung is a count of folds: a leg trains one fold to its end, and what the legs
gave is joined when a candidate leaves (`joined`).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Candidate, Outcome


@dataclass(kw_only=True)
class Generation:
    """The candidates of one plan, until all have an outcome."""

    candidates: dict[int, Candidate]  # without an outcome yet
    race: bool = False
    passed: dict[int, int] = field(default_factory=dict)  # number -> so many of its rungs are behind it
    waiting: dict[int, dict[int, Outcome]] = field(default_factory=dict)  # rung -> number -> its outcome if dropped
    reported: dict[int, dict[int, float]] = field(default_factory=dict)  # number -> rung -> score
    finished: dict[int, dict[int, float]] = field(default_factory=dict)  # of those that ended by themselves
    legs: dict[int, list[Outcome]] = field(default_factory=dict)  # in a race: what each fold gave
    cut: bool = False  # the deadline has left somebody without an outcome: nothing more is decided

    def rung(self, number: int, step: int = 0) -> int | None:
        """Return the rung before which a candidate stands (`step` 0), or one before (-1) or after it; None: no such."""
        rungs = sorted(self.candidates[number].rungs)
        place = self.passed.get(number, 0) + step
        return rungs[place] if 0 <= place < len(rungs) else None

    def report(self, outcome: Outcome) -> None:
        """Take what a candidate is at the rung before which it stands."""
        number, rung = outcome.number, self.rung(outcome.number)
        assert rung is not None, "it stands before a rung"
        self.reported.setdefault(number, {})[rung] = outcome.fold_scores_S[0] if self.race else score_of(outcome)
        if self.race:
            self.legs.setdefault(number, []).append(outcome)
        self.waiting.setdefault(rung, {})[number] = outcome

    def ready(self) -> Iterator[int]:
        """Yield the rungs that can be decided now."""
        for rung in sorted(self.waiting):
            before = {
                number
                for number, candidate in self.candidates.items()
                if any(rung == own for own in sorted(candidate.rungs)[self.passed.get(number, 0) :])
            }
            if self.waiting[rung] and before == set(self.waiting[rung]) and not self.cut:
                yield rung

    def scores(self, rung: int) -> Mapping[int, float]:
        """Return what the rung is decided from: who ended by itself before it counts with its last score."""
        ended = {number: rungs[rung] for number, rungs in self.finished.items() if rung in rungs}
        here = {number: self.reported[number][rung] for number in self.waiting[rung]}
        return dict(sorted((ended | here).items()))

    def go_on(self, rung: int, dropped: frozenset[int]) -> tuple[list[Outcome], list[int]]:
        """Decide a rung: return the outcomes of those that are dropped, and the numbers of those that go on."""
        waiting = self.waiting.pop(rung)
        for number in waiting:
            self.passed[number] = self.passed.get(number, 0) + 1
        gone = [replace(waiting[number], state="pruned", folder=None) for number in sorted(waiting.keys() & dropped)]
        return gone, sorted(waiting.keys() - dropped)

    def end(self, outcome: Outcome) -> Outcome:
        """Take a candidate out; return its outcome with its rungs."""
        number = outcome.number
        rungs = self.reported.pop(number, {})
        legs = self.legs.pop(number, [])
        if self.race and outcome.state != "failed" and legs:
            outcome = joined([*legs, outcome] if outcome.state == "complete" else legs, outcome)
        elif outcome.state == "complete" and self.candidates[number].rungs:
            last = score_of(outcome)
            rungs = {rung: rungs.get(rung, last) for rung in sorted(self.candidates[number].rungs)}
            self.finished[number] = rungs
        del self.candidates[number]
        return replace(outcome, rungs=rungs)


def score_of(outcome: Outcome) -> float:
    """Return the mean over the folds so far."""
    return math.fsum(outcome.fold_scores_S) / len(outcome.fold_scores_S)


def joined(legs: Sequence[Outcome], last: Outcome) -> Outcome:
    """Return the outcome over all folds from those of single folds, in their order; `last` says how it ended."""
    names = last.curves or legs[-1].curves
    facts = {
        name: value
        if isinstance(value, str) or len({leg.facts[name] for leg in legs}) == 1
        else round(math.fsum(float(leg.facts[name]) for leg in legs) / len(legs), 1)
        for name, value in legs[0].facts.items()
    }
    return replace(
        last,
        fold_scores_S=tuple(score for leg in legs for score in leg.fold_scores_S),
        curves={name: mean_curve([leg.curves[name] for leg in legs]) for name in names},
        facts=facts,
    )


def mean_curve(curves: Sequence[Sequence[float] | NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the mean over folds [epochs]. A fold that stopped early counts on with its last value: the mean has no
    jump where one falls silent."""
    longest = max(len(curve) for curve in curves)
    padded = [[*curve, *[curve[-1]] * (longest - len(curve))] for curve in curves]
    return np.asarray(np.mean(padded, axis=0, dtype=np.float64), dtype=np.float32)
