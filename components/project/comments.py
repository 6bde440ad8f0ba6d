"""Comments of params.yaml: those that we write ourselves, and those that are somebody's own and stay."""

from dataclasses import dataclass, field

from components.core.specs import Spec
from components.project.documents import Document, Place
from components.project.forms import form_of_field
from components.project.keys import sentence
from components.project.kinds import KINDS
from components.project.params import TopSpec
from components.project.sections import SECTIONS, section_class, section_sentence

HEADER = (
    "# What should grow. `espalier check` reads this file against the data; `espalier explain KEY` explains a key.",
    "# A deleted line means the value shown here; the ten section words and seconds, seed, metric stay.",
    "# Below preprocess (not bagging's), network, training and trees a value can be searched instead of set:",
    "#   {low: 2, high: 6} {low: 1.0e-4, high: 0.1, log: true} {choose: [relu, tanh]} "
    "{choose: [0.0, {low: 0.1, high: 0.5}]}",
)


@dataclass(kw_only=True)
class Notes:
    """Comments that are somebody's own: behind a key, above a key, and at the end of the file."""

    behind: dict[Place, str] = field(default_factory=dict)
    above: dict[Place, list[str]] = field(default_factory=dict)
    last: list[str] = field(default_factory=list)


def notes_of(document: Document) -> Notes:
    """Return the comments of a file that `full` would not write by itself."""
    notes, waiting = Notes(), []
    keys = {mark.line: place for place, mark in sorted(document.marks.items(), key=lambda item: -len(item[0]))}
    keys = {line: place for line, place in keys.items() if isinstance(place[-1], str)}
    ends: dict[int, int] = {}
    for mark in document.marks.values():
        for position in (mark.key_end, mark.end):
            line = document.text.count("\n", 0, position) + 1
            ends[line] = max(ends.get(line, 0), position)
    start = 0
    for number, text in enumerate(document.text.split("\n"), start=1):
        rest = document.text[max(ends.get(number, start), start) : start + len(text)]
        comment = rest[rest.find("#") :].strip() if "#" in rest else ""
        start += len(text) + 1
        if number not in keys:
            if comment and comment not in HEADER:
                waiting.append(comment)
            continue
        place = keys[number]
        if waiting:
            notes.above[place], waiting = waiting, []
        if comment and not _is_generated(comment, place):
            notes.behind[place] = comment[1:].strip()
    notes.last = waiting
    return notes


def _is_generated(comment: str, place: Place) -> bool:
    """Whether a comment is one that `full` writes behind some key of this name, whole or cut to the width."""
    text, name = comment[1:].strip(), str(place[-1])
    if len(place) == 1 and name in SECTIONS:
        return any(text == section_sentence(name, kind) for kind in KINDS)
    of_kinds = dict.fromkeys(section_class(str(place[0]), kind) for kind in KINDS) if len(place) > 1 else {}
    classes = [below for spec in of_kinds for below in _classes_below(spec)] or [TopSpec]
    own = [sentence(one, name) for one in classes if name in one.model_fields]
    return any(one.startswith(text) for one in own)


def _classes_below(spec: type[Spec]) -> list[type[Spec]]:
    found = [spec]
    for name in spec.model_fields:
        for below in form_of_field(spec, name).specs:
            found.extend(_classes_below(below))
    return found
