"""params.yaml as text: full, with every key and its sentence, or short, without what equals the default (UX 1.1, 1.2).

Values come as they are written; sentences come from the settings classes. A person's own comments stay with the key
that they stand behind or above.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.specs import Spec
from components.project.comments import HEADER, Notes
from components.project.documents import HERE, Place
from components.project.forms import Form, form_of_field
from components.project.forms import kind_of as word_of
from components.project.keys import sentence
from components.project.kinds import KINDS, kind_of
from components.project.params import TopSpec
from components.project.sections import SECTIONS, section_class, section_sentence
from components.project.words import WIDTH, comment_column, write
from components.project.written import as_written, left_out


def full(values: Mapping[str, Any], notes: Notes | None = None, root: Path = HERE) -> str:
    """Return params.yaml with every key written out; `root` is the folder that the source is seen from."""
    writer, kind = _Writer(notes or Notes()), kind_of(values, root)
    writer.lines.extend([*HEADER, ""])
    for name in TopSpec.model_fields:
        value = values.get(name, TopSpec.model_fields[name].default)
        writer.line((name,), value, sentence(TopSpec, name))
    for word in SECTIONS:
        writer.lines.append("")
        writer.head((word,), section_sentence(word, kind))
        searched = word in KINDS[kind].searched
        writer.fields(section_class(word, kind), _mapping(values.get(word)), (word,), searched=searched)
    return writer.text()


def short(values: Mapping[str, Any], notes: Notes | None = None, root: Path = HERE) -> str:
    """Return params.yaml with what differs from the defaults, and what has a comment of somebody's own."""
    writer, kind = _Writer(notes or Notes()), kind_of(values, root)
    for name in TopSpec.model_fields:
        default = TopSpec.model_fields[name].default
        if name != "device" or writer.noted((name,)) or values.get(name, default) != default:
            writer.line((name,), values.get(name, default), "")
    for word in SECTIONS:
        own = _differing(section_class(word, kind), _mapping(values.get(word)), (word,), writer)
        one_line = f"{word}: {write(own)}"
        colon_inside = any(isinstance(value, str) and ":" in value for value in own.values())
        if own and (len(one_line) > WIDTH or colon_inside or writer.noted((word,))):
            writer.head((word,), "")
            for name, value in own.items():
                writer.tree((word, name), value)
        else:
            writer.line((word,), own, "")
    return writer.text()


def comment_line(word: str, kind: str = "table") -> str:
    """Return the line that adds a missing word at the top: its default, or an empty section."""
    if word in SECTIONS:
        return comment_column(f"{word}: {{}}", section_sentence(word, kind))
    return comment_column(f"{word}: {write(TopSpec.model_fields[word].default)}", sentence(TopSpec, word))


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _differing(spec: type[Spec], value: dict[str, Any], place: Place, writer: "_Writer") -> dict[str, Any]:
    """Return the keys of a section whose values are not the default, or that carry a comment of somebody's own."""
    found = {}
    for name, item in value.items():
        info = spec.model_fields.get(name)
        default = None if info is None or info.is_required() else as_written(info.default)
        if isinstance(item, Mapping) and info is not None and not writer.noted((*place, name)):
            item = _reduced(form_of_field(spec, name), item)
        if item != default or writer.noted((*place, name)):
            found[name] = item
    return found


def _reduced(form: Form, value: Mapping[str, Any]) -> Any:
    """Return a value of a class without the fields that mean what they would mean left out."""
    if "choose" in value or (len(form.specs) != 1 and form.space is None):
        return value
    if form.kinds and value.get("kind", next(iter(form.kinds))) not in form.kinds:  # a mistake: it is told, not lost
        return value
    spec = form.kinds.get(value.get("kind", ""), form.specs[0])
    searched = form.space is not None or word_of(spec) is not None
    kept = {} if spec is form.specs[0] else {"kind": value["kind"]}
    for name, item in value.items():
        if name == "kind" or name not in spec.model_fields:
            continue
        if isinstance(item, Mapping):
            item = _reduced(form_of_field(spec, name), item)
        info = spec.model_fields[name]
        meant = left_out(spec, name) if searched else None if info.is_required() else as_written(info.default)
        if item != meant and {"kind": item} != meant:  # a word is a class with its defaults
            kept[name] = item
    return kept


def _depth(place: Place) -> int:
    """How many steps of two spaces a key is indented."""
    return len(place) - 1


