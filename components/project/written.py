"""Between values as they are written and nodes of a space: defaults as a person writes them, nodes back to JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange, Node
from components.core.specs import Spec
from components.project.documents import plain
from components.project.forms import kind_of


def left_out(spec: type[Spec], name: str) -> Any:
    """Return what a field means when it is left out below a search space, in the user's own notation."""
    info = spec.model_fields[name]
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "search" in extra:
        return plain(extra["search"])
    return as_written(info.get_default(call_default_factory=True))


def as_written(value: Any) -> Any:
    """Return a default as a person would write it: classes as mappings of what was set in them."""
    if isinstance(value, BaseModel):
        kind = kind_of(type(value)) if isinstance(value, Spec) else None
        return {**({} if kind is None else {"kind": kind}), **plain(value.model_dump(mode="json", exclude_unset=True))}
    if isinstance(value, Mapping):
        return {str(key): as_written(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, frozenset, set)):
        return [as_written(item) for item in value]
    return value


def plain_of(node: Node) -> Any:
    """Return the JSON of a node that holds no range."""
    if isinstance(node, Group):
        own = {} if node.kind is None else {"kind": node.kind}
        return {**own, **{name: plain_of(field) for name, field in node.fields.items()}}
    assert isinstance(node, Fixed), f"{node} still has to be chosen"
    return node.value


def first_point(node: Node) -> Any:
    """Return one point of a space as JSON: low ends, first choices."""
    if isinstance(node, Choice):
        return first_point(node.options[0])
    if isinstance(node, Branches):
        return first_point(next(iter(node.groups.values())))
    if isinstance(node, (IntRange, FloatRange)):
        return node.low
    if isinstance(node, Group):
        own = {} if node.kind is None else {"kind": node.kind}
        return {**own, **{name: first_point(field) for name, field in node.fields.items()}}
    return node.value
