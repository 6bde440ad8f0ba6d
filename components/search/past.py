"""A finished or running trial as a sampler sees it, and its score."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from components.core.contracts import Outcome
from components.search.space import Value


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial as a sampler sees it: running while `outcome` is None."""

    params: Mapping[str, Value]
    outcome: Outcome | None


def score_of(outcome: Outcome) -> float | None:
    """Return the mean over folds, or None unless the trial is complete."""
    return math.fsum(outcome.fold_scores_S) / len(outcome.fold_scores_S) if outcome.state == "complete" else None
