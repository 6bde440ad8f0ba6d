"""Walk a search space: ask for one point of it, and settle a point into plain settings.

One walk (`settle`) serves everybody: Optuna's samplers answer it with new values, a plan file with the values it holds,
the grid with the position it has reached. A parameter's name is its path, with a group's `kind` (or `name:`) as a step;
a choice without kinds names what it picked by position (`network.mlp.dropout.1`). Ranges themselves are in
`core/ranges.py`; reading them from params.yaml is `project`'s, writing them `space_file.py`'s.
"""

import json
import warnings
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from components.core.lazy import lazy
from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange, Node

if TYPE_CHECKING:
    import optuna
else:
    optuna = lazy("optuna")

Value = str | int | float | bool | None
Parameter = IntRange | FloatRange | tuple[Value, ...]  # a tuple: one of these
Ask = Callable[[str, Parameter], Value]  # (path, parameter) -> value
Open = Callable[[str, tuple[Value, ...]], tuple[Value, ...]]  # (path, alternatives) -> those that are not closed


def settle(node: Node, ask: Ask, path: str = "") -> Any:
    """Ask for every parameter that this node needs, in order of the tree, and return the settings without ranges."""
    if isinstance(node, Fixed):
        return node.value
    if isinstance(node, IntRange | FloatRange):
        return ask(path, node)
    if isinstance(node, Choice):
        labels = choice_labels(node)
        picked = labels.index(ask(path, labels))
        return settle(node.options[picked], ask, f"{path}.{picked}")
    if isinstance(node, Branches):
        name = ask(path, tuple(node.groups))
        return _settle_group(node.groups[str(name)], ask, f"{path}.{name}")
    return _settle_group(node, ask, group_path(node, path))


def settle_params(space: Group, params: Mapping[str, Value]) -> dict[str, Any]:
    """Return the settings of a point whose parameters are known by path."""
    return settle(space, lambda path, _: params[path])


def parameters_of(space: Group, params: Mapping[str, Value]) -> dict[str, Parameter]:
    """Return what was asked for at this point, by path, in order of the tree."""
    asked: dict[str, Parameter] = {}

    def ask(path: str, parameter: Parameter) -> Value:
        asked[path] = parameter
        return params[path]

    settle(space, ask)
    return asked


def choice_labels(choice: Choice) -> tuple[Value, ...]:
    """Return what stands for each alternative: its value, or "0.1 to 0.5" for a range, or its kind."""
    labels = tuple(_label(option, position) for position, option in enumerate(choice.options))
    if len(set(labels)) == len(labels):
        return labels
    return tuple(f"{position}: {json.dumps(label)}" for position, label in enumerate(labels))  # true and 1 are equal


def group_path(group: Group, path: str) -> str:
    """Return the path of a group's fields: its kind is a step of it."""
    return ".".join(step for step in (path, group.kind) if step)


def distribution(parameter: Parameter) -> "optuna.distributions.BaseDistribution":
    """Return Optuna's own word for a parameter."""
    if isinstance(parameter, IntRange):
        whole = 1 if parameter.log else parameter.step
        last = parameter.high - (parameter.high - parameter.low) % whole
        return optuna.distributions.IntDistribution(parameter.low, last, log=parameter.log, step=whole)
    if isinstance(parameter, FloatRange):
        step = parameter.step
        high = (
            parameter.high if step is None else float(_decimal(parameter.low) + num_steps(parameter) * _decimal(step))
        )
        return optuna.distributions.FloatDistribution(parameter.low, high, log=parameter.log, step=step)
    return optuna.distributions.CategoricalDistribution(parameter)


def num_steps(parameter: FloatRange) -> int:
    """Return how often the step fits between the ends, counted in decimals: 0.1 fits three times into 0.3."""
    assert parameter.step is not None
    return int((_decimal(parameter.high) - _decimal(parameter.low)) // _decimal(parameter.step))


def all_open(_: str, options: tuple[Value, ...]) -> tuple[Value, ...]:
    """Close nothing."""
    return options


def ask_trial(space: Group, trial: "optuna.trial.Trial", is_open: Open = all_open) -> dict[str, Value]:
    """Let Optuna's sampler answer; return the point's parameters by path, in order of the tree."""
    answers: dict[str, Value] = {}

    def ask(path: str, parameter: Parameter) -> Value:
        if isinstance(parameter, tuple):
            answers[path] = trial.suggest_categorical(path, is_open(path, parameter))
        else:
            found = distribution(parameter)
            if isinstance(found, optuna.distributions.IntDistribution):
                answers[path] = trial.suggest_int(path, found.low, found.high, step=found.step, log=found.log)
            else:
                assert isinstance(found, optuna.distributions.FloatDistribution)
                answers[path] = trial.suggest_float(path, found.low, found.high, step=found.step, log=found.log)
        return answers[path]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        settle(space, ask)
    return answers


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))


def _settle_group(group: Group, ask: Ask, path: str) -> dict[str, Any]:
    fields = {word: settle(node, ask, f"{path}.{word}" if path else word) for word, node in group.fields.items()}
    return fields if group.kind is None else {"kind": group.kind, **fields}


def _label(node: Node, position: int) -> Value:
    if isinstance(node, Fixed):
        return node.value if isinstance(node.value, Value) else json.dumps(node.value, sort_keys=True)
    if isinstance(node, IntRange | FloatRange):
        return f"{node.low:g} to {node.high:g}"
    if isinstance(node, Group) and node.kind is not None:
        return node.kind
    return f"alternative {position}"