class _Writer:
    """Lines of the file, with somebody's own comments in the place of ours."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.lines: list[str] = []

    def text(self) -> str:
        return "\n".join([*self.lines, *self.notes.last]) + "\n"

    def noted(self, place: Place) -> bool:
        """Whether anything at or below a place has a comment of somebody's own."""
        noted = [*self.notes.behind, *self.notes.above]
        return any(one[: len(place)] == place for one in noted)

    def head(self, place: Place, comment: str, dash: str = "") -> None:
        self._put(place, f"{place[-1]}:", comment, dash)

    def line(self, place: Place, value: Any, comment: str, dash: str = "") -> None:
        self._put(place, f"{place[-1]}: {write(value)}", comment, dash)

    def _put(self, place: Place, content: str, comment: str, dash: str) -> None:
        indent = "  " * _depth(place)
        self.lines.extend(f"{indent}{above}" for above in self.notes.above.get(place, ()))
        start = indent[: -len(dash)] + dash if dash else indent
        own = self.notes.behind.get(place)
        line = start + content
        self.lines.append(comment_column(line, comment) if own is None else f"{comment_column(line, 'x')[:-1]}{own}")

    def tree(self, place: Place, value: Any, comment: str = "", dash: str = "") -> None:
        """Write a value in one line, or, where something below it has a comment of its own, key by key."""
        if not isinstance(value, (Mapping, list)) or not any(
            len(one) > len(place) and one[: len(place)] == place for one in [*self.notes.behind, *self.notes.above]
        ):
            self.line(place, value, comment, dash)
            return
        self.head(place, comment, dash)
        if isinstance(value, Mapping):
            for name, item in value.items():
                self.tree((*place, name), item)
            return
        for position, item in enumerate(value):
            if not isinstance(item, Mapping):
                self.lines.append("  " * _depth((*place, position)) + f"- {write(item)}")
                continue
            for at, (name, below) in enumerate(item.items()):
                self.tree((*place, position, name), below, dash="" if at else "- ")

    def fields(
        self, spec: type[Spec], value: Mapping[str, Any], place: Place, *, searched: bool, dash: str = ""
    ) -> None:
        """Write every field of a class."""
        names = [name for name in spec.model_fields if name != "kind"]
        if (kind := word_of(spec)) is not None:
            self.line((*place, "kind"), kind, sentence(spec, "kind"), dash)
            if "name" in value:
                self.line((*place, "name"), value["name"], "")
        for name in names:
            form, info = form_of_field(spec, name), spec.model_fields[name]
            below = (*place, name)
            if form.space is not None:
                self._space(form, value.get(name, {}), below, sentence(spec, name))
                continue
            if name not in value and not searched and info.is_required():
                continue
            meant = left_out(spec, name) if searched else None if info.is_required() else as_written(info.default)
            self._value(form, value.get(name, meant), below, sentence(spec, name))

    def _space(self, form: Form, value: Any, place: Place, comment: str) -> None:
        """Write a class, or several, with what they search."""
        options = value.get("choose") if isinstance(value, Mapping) else None
        if isinstance(options, list):
            self.head(place, comment)
            self.head((*place, "choose"), "")
            for position, option in enumerate(options):
                option = {"kind": option} if isinstance(option, str) else option
                spec = form.kinds[option["kind"]] if form.kinds else form.specs[0]
                self.fields(spec, option, (*place, "choose", position), searched=True, dash="- ")
            return
        value = {"kind": value} if isinstance(value, str) else _mapping(value)
        spec = form.kinds.get(value.get("kind", ""), form.specs[0])
        self.head(place, comment)
        self.fields(spec, value, place, searched=True)

    def _value(self, form: Form, value: Any, place: Place, comment: str) -> None:
        """Write one value in one line, a choice among classes with a line for each, a large class key by key."""
        indent = 2 * (len(place) - 1)
        options = value.get("choose") if isinstance(value, Mapping) else None
        if isinstance(value, Mapping) and options is None and len(form.specs) == 1 and not form.kinds:
            every = {name: as_written(info.default) for name, info in form.specs[0].model_fields.items()}
            if indent + len(f"{place[-1]}: {write({**every, **value})}") > WIDTH:
                self.head(place, comment)
                self.fields(form.specs[0], value, place, searched=False)
                return
        whole = indent + len(f"{place[-1]}: {write(value)}")
        if whole <= 100 or not isinstance(options, list):
            if isinstance(value, Mapping) and set(value) == {"kind"}:
                value = value["kind"]
            if isinstance(value, Mapping) and not value and form.specs:
                value = {name: as_written(info.default) for name, info in form.specs[0].model_fields.items()}
            self.tree(place, value, comment)
            return
        if self.noted((*place, "choose")):
            self.tree(place, value, comment)
            return
        self.head(place, comment)
        self.head((*place, "choose"), "")
        for option in options:
            self.lines.append(" " * (indent + 4) + f"- {write(option, inside=True)}")
