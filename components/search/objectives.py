"""Several objectives: the score against what a model costs. Who is beaten by nobody in all of them is on the front.

Parameters and multiply-adds are counted, not measured, so a front is the same on every machine. (Non-dominated points:
Pareto; Deb 2002.)
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from components.core.contracts import Outcome
from components.search.past import score_of

Objective = Literal["score", "parameters", "operations"]
SCORE_ALONE: tuple[Objective, ...] = ("score",)


def values_of(outcome: Outcome, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """Return one value for each objective in its own direction, or None unless the trial is complete."""
    score = score_of(outcome)
    if score is None:
        return None
    return tuple(score if word == "score" else float(outcome.facts[word]) for word in objectives)


def directions(objectives: Sequence[Objective], *, greater_is_better: bool) -> list[Literal["maximize", "minimize"]]:
    """Return what Optuna is told: costs are always made small."""
    return ["maximize" if word == "score" and greater_is_better else "minimize" for word in objectives]


def front(outcomes: Iterable[Outcome], objectives: Sequence[Objective], *, greater_is_better: bool) -> list[int]:
    """Return the numbers of the trials that no other beats in all objectives, the best score first.

    Of trials that are equal in all of them the first one is on the front. With the score alone this is the best trial.
    """
    signs = [-1.0 if way == "maximize" else 1.0 for way in directions(objectives, greater_is_better=greater_is_better)]
    points = sorted(
        (tuple(sign * value for sign, value in zip(signs, values, strict=True)), outcome.number)
        for outcome in outcomes
        if (values := values_of(outcome, objectives)) is not None
    )
    found: list[tuple[tuple[float, ...], int]] = []
    for point, number in points:  # rising in the first objective: only earlier ones can beat it
        if not any(all(a <= b for a, b in zip(other, point, strict=True)) for other, _ in found):
            found.append((point, number))
    return [number for _, number in found]
