"""Plan generations of trials, so that a search can be killed at any moment and still ends with the same bytes.

The plan of generation g is a pure function of the outcomes of generations up to g-2, of the plan of g-1 (its trials
count as running, so that no core has to wait for the slowest of them), and of (seed, g). It is written before a trial
of it is trained. What does not work: resuming the sampler from Optuna's journal (its state is not in it), or sweeping
and enqueuing killed trials again (numbers shift).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from components.core.ranges import Group
from components.core.seeds import derive
from components.search.grid import grid_point
from components.search.samplers import Past, propose
from components.search.space import Value
from components.search.study import Study


class Planner:
    """Plans generations in order, each once; what has been planned is read from the study's files."""

    def __init__(
        self,
        study: Study,
        space: Group,
        *,
        sampler: Literal["grid", "random", "tpe"],
        start: Sequence[Mapping[str, Value]],
        seed: int,
        greater_is_better: bool,
    ) -> None:
        self._study = study
        self._space = space
        self._sampler = sampler
        self._start = start
        self._seed = seed
        self._greater_is_better = greater_is_better
        self._plans: dict[int, list[dict[str, Value]]] = {}
        self.num_start = 0 if sampler == "grid" else len(start)  # so many of the first trials are known strong points

    def plan(self, generation: int) -> list[dict[str, Value]]:
        """Return the parameters of a generation's trials; fewer than the usual number at the end of a grid."""
        if generation not in self._plans:
            found = self._study.plan(generation)
            if found is None:
                self._study.write_plan(generation, self._new_plan(generation))
                found = self._study.plan(generation)
            assert found is not None
            self._plans[generation] = found
        return self._plans[generation]

    def params(self, number: int) -> dict[str, Value]:
        """Return the parameters of a planned trial."""
        generation, position = divmod(number, self._study.generation)
        return self.plan(generation)[position]

    def _new_plan(self, generation: int) -> list[dict[str, Value]]:
        size = self._study.generation
        first = generation * size
        if self._sampler == "grid":
            points = (grid_point(self._space, number) for number in range(first, first + size))
            return [point for point in points if point is not None]
        return propose(
            self._sampler,
            self._space,
            [] if self._sampler == "random" else self._past(generation),
            self._start[first : first + size],
            size,
            seed=derive(self._seed, "plan", generation),
            greater_is_better=self._greater_is_better,
        )

    def _past(self, generation: int) -> list[Past]:
        past = []
        for earlier in range(generation):
            for position, params in enumerate(self.plan(earlier)):
                outcome = None
                if earlier < generation - 1:
                    outcome = self._study.outcome(earlier * self._study.generation + position)
                    assert outcome is not None, f"generation {earlier} is finished before {generation} is planned"
                past.append(Past(params=params, outcome=outcome))
        return past
