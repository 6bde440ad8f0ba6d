"""Closing branches in which everything fails: decided in the plan, from finished generations alone.

A branch is one alternative of a choice: `network: tabm`, `training.optimizer: sgd`, one of several widths. When at
least `CLOSED_AFTER` trials had it and every one of them failed of the same cause, no later generation proposes it. One
that ended in any other way keeps it open, and so it does when nothing else would be left. Optuna's journal keeps the
whole space, a grid is walked to its end whatever fails.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.core.contracts import Outcome
from components.search.failures import word_of
from components.search.past import Past
from components.search.space import Open, Value

CLOSED_AFTER = 8


@dataclass(frozen=True, kw_only=True)
class Closed:
    """One alternative that is proposed no more."""

    path: str
    value: Value
    cause: str
    trials: int  # that had it; all failed

    @property
    def sentence(self) -> str:
        """Return "training.optimizer sgd: 14 of 14 diverged"."""
        return f"{self.path} {self.value}: {self.trials} of {self.trials} {self.cause}"


def closed_branches(past: Iterable[Past]) -> list[Closed]:
    """Return the alternatives that finished trials have closed, in order of path."""
    causes: dict[str, dict[Value, list[str]]] = defaultdict(lambda: defaultdict(list))
    options: dict[str, int] = {}
    for trial in past:
        if trial.outcome is None:
            continue
        for path, parameter in trial.asked.items():
            if isinstance(parameter, tuple):
                options[path] = len(parameter)
                causes[path][trial.params[path]].append(_cause(trial.outcome))
    found = []
    for path in sorted(causes):
        here = [
            Closed(path=path, value=value, cause=those[0], trials=len(those))
            for value, those in causes[path].items()
            if len(those) >= CLOSED_AFTER and those[0] and len(set(those)) == 1
        ]
        if len(here) < options[path]:
            found += sorted(here, key=lambda closed: str(closed.value))
    return found


def opened(closed: Iterable[Closed]) -> Open:
    """Return the function that leaves the closed alternatives out of a choice."""
    shut: Mapping[str, set[Value]] = _by_path(closed)

    def is_open(path: str, options: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(option for option in options if option not in shut.get(path, ()))

    return is_open


def _by_path(closed: Iterable[Closed]) -> dict[str, set[Value]]:
    shut: dict[str, set[Value]] = defaultdict(set)
    for one in closed:
        shut[one.path].add(one.value)
    return shut


def _cause(outcome: Outcome) -> str:
    return word_of(outcome.cause) if outcome.state == "failed" else ""
