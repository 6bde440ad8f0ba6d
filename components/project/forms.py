"""What a field of a settings class accepts, as one flat value: made from its annotation, told in one phrase.

pydantic could judge a whole section too, but a union of a number, a word and a class gives one error for each of the
three; a person needs one sentence: "not a whole number of at least 1, or auto". So values are judged here, by field,
and pydantic has the last word on the result (`reading.py`).
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from components.core.ranges import SpaceOf
from components.core.specs import Spec

LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclass(kw_only=True)
class Form:
    """What may stand at one place of params.yaml; several of these at once."""

    words: tuple[str, ...] = ()
    whole: bool = False
    real: bool = False
    truth: bool = False
    text: bool = False
    null: bool = False
    anything: bool = False
    specs: tuple[type[Spec], ...] = ()
    items: "Form | None" = None  # a list of these
    values: "Form | None" = None  # names -> these
    space: SpaceOf | None = None  # a search space over these classes
    limits: dict[str, float] = field(default_factory=dict)  # ge, gt, le, lt

    @property
    def kinds(self) -> dict[str, type[Spec]]:
        """The classes that are known by a word."""
        return {kind: spec for spec in self.specs if (kind := kind_of(spec)) is not None}

    @property
    def all_words(self) -> tuple[str, ...]:
        """Every word that may stand here."""
        return self.words + tuple(self.kinds)

    def within(self, number: float) -> bool:
        """Whether a number keeps the limits."""
        low_ok = number >= self.limits.get("ge", number) and ("gt" not in self.limits or number > self.limits["gt"])
        high_ok = number <= self.limits.get("le", number) and ("lt" not in self.limits or number < self.limits["lt"])
        return low_ok and high_ok

    def describe(self) -> str:
        """Return the phrase that follows "not": "a whole number of at least 1, or auto"."""
        numbers = ("a whole number" if self.whole and not self.real else "a number") + _limits_in_words(self.limits)
        phrases = [
            *([numbers] if self.whole or self.real else []),
            *(["true or false"] if self.truth else []),
            *(["text"] if self.text else []),
            *([f"a list: {self.items.describe()}"] if self.items is not None else []),
            *(["names with values: {name: value}"] if self.values is not None else []),
            *(["{" + ", ".join(_keys(spec)) + "}" for spec in self.specs if kind_of(spec) is None]),
        ]
        words = self.all_words
        if words:
            phrases.append(words[0] if len(words) == 1 else f"one of {', '.join(words)}")
        return ", or ".join(phrases)


def kind_of(spec: type[Spec]) -> str | None:
    """Return the word of a class that is one of several (`kind: Literal["adamw"]`)."""
    if "kind" not in spec.model_fields:
        return None
    return str(get_args(spec.model_fields["kind"].annotation)[0])


@lru_cache(maxsize=512)
def form_of_field(spec: type[Spec], name: str) -> Form:
    """Return the form of a field."""
    info: FieldInfo = spec.model_fields[name]
    form = form_of(info.annotation)
    _take(form, info.metadata)
    return form


def form_of(annotation: Any) -> Form:
    """Return the form of an annotation."""
    form = Form()
    _add(form, annotation)
    return form


def _add(form: Form, annotation: Any) -> None:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        _add(form, inner)
        _take(form, metadata)
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            _add(form, part)
    elif origin is Literal:
        form.words += tuple(str(word) for word in get_args(annotation) if not isinstance(word, bool))
    elif origin in (tuple, list, Sequence, frozenset, set):
        form.items = form_of(get_args(annotation)[0])
    elif origin in (dict, Mapping):
        form.values = form_of(get_args(annotation)[1])
    elif isinstance(annotation, type) and issubclass(annotation, Spec):
        form.specs += (annotation,)
    else:
        _add_plain(form, annotation)


def _add_plain(form: Form, annotation: Any) -> None:
    names = {int: "whole", float: "real", bool: "truth", str: "text", type(None): "null"}
    setattr(form, names.get(annotation, "anything"), True)


def _take(form: Form, metadata: Sequence[Any]) -> None:
    """Take limits and the mark of a search space from the metadata of a field."""
    for mark in metadata:
        if isinstance(mark, SpaceOf):
            form.space = mark
            form.specs, form.anything = mark.specs, False
        elif isinstance(mark, FieldInfo):
            _take(form, mark.metadata)
        for limit in LIMITS:
            if (value := getattr(mark, limit, None)) is not None:
                form.limits[limit] = value


def _limits_in_words(limits: Mapping[str, float]) -> str:
    if {"ge", "le"} <= limits.keys():
        return f" from {limits['ge']:.10g} to {limits['le']:.10g}"
    phrases = [f"{word} {limits[limit]:.10g}" for limit, word in LIMITS.items() if limit in limits]
    return (" " if phrases and phrases[0].startswith(("above", "below")) else " of " if phrases else "") + " and ".join(
        phrases
    )


def _keys(spec: type[Spec]) -> list[str]:
    return [f"{name}: ..." for name in spec.model_fields]
