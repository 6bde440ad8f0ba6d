"""Quasi-random search: a scrambled Sobol sequence (Sobol 1967; Owen 1998), trial n at its point n.

A point is a function of the seed and the number alone, so nothing has to be resumed. Words get equal shares of their
axis. A space with branches is refused by `check`: an axis that most points do not have leaves holes in all others.
"""

from collections.abc import Mapping, Sequence

from components.core.ranges import Group
from components.search.space import Open, Parameter, Value, settle
from components.search.unit import flat_parameters, value_at


def sobol_points(
    space: Group, start: Sequence[Mapping[str, Value]], first: int, count: int, *, seed: int, is_open: Open
) -> list[dict[str, Value]]:
    """Return the points `first` to `first + count - 1`; the first ones take what `start` says, and the rest from here.

    `seed` is that of the whole search. Words that are closed (`closing.py`) get no share.
    """
    from scipy.stats import qmc

    names = list(flat_parameters(space))
    if not names:
        return [{} for _ in range(count)]
    sequence = qmc.Sobol(len(names), scramble=True, rng=seed % 2**32)
    if first:
        sequence.fast_forward(first)
    points: list[dict[str, Value]] = []
    for number in range(count):
        place = dict(zip(names, sequence.random(1)[0].tolist(), strict=True))
        given = start[number] if number < len(start) else {}
        points.append(_point(space, place, given, is_open))
    return points


def _point(space: Group, place: Mapping[str, float], given: Mapping[str, Value], is_open: Open) -> dict[str, Value]:
    found: dict[str, Value] = {}

    def ask(path: str, parameter: Parameter) -> Value:
        if isinstance(parameter, tuple):
            parameter = is_open(path, parameter)
        found[path] = given[path] if path in given else value_at(parameter, place[path])
        return found[path]

    settle(space, ask)
    return found
