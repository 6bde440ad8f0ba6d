"""A search space as a tree that has the shape of what it searches (ARCHITECTURE 5).

`components/project/space.py` reads it from params.yaml, `components/search/space.py` asks Optuna through it. A
parameter is named by its path: `training.optimizer.adamw.lr`; a picked alternative of a plain choice by its position:
`network.mlp.dropout.1`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """One value: no parameter."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers, both ends included."""

    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """Real numbers, both ends included."""

    low: float
    high: float
    step: float | None = None
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several alternatives without a `kind`; an alternative may itself be a range."""

    options: tuple["Node", ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A settings class: every field is a node of its own. `kind` and `name` are there when it is one of several."""

    fields: Mapping[str, "Node"]
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class Branches:
    """One of several groups, each known by its kind (or its `name:`, when two are of one kind)."""

    groups: Mapping[str, Group]


Node = Fixed | IntRange | FloatRange | Choice | Group | Branches


@dataclass(frozen=True)
class SpaceOf:
    """Marks a field of a stage's settings as a search space over these classes: `Annotated[JSON, SpaceOf(MLP)]`."""

    specs: tuple[type, ...]
    refused: Mapping[str, str]  # kind -> why it may not stand here

    def __init__(self, *specs: type, refused: Mapping[str, str] | None = None) -> None:
        object.__setattr__(self, "specs", specs)
        object.__setattr__(self, "refused", refused or {})
