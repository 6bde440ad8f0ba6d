"""A parameter as a place between 0 and 1: for samplers that know nothing but the unit cube (`cma_es.py`, `qmc.py`)."""

import math
from collections.abc import Mapping

from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange, Node
from components.search.space import Parameter, Value, choice_labels, group_path, num_steps


def value_at(parameter: Parameter, place: float) -> Value:
    """Return the value at a place in [0, 1]; equal shares for whole numbers, steps and words."""
    if isinstance(parameter, tuple):
        return parameter[_share(place, len(parameter))]
    if isinstance(parameter, IntRange):
        low, high = parameter.low, parameter.high
        if parameter.log:
            value = math.exp(_between(place, math.log(low - 0.5), math.log(high + 0.5)))
            return min(max(round(value), low), high)
        return low + parameter.step * _share(place, (high - low) // parameter.step + 1)
    if parameter.step is not None:
        return parameter.low + parameter.step * _share(place, num_steps(parameter) + 1)
    if parameter.log:
        value = math.exp(_between(place, math.log(parameter.low), math.log(parameter.high)))
    else:
        value = _between(place, parameter.low, parameter.high)
    return min(max(value, parameter.low), parameter.high)


def place_of(parameter: IntRange | FloatRange, value: float) -> float:
    """Return the place of a number: the middle of its share, for whole numbers and steps."""
    low, high = parameter.low, parameter.high
    if parameter.log:
        half = 0.5 if isinstance(parameter, IntRange) else 0.0
        return _part(math.log(value), math.log(low - half), math.log(high + half))
    if isinstance(parameter, IntRange):
        return ((value - low) // parameter.step + 0.5) / ((high - low) // parameter.step + 1)
    if parameter.step is not None:
        return (round((value - low) / parameter.step) + 0.5) / (num_steps(parameter) + 1)
    return _part(value, low, high)


def flat_parameters(space: Group) -> dict[str, Parameter]:
    """Return the parameters of a space without branches by path, in order of the tree.

    Of a choice that holds ranges only the choice itself is returned: `conditions` names those.
    """
    found: dict[str, Parameter] = {}
    _collect(space, "", found, {})
    return found


def conditions(space: Group) -> Mapping[str, str]:
    """Return the parameters that exist only where another one has a certain value: path -> path of that other one."""
    inside: dict[str, str] = {}
    _collect(space, "", {}, inside)
    return inside


def _collect(node: Node, path: str, found: dict[str, Parameter], inside: dict[str, str]) -> None:
    if isinstance(node, IntRange | FloatRange):
        found[path] = node
    elif isinstance(node, Choice):
        found[path] = choice_labels(node)
        for position, option in enumerate(node.options):
            _note_inside(option, f"{path}.{position}", path, inside)
    elif isinstance(node, Branches):
        found[path] = tuple(node.groups)
        for name, group in node.groups.items():
            for word, field in group.fields.items():
                _note_inside(field, f"{path}.{name}.{word}", path, inside)
    elif isinstance(node, Group):
        for word, field in node.fields.items():
            _collect(field, ".".join(step for step in (group_path(node, path), word) if step), found, inside)


def _note_inside(node: Node, path: str, owner: str, inside: dict[str, str]) -> None:
    deeper: dict[str, Parameter] = {}
    if not isinstance(node, Fixed):
        _collect(node, path, deeper, inside)
    inside.update(dict.fromkeys(deeper, owner))


def _share(place: float, count: int) -> int:
    return min(int(place * count), count - 1)


def _between(place: float, low: float, high: float) -> float:
    return low + place * (high - low)


def _part(value: float, low: float, high: float) -> float:
    return 0.5 if high == low else min(max((value - low) / (high - low), 0.0), 1.0)
