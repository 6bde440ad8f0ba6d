"""A finished or running trial as a sampler sees it, and its score."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from components.core.contracts import Outcome
from components.core.ranges import Group
from components.search.space import Parameter, Value, parameters_of


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial as a sampler sees it: running while `outcome` is None."""

    space: Group
    params: Mapping[str, Value]
    outcome: Outcome | None

    @cached_property
    def asked(self) -> Mapping[str, Parameter]:
        """What was asked for at this point, by path: every later plan wants to know."""
        return parameters_of(self.space, self.params)


def score_of(outcome: Outcome) -> float | None:
    """Return the mean over folds, or None unless the trial is complete."""
    return math.fsum(outcome.fold_scores_S) / len(outcome.fold_scores_S) if outcome.state == "complete" else None
