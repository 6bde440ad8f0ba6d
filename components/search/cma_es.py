"""CMA-ES (Hansen 2016, package `cmaes`): a normal distribution that moves to where the better half of a generation was.

Its state is never stored. The plan of a generation replays all finished generations from the beginning, which costs
well below a millisecond each, so it is a function of the outcomes and of the seed. Only ranks count: whoever was pruned
ranks behind all that were finished, in order of how far they came, whoever failed behind those. Words cannot be
modelled and are drawn at random; branches are refused by `check`. A distribution that has shrunk to a point begins anew
elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.ranges import FloatRange, Group, IntRange
from components.core.seeds import derive, generator
from components.search.past import Past, score_of
from components.search.space import Open, Parameter, Value, settle
from components.search.unit import flat_parameters, place_of, value_at

FIRST_STEP = 0.25  # standard deviation of the first generation; every parameter is a place between 0 and 1


def evolved_points(
    space: Group,
    past: Sequence[Past],
    start: Sequence[Mapping[str, Value]],
    count: int,
    *,
    seed: int,
    greater_is_better: bool,
    is_open: Open,
) -> list[dict[str, Value]]:
    """Return the points of the generation that follows `past`: whole generations of `count`, the latest may be running.

    `seed` is that of the whole search.
    """
    numbers = {path: it for path, it in flat_parameters(space).items() if isinstance(it, IntRange | FloatRange)}
    evolution = _begin(len(numbers), count, derive(seed, "cma-es"))
    for first in range(0, len(past), count):
        generation = past[first : first + count]
        if any(trial.outcome is None for trial in generation):
            break
        order = _ranked(generation, greater_is_better)
        places = [_places(numbers, trial.params) for trial in generation]
        evolution.tell([(places[number], float(rank)) for rank, number in enumerate(order)])
        if evolution.should_stop():
            evolution = _begin(len(numbers), count, derive(seed, "cma-es", first))
    evolution.reseed_rng(derive(seed, "cma-es ask", len(past)) % 2**32)
    words = generator(seed, "cma-es words", len(past))
    points = []
    for number in range(count):
        place = dict(zip(numbers, evolution.ask().tolist(), strict=True))
        points.append(_point(space, place, start[number] if number < len(start) else {}, words, is_open))
    return points


def _begin(num_numbers: int, population: int, seed: int) -> Any:
    from cmaes import CMA

    middle = np.full(num_numbers, 0.5)
    bounds = np.repeat([[0.0, 1.0]], num_numbers, axis=0)
    rng = np.random.Generator(np.random.PCG64(seed))
    mean = middle + rng.uniform(-0.2, 0.2, num_numbers)
    return CMA(mean=mean, sigma=FIRST_STEP, bounds=bounds, population_size=population, seed=seed % 2**32)


def _ranked(generation: Sequence[Past], greater_is_better: bool) -> list[int]:
    """Return positions, the best first."""
    sign = -1.0 if greater_is_better else 1.0

    def key(position: int) -> tuple[float, ...]:
        outcome = generation[position].outcome
        assert outcome is not None
        score = score_of(outcome)
        if score is not None:
            return (0.0, 0.0, sign * score, position)
        rungs = {step: value for step, value in outcome.rungs.items() if value == value}
        if outcome.state == "pruned" and rungs:
            return (1.0, -float(max(rungs)), sign * rungs[max(rungs)], position)
        return (2.0, 0.0, 0.0, position)

    return sorted(range(len(generation)), key=key)


def _places(numbers: Mapping[str, IntRange | FloatRange], params: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.array([place_of(parameter, params[path]) for path, parameter in numbers.items()])


def _point(
    space: Group, place: Mapping[str, float], given: Mapping[str, Value], words: np.random.Generator, is_open: Open
) -> dict[str, Value]:
    found: dict[str, Value] = {}

    def ask(path: str, parameter: Parameter) -> Value:
        drawn = float(words.random()) if isinstance(parameter, tuple) else place[path]
        if isinstance(parameter, tuple):
            parameter = is_open(path, parameter)
        found[path] = given[path] if path in given else value_at(parameter, drawn)
        return found[path]

    settle(space, ask)
    return found
