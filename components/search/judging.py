"""Where the candidates of a search are judged on the way, and who goes no further there.

One place joins the pruners' arithmetic (`pruners.py`, `racing.py`) with what a search knows: who reported what, in this
generation and in the finished ones.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from components.core.contracts import JSON, Outcome
from components.search.pruners import Pruner, placed, rungs, to_drop
from components.search.racing import losers

Times = Callable[[JSON], tuple[int, Sequence[int] | None]]
"""A candidate's settings -> its epochs, and those at which a cycle of its schedule ends (None: it has no cycles)."""


def no_cycles(_: JSON) -> tuple[int, None]:
    """Say that a candidate may be judged anywhere."""
    return 0, None


class Judge:
    """The rungs of one search. `steps` are the epochs of its longest training, 0 where nobody can be cut short; `rows`
    those that an epoch goes over."""

    def __init__(
        self,
        pruner: Pruner,
        *,
        steps: int,
        rows: int = 0,
        times: Times,
        num_score_folds: int,
        num_folds: int,
        greater_is_better: bool,
    ) -> None:
        self._pruner = pruner
        self._steps = steps
        self._rows = rows
        self._times = times
        self._num_score_folds = num_score_folds
        self._num_folds = num_folds
        self._greater_is_better = greater_is_better

    def rungs(self, number: int, spec: JSON) -> dict[int, int]:
        """Return a candidate's rungs: rung -> epoch; in a race, the count of folds after which it is judged."""
        if self._pruner == "racing":
            return {count: count for count in range(1, self._num_score_folds)}
        nominal = rungs(self._pruner, self._steps, number, self._rows)
        return placed(nominal, self._steps, *self._times(spec)) if nominal else {}

    def dropped(
        self, step: int, reported: Mapping[int, Mapping[int, float]], earlier: Iterable[Outcome]
    ) -> frozenset[int]:
        """Decide one rung from all of a generation that reported there (number -> rung -> score), in order of number.

        `earlier` are the outcomes of generations that were finished when this one was planned.
        """
        if self._pruner == "racing":
            counts = range(1, step + 1)
            scores = {number: [own[count] for count in counts] for number, own in reported.items()}
            complete = [outcome.fold_scores_S for outcome in earlier if outcome.state == "complete"]
            return losers(scores, complete, self._num_folds, greater_is_better=self._greater_is_better)
        before = [outcome.rungs[step] for outcome in earlier if step in outcome.rungs]
        here = {number: _number(own[step]) for number, own in reported.items()}
        return to_drop(self._pruner, here, before, greater_is_better=self._greater_is_better)


def _number(score: float) -> float:
    return score if math.isfinite(score) else math.nan
