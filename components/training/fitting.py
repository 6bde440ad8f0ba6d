"""Which settings of training fit a task: losses and weights of classes that do not are refused, before anything is
trained; smoothing of labels, which a number has not, is set to 0, so that no search spends trials on it.

Imports no torch: `espalier check` asks, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from components.core.contracts import Task
from components.core.errors import UserMistake
from components.core.ranges import Branches, Choice, Fixed, Group, Node
from components.training.losses import misfit


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """A setting below `search.training` that does not go with the task."""

    key: str  # loss
    problem: str  # goes on from the key
    way_out: str


def misfits(training: Group, task: Task) -> Iterator[Misfit]:
    """Yield what does not fit in a space of training, values that may never be drawn counted."""
    for kind in _words(training.fields["loss"]):
        if (found := misfit(kind, task)) is not None:
            yield Misfit(key="loss", problem=found[0], way_out=found[1])
    if task == "regression" and "balanced" in _words(training.fields["class_weights"]):
        yield Misfit(
            key="class_weights", problem="is balanced, and the target is a number.", way_out="Write none, or drop it."
        )


def fitted(training: Group, task: Task) -> Group:
    """Return the space without what has no effect on the task. Raises UserMistake for what does not fit."""
    wrong = [f"params.yaml: search.training.{it.key} {it.problem} {it.way_out}" for it in misfits(training, task)]
    if wrong:
        raise UserMistake("\n".join(wrong))
    if task != "regression":
        return training
    return Group(fields={**training.fields, "label_smoothing": Fixed(value=0.0)}, kind=training.kind)


def smooths(training: Group) -> bool:
    """Whether labels may be smoothed at some point of the space."""
    node = training.fields["label_smoothing"]
    options = node.options if isinstance(node, Choice) else (node,)
    return any(not isinstance(option, Fixed) or option.value != 0.0 for option in options)


def precisions(training: Group) -> list[str]:
    """Return the precisions of products that may be drawn."""
    return sorted(set(_words(training.fields["precision"])))


def _words(node: Node) -> list[str]:
    """Return the words, and the kinds of classes, that may be drawn at a place."""
    if isinstance(node, Choice):
        return [word for option in node.options for word in _words(option)]
    if isinstance(node, Branches):
        return [word for group in node.groups.values() for word in _words(group)]
    if isinstance(node, Group):
        return [] if node.kind is None else [node.kind]
    return [node.value] if isinstance(node, Fixed) and isinstance(node.value, str) else []
