"""Dotted keys, as people say them, and the fields that they name: `search.network.mlp.dropout`, `seconds`, `split`.

A class that is known by a word has that word as a step of the key (`optimizer.sgd.lr`), in messages, in Optuna's names
and here. Where only one class may stand, the word can be left out: `search.network.dropout`.
"""

from dataclasses import dataclass
from typing import Any

from components.core.errors import UserMistake, did_you_mean
from components.core.specs import Spec
from components.project.documents import Document, Place
from components.project.forms import Form, form_of_field
from components.project.params import TopSpec
from components.project.sections import SECTIONS, section_class, section_sentence


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key of params.yaml, found among the settings."""

    steps: tuple[tuple[str, str], ...]  # ("field", "search"), ("field", "network"), ("kind", "mlp"), ("name", "zip")
    owner: type[Spec] | None  # the class that has the last field; None for a section
    form: Form  # what may stand there
    kind: str = "table"  # of the data that the file is about

    @property
    def dotted(self) -> str:
        """The key with all its steps."""
        return ".".join(word for _, word in self.steps)

    @property
    def field(self) -> str:
        """The last field's name."""
        return next(word for step, word in reversed(self.steps) if step == "field")

    @property
    def sentence(self) -> str:
        """What the field, or the section, is for."""
        if self.owner is None:
            return section_sentence(self.field, self.kind)
        return sentence(self.owner, self.field)


def sentence(spec: type[Spec], field: str) -> str:
    """Return a field's first sentence as the fragment that stands behind it in params.yaml."""
    text = str(spec.model_fields[field].description or "").partition(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def find_key(dotted: str, kind: str = "table") -> Key:
    """Find a dotted key of a file about this kind of data. Raises `UserMistake` with the nearest name."""
    first, *rest = dotted.strip().split(".")
    if first in TopSpec.model_fields and not rest:
        return Key(steps=(("field", first),), owner=TopSpec, form=form_of_field(TopSpec, first), kind=kind)
    if first not in SECTIONS:
        raise _unknown(first, "", [*TopSpec.model_fields, *SECTIONS])
    spec = section_class(first, kind)
    steps: list[tuple[str, str]] = [("field", first)]
    form, owner = Form(specs=(spec,)), None
    for word in rest:
        above = ".".join(step for _, step in steps)
        if form.values is not None:
            steps.append(("name", word))
            form = form.values
            continue
        if word in form.kinds:
            steps.append(("kind", word))
            form = Form(specs=(form.kinds[word],))
            continue
        classes = [one for one in form.specs if word in one.model_fields]
        if not classes or (len(form.kinds) > 1 and form.space is None):
            known = (
                list(form.kinds) if len(form.kinds) > 1 else [name for one in form.specs for name in one.model_fields]
            )
            raise _unknown(word, above, known)
        if form.kinds and steps[-1][0] != "kind":
            steps.append(("kind", next(kind for kind, one in form.kinds.items() if one is classes[0])))
        owner = classes[0]
        steps.append(("field", word))
        form = form_of_field(owner, word)
    return Key(steps=tuple(steps), owner=owner, form=form, kind=kind)


def place_of(document: Document, key: Key) -> tuple[Place, tuple[tuple[str, str], ...]]:
    """Return how far a key is written in the file: its place there, and the steps that are not."""
    place: Place = ()
    value: Any = document.values
    steps = list(key.steps)
    while steps:
        step, word = steps[0]
        if step == "kind":
            found = _branch(value, word)
            if found is None:
                break
            place, value = (*place, *found), _inside(value, found)
        elif isinstance(value, dict) and word in value:
            place, value = (*place, word), value[word]
        else:
            break
        steps.pop(0)
    return place, tuple(steps)


def value_at(document: Document, place: Place) -> Any:
    """Return the value that stands at a place."""
    return _inside(document.values, place)


def _inside(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def _branch(value: Any, word: str) -> Place | None:
    """Return the way from a value to its branch of this kind or name: () when it is that branch itself."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("choose"), list):
        for position, option in enumerate(value["choose"]):
            if isinstance(option, dict) and word in (option.get("name"), option.get("kind")):
                return ("choose", position)
        return None
    return () if value.get("kind", word) == word else None


def _unknown(word: str, above: str, known: list[str]) -> UserMistake:
    whole = f"{above}.{word}" if above else word
    near = did_you_mean(word, known)
    near = near.replace("'", f"'{above}.", 1) if near and above else near
    return UserMistake(f"{whole} is not a key. {near or 'There are ' + ', '.join(known) + '.'}")
