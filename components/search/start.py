"""Start points: configurations that are tried before any sampler proposes one.

A point says as much as it wants, in the notation of params.yaml (`{network: {kind: mlp, layers: 3}}`); the sampler adds
the rest. A portfolio comes from outside the user's space and is bent into it (numbers are clipped, foreign words left
out); what the user lists himself must lie in it, so `fit` returns both: the parameters, and what did not fit.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from components.core.contracts import JSON
from components.core.errors import UserMistake
from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange, Node
from components.search.space import Value, choice_labels, group_path


def fit(space: Group, point: JSON) -> tuple[dict[str, Value], list[str]]:
    """Return the parameters of a partial point by path, and a sentence for each thing that is not in the space."""
    params: dict[str, Value] = {}
    misfits: list[str] = []
    _fit(space, point, "", params, misfits)
    return params, misfits


def checked(space: Group, points: Sequence[JSON], place: str) -> None:
    """Refuse points of the user's own that do not lie in the space: UserMistake with all of them.

    `place` is the key they stand under: search.start.
    """
    lines = [
        f"params.yaml: {place} {position + 1}: {misfit}"
        for position, point in enumerate(points)
        for misfit in fit(space, point)[1]
    ]
    if lines:
        raise UserMistake("\n".join(lines))


def fitted(space: Group, points: Sequence[JSON]) -> list[dict[str, Value]]:
    """Return the parameters of all points, bent into the space; points that became equal are taken once."""
    found: list[dict[str, Value]] = []
    for point in points:
        params, _ = fit(space, point)
        if params not in found and (params or not found):
            found.append(params)
    return found


def _fit(node: Node, value: Any, path: str, params: dict[str, Value], misfits: list[str]) -> None:
    if isinstance(node, Fixed):
        if value != node.value:
            misfits.append(f"{path} is {value}, but it is set to {node.value}.")
    elif isinstance(node, IntRange | FloatRange):
        _fit_number(node, value, path, params, misfits)
    elif isinstance(node, Choice):
        _fit_choice(node, value, path, params, misfits)
    elif isinstance(node, Branches):
        word = value if isinstance(value, str) else value.get("name", value.get("kind"))
        if word not in node.groups:
            misfits.append(f"{path} is {word}, not one of {', '.join(node.groups)}.")
            return
        params[path] = word
        _fit_fields(node.groups[word], value, f"{path}.{word}", params, misfits)
    else:
        _fit_fields(node, value, group_path(node, path), params, misfits)


def _fit_fields(group: Group, value: Any, path: str, params: dict[str, Value], misfits: list[str]) -> None:
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        misfits.append(f"{path} is {value}, but it has settings of its own: {', '.join(group.fields)}.")
        return
    if group.kind is not None and value.get("kind", group.kind) != group.kind:
        misfits.append(f"{path.rpartition('.')[0]} is {value['kind']}, but it is set to {group.kind}.")
        return
    for word, item in value.items():
        place = f"{path}.{word}" if path else word
        if word in group.fields:
            _fit(group.fields[word], item, place, params, misfits)
        elif word not in ("kind", "name"):
            misfits.append(f"{place} is not a key.")


def _fit_number(
    node: IntRange | FloatRange, value: Any, path: str, params: dict[str, Value], misfits: list[str]
) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        misfits.append(f"{path} is {value}, but a number from {node.low:g} to {node.high:g} is searched there.")
        return
    clipped = min(max(value, node.low), node.high)
    step = node.step if node.step is not None and not node.log else (1 if isinstance(node, IntRange) else None)
    nearest = clipped if step is None else node.low + math.floor((clipped - node.low) / step + 0.5) * step
    inside = nearest if nearest <= node.high else nearest - (step or 0)
    if not math.isclose(inside, value, rel_tol=1e-9, abs_tol=1e-12):
        misfits.append(f"{path} is {value:g}, but only {node.low:g} to {node.high:g} is searched there.")
    params[path] = round(inside) if isinstance(node, IntRange) else float(inside)


def _fit_choice(node: Choice, value: Any, path: str, params: dict[str, Value], misfits: list[str]) -> None:
    for position, option in enumerate(node.options):
        found: dict[str, Value] = {}
        wrong: list[str] = []
        if isinstance(option, Fixed) and isinstance(option.value, bool) != isinstance(value, bool):
            continue  # true is not 1
        if isinstance(option, Group) and not isinstance(value, str | Mapping):
            continue
        _fit(option, value, f"{path}.{position}", found, wrong)
        if not wrong:
            params.update({path: choice_labels(node)[position], **found})
            return
    misfits.append(f"{path} is {value}, not one of {', '.join(str(label) for label in choice_labels(node))}.")
