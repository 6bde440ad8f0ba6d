"""Plan generations of trials, so that a search can be killed at any moment and still ends with the same bytes.

The plan of generation g is a pure function of the outcomes of generations up to g-2, of the plan of g-1 (its trials
count as running, so that no core has to wait for the slowest of them), and of (seed, g). It is written before a trial
of it is trained. What does not work: resuming the sampler from Optuna's journal (its state is not in it), or sweeping
and enqueuing killed trials again (numbers shift).
"""

from collections.abc import Callable, Mapping, Sequence

from components.core.ranges import Group
from components.core.seeds import derive
from components.search.closing import Closed, closed_branches, opened
from components.search.cma_es import evolved_points
from components.search.grid import grid_point
from components.search.objectives import SCORE_ALONE, Objective
from components.search.past import Past
from components.search.qmc import sobol_points
from components.search.samplers import GaveUp, Sampler, propose
from components.search.space import Value
from components.search.study import Study


class Planner:
    """Plans generations in order, each once; what has been planned is read from the study's files."""

    def __init__(
        self,
        study: Study,
        space: Group,
        *,
        sampler: Sampler,
        start: Sequence[Mapping[str, Value]],
        seed: int,
        greater_is_better: bool,
        objectives: Sequence[Objective] = SCORE_ALONE,
    ) -> None:
        self._study = study
        self._space = space
        self._sampler = sampler
        self._start = start
        self._seed = seed
        self._greater_is_better = greater_is_better
        self._objectives = tuple(objectives)
        self._plans: dict[int, list[dict[str, Value]]] = {}
        self._ended: dict[int, Past] = {}  # trials that have an outcome
        self.num_start = 0 if sampler == "grid" else len(start)  # so many of the first trials are known strong points

    def plan(self, generation: int) -> list[dict[str, Value]]:
        """Return the parameters of a generation's trials; fewer than the usual number at the end of a grid."""
        assert self.ensure(generation)
        return self._plans[generation]

    def ensure(self, generation: int, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Plan a generation unless it is; returns False when `give_up` said so before it was done."""
        if generation not in self._plans:
            found = self._study.plan(generation)
            if found is None:
                try:
                    self._write_new(generation, give_up)
                except GaveUp:
                    return False
                found = self._study.plan(generation)
            assert found is not None
            self._plans[generation] = found
        return True

    def params(self, number: int) -> dict[str, Value]:
        """Return the parameters of a planned trial."""
        generation, position = divmod(number, self._study.generation)
        return self.plan(generation)[position]

    def _write_new(self, generation: int, give_up: Callable[[], bool]) -> None:
        past = [] if self._sampler == "grid" else self._past(generation)
        has_start = generation * self._study.generation < len(self._start)  # what the user wants tried is tried
        closed = [] if has_start else closed_branches(past)
        self._study.write_plan(generation, self._new_plan(generation, past, closed, give_up), closed)

    def _new_plan(
        self, generation: int, past: Sequence[Past], closed: Sequence[Closed], give_up: Callable[[], bool]
    ) -> list[dict[str, Value]]:
        size = self._study.generation
        first = generation * size
        start = self._start[first : first + size]
        is_open = opened(closed)
        if self._sampler == "grid":
            points = (grid_point(self._space, number) for number in range(first, first + size))
            return [point for point in points if point is not None]
        if self._sampler == "qmc":
            return sobol_points(self._space, start, first, size, seed=derive(self._seed, "qmc"), is_open=is_open)
        if self._sampler == "cmaes":
            return evolved_points(
                self._space,
                past,
                start,
                size,
                seed=self._seed,
                greater_is_better=self._greater_is_better,
                is_open=is_open,
            )
        return propose(
            self._sampler,
            self._space,
            [] if self._sampler == "random" else past,
            start,
            size,
            seed=derive(self._seed, "plan", generation),
            greater_is_better=self._greater_is_better,
            objectives=self._objectives,
            is_open=is_open,
            give_up=give_up,
        )

    def _past(self, generation: int) -> list[Past]:
        past = []
        for earlier in range(generation):
            for number, params in enumerate(self.plan(earlier), start=earlier * self._study.generation):
                if earlier == generation - 1:
                    past.append(Past(space=self._space, params=params, outcome=None))
                    continue
                if number not in self._ended:
                    outcome = self._study.outcome(number)
                    assert outcome is not None, f"generation {earlier} is finished before {generation} is planned"
                    self._ended[number] = Past(space=self._space, params=params, outcome=outcome)
                past.append(self._ended[number])
        return past
