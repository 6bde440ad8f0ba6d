"""The grid: each reachable combination of a space once, counted through the tree.

A branch is only combined with its own leaves, so seven points are seven trials (Optuna's GridSampler multiplies all
branches with each other, and ran 24). The tree is numbered like a mixed-radix number and never listed, so a space of
10^9 points costs nothing. It is walked in strides of about 0.618 of its size, so that the first trials of a large grid
lie all over it. A real range without steps counts as three points: its ends and its middle.
"""

import math

from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange, Node
from components.search.space import Parameter, Value, choice_labels, group_path, num_steps, settle

GOLDEN = (math.sqrt(5) - 1) / 2


def grid_size(node: Node) -> int:
    """Count the combinations of a node."""
    if isinstance(node, Fixed):
        return 1
    if isinstance(node, IntRange | FloatRange):
        return len(grid_values(node))
    if isinstance(node, Choice):
        return sum(grid_size(option) for option in node.options)
    if isinstance(node, Branches):
        return sum(grid_size(group) for group in node.groups.values())
    return math.prod(grid_size(field) for field in node.fields.values())


def grid_values(parameter: IntRange | FloatRange) -> range | tuple[float, ...]:
    """Return the points of a range, rising."""
    if isinstance(parameter, IntRange):
        return range(parameter.low, parameter.high + 1, 1 if parameter.log else parameter.step)
    if parameter.step is not None:
        return tuple(parameter.low + step * parameter.step for step in range(num_steps(parameter) + 1))
    middle = math.sqrt(parameter.low * parameter.high) if parameter.log else (parameter.low + parameter.high) / 2
    return tuple(sorted({parameter.low, middle, parameter.high}))


def grid_point(space: Group, number: int) -> dict[str, Value] | None:
    """Return the parameters of trial `number`, or None when the grid has been walked to its end."""
    size = grid_size(space)
    if number >= size:
        return None
    stride = max(1, round(size * GOLDEN))
    while math.gcd(stride, size) != 1:
        stride += 1
    picks: dict[str, Value] = {}
    _pick(space, (number * stride) % size, "", picks)
    asked: dict[str, Value] = {}

    def ask(path: str, _: Parameter) -> Value:
        asked[path] = picks[path]
        return picks[path]

    settle(space, ask)  # the same order of names as every other sampler's
    return asked


def _pick(node: Node, index: int, path: str, picks: dict[str, Value]) -> None:
    """Write down the parameters of combination `index` of this node."""
    if isinstance(node, IntRange | FloatRange):
        picks[path] = grid_values(node)[index]
    elif isinstance(node, Choice):
        position, index = _which([grid_size(option) for option in node.options], index)
        picks[path] = choice_labels(node)[position]
        _pick(node.options[position], index, f"{path}.{position}", picks)
    elif isinstance(node, Branches):
        names = list(node.groups)
        position, index = _which([grid_size(group) for group in node.groups.values()], index)
        picks[path] = names[position]
        _pick_fields(node.groups[names[position]], index, f"{path}.{names[position]}", picks)
    elif isinstance(node, Group):
        _pick_fields(node, index, group_path(node, path), picks)


def _pick_fields(group: Group, index: int, path: str, picks: dict[str, Value]) -> None:
    for word, field in group.fields.items():
        index, digit = divmod(index, grid_size(field))
        _pick(field, digit, f"{path}.{word}" if path else word, picks)


def _which(sizes: list[int], index: int) -> tuple[int, int]:
    """Return the alternative in which a running index falls, and the index inside it."""
    for position, size in enumerate(sizes):
        if index < size:
            return position, index
        index -= size
    raise AssertionError("the index lies inside the grid")
