"""The kinds of data, in one table: how a source is recognised, which settings a section has, who does what.

A stage asks here for the function that does its work for the kind at hand, and never what the kind is. What a kind
does not name is as for tables (`sections.py`), which are what everything else is not. Places are text,
"module:function", imported when they are asked for, so that a stage loads its own family and no other.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Above:
    """Where a setting of a stage has a value, the stage stands on another one, too, and `place` makes its inputs."""

    setting: str
    value: str
    stage: str
    place: str  # module:function; code of the stage only where the setting has the value


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of data."""

    recognises: str = ""  # module:function(root, ingest section) -> bool; empty: everything
    steps: Mapping[str, str]  # what is to be done -> who does it for this kind
    sections: Mapping[str, str] = field(default_factory=dict)  # word -> module:Class, where not as for tables
    sentences: Mapping[str, str] = field(default_factory=dict)  # word -> the comment behind it
    searched: frozenset[str] = frozenset()  # sections that are search spaces as a whole: any value may be a range
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # word -> other sections that decide the stage
    above: Mapping[str, "Above"] = field(default_factory=dict)  # word -> another stage that it may stand on
    noun: str  # what a row is


EMBEDDING = Above(
    setting="features",
    value="embedding",
    stage="search",
    place="components.project.embedding:fold_embeddings",
)
ANSWERING = {"export": ("evaluate",)}  # from which probability on a bundle answers yes
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "image": Kind(
            recognises="components.data.images.recognise:is_pictures",
            steps={
                "ingest": "components.data.images.ingest:ingest_pictures",
                "describe": "components.data.images.describe:describe_pictures",
                "validate": "components.data.images.validation:validate_pictures",
                "augment": "components.augmentation.image_making:write_copies",
                "start": "components.training.portfolio:picture_points",
                "look": "components.project.look_images:look",
            },
            sections={
                "ingest": "components.data.images.ingest:ImageIngestSpec",
                "validate": "components.data.images.validation:ImageValidateSpec",
                "augment": "components.augmentation.policy:ImagePolicy",
                "search": "components.project.image_search:ImageSearchSpec",
                "boosting": "components.project.image_boosting:ImageBoostingSpec",
                "bagging": "components.project.image_bagging:ImageBaggingSpec",
            },
            sentences={"augment": "on the fly, for train pictures only; 0 or none = off"},
            searched=frozenset({"augment"}),
            also={"search": ("augment",), **ANSWERING},
            above=dict.fromkeys(("boosting", "bagging"), EMBEDDING),
            noun="picture",
        ),
        "table": Kind(
            steps={
                "ingest": "components.data.ingest:ingest",
                "describe": "components.data.describe:describe_source",
                "validate": "components.data.validation:validate",
                "augment": "components.augmentation.making:augment",
                "start": "components.training.portfolio:start_points",
                "look": "components.project.look_table:look",
            },
            also={"validate": ("split",), **ANSWERING},
            noun="row",
        ),
    }
)


def kind_of(values: Mapping[str, Any], root: Path) -> str:
    """Return the kind of data that a params.yaml is about, seen from the project's folder."""
    section = values.get("ingest")
    if not isinstance(section, Mapping):
        return "table"
    return next(word for word, kind in KINDS.items() if not kind.recognises or load(kind.recognises)(root, section))


def above(values: Mapping[str, Any], kind: str) -> dict[str, Above]:
    """Return what stages stand on beside what they always do, because params.yaml says so."""
    found = {}
    for word, one in KINDS[kind].above.items():
        section = values.get(word)
        if isinstance(section, Mapping) and section.get(one.setting) == one.value:
            found[word] = one
    return found


def more_inputs(values: Mapping[str, Any], kind: str) -> dict[str, tuple[str, ...]]:
    """Return the stages that others stand on because params.yaml says so: {"bagging": ("search",)}."""
    return {word: (one.stage,) for word, one in above(values, kind).items()}


def step(kind: str, what: str) -> Callable[..., Any]:
    """Import and return the function that does something for a kind."""
    return load(KINDS[kind].steps[what])


def places(word: str) -> tuple[str, ...]:
    """Return the modules that any kind names for a stage: they are code of that stage."""
    named = [kind.recognises for kind in KINDS.values() if kind.recognises]
    named += [place for kind in KINDS.values() for what, place in kind.steps.items() if USED_BY[what] == word]
    named += [kind.sections[word] for kind in KINDS.values() if word in kind.sections]
    named += [
        kind.sections[other] for kind in KINDS.values() for other in kind.also.get(word, ()) if other in kind.sections
    ]
    return tuple(dict.fromkeys(place.partition(":")[0] for place in named))


def sections_as_for_tables(word: str) -> tuple[str, ...]:
    """Return the other sections that decide a stage and are read as for tables: `sections.py` has their modules."""
    named = [(kind, other) for kind in KINDS.values() for other in kind.also.get(word, ())]
    return tuple(dict.fromkeys(other for kind, other in named if other not in kind.sections))


USED_BY = MappingProxyType(
    {"ingest": "ingest", "describe": "", "look": "", "validate": "validate", "augment": "augment", "start": "search"}
)
"""Which stage takes a step; `describe` and `look` are for commands alone."""


def load(place: str) -> Any:
    """Import module:name and return it."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
