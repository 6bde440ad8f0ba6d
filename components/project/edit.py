"""Set one value in the text of params.yaml and touch nothing else: no other line, no comment, no column.

The characters of the old value are replaced by those of the new one; a comment behind it keeps its column. A key that
is not there yet gets a line of its own, in the order of its class, or a place within the braces that hold the others.
(ruamel's round trip would do for our own layout, but it moves what people have laid out by hand.)
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.core.errors import Mistakes, UserMistake
from components.project.documents import HERE, Document, Mark, Place, parse, plain
from components.project.keys import Key, find_key, place_of, sentence, value_at
from components.project.params import FILE, TopSpec, placed, read_section, read_top
from components.project.reading import Reader
from components.project.sections import SECTIONS
from components.project.words import comment_column, write
from components.project.written import left_out


def with_value(text: str, dotted: str, value: Any, root: Path = HERE) -> str:
    """Return the text with one key set; `root` is the project's folder.

    Raises `UserMistake` for an unknown key, `Mistakes` for a wrong value.
    """
    document = parse(text, FILE, root)
    key = find_key(dotted, document.kind)
    place, missing = place_of(document, key)
    if not missing:
        new = _replaced(document, place, value)
        return _judged(document, new, key, [(place, value)], root)
    parent = value_at(document, place)
    if missing[0] == ("kind", parent):  # schedule: step is schedule: {kind: step}
        long_form = _changed({}, key.steps[: len(key.steps) - len(missing)], missing, value, key.kind)
        return _judged(document, _replaced(document, place, long_form), key, [(place, long_form)], root)
    _refuse_other_kind(document, place, missing, key)
    child, nested = _nested(key, missing, value)
    if not place or (isinstance(parent, dict) and parent):
        new = _inserted(document, place, child, nested, _order(key, missing), _comment(key, missing))
        return _judged(document, new, key, [((*place, child), nested)], root)
    return _judged(document, _replaced(document, place, {child: nested}), key, [(place, {child: nested})], root)


def changed_lines(old: str, new: str) -> list[tuple[str, str]]:
    """Return ("-", line) and ("+", line) for what differs."""
    import difflib

    lines = difflib.ndiff(old.splitlines(), new.splitlines())
    return [(line[0], line[2:]) for line in lines if line[0] in "-+"]


def mistakes_in(text: str, root: Path = HERE) -> list[Any]:
    """Return all mistakes of a text of params.yaml, in the order of its lines."""
    document, reader = parse(text, FILE, root), Reader()
    read_top(document, reader)
    for word in SECTIONS:
        read_section(document, word, reader)
    return placed(document, reader)


def _judged(old: Document, text: str, key: Key, changes: Sequence[tuple[Place, Any]], root: Path) -> str:
    """Make sure that the edit did what was asked and nothing else, and that the new value may stand there."""
    new = parse(text, FILE, root)
    expected = copy.deepcopy(dict(old.values))
    for place, value in changes:
        _put(expected, place, plain(value))
    assert new.values == expected, f"setting {key.dotted} changed more than that"
    known = {str(mistake) for mistake in mistakes_in(old.text, root)}
    fresh = [mistake for mistake in mistakes_in(text, root) if str(mistake) not in known]
    if fresh:
        raise Mistakes(FILE, fresh)
    return text


def _put(values: Any, place: Place, value: Any) -> None:
    for step in place[:-1]:
        values = values[step]
    values[place[-1]] = value


def _replaced(document: Document, place: Place, value: Any) -> str:
    mark = document.marks[place]
    text = document.text
    colon = text.index(":", mark.key_end) + 1
    line_end = _line_end(text, colon)
    in_braces = _parent_is_flow(document, place)
    new = " " + write(value, inside=in_braces)
    if mark.kind == "empty" or mark.start > line_end:  # nothing there, or a block below: its lines go
        rest = text[colon:line_end]
        after = text[line_end:] if mark.kind == "empty" else text[_line_end(text, mark.end) :]
        return text[:colon] + _with_comment(text, colon, new, rest) + after
    end = _line_end(text, mark.end)
    rest = text[mark.end : end]
    return text[:colon] + _with_comment(text, colon, new, rest, old_end=mark.end) + text[end:]


def _with_comment(text: str, colon: int, new: str, rest: str, old_end: int | None = None) -> str:
    """Return the new value with what followed the old one on its line; a comment stays in its column."""
    comment = rest.lstrip()
    if not comment.startswith("#"):
        return new + rest if old_end is not None else new
    line_start = text.rfind("\n", 0, colon) + 1
    column = (old_end if old_end is not None else colon) + len(rest) - len(comment)
    column -= text.rfind("\n", 0, old_end if old_end is not None else colon) + 1
    width = colon - line_start + len(new)
    return new + " " * max(column - width, 2) + comment


def _inserted(document: Document, place: Place, child: str, value: Any, order: Sequence[str], comment: str) -> str:
    """Put a new key among those of a mapping that has some."""
    siblings = {
        str(path[-1]): mark
        for path, mark in document.marks.items()
        if path[:-1] == place and len(path) == len(place) + 1
    }
    text = document.text
    before = [name for name in order[: order.index(child)] if name in siblings] or None
    if place and document.marks[place].flow:
        last = max(siblings.values(), key=lambda mark: mark.end)
        return text[: last.end] + f", {child}: {write(value, inside=True)}" + text[last.end :]
    anchor = siblings[before[-1]] if before else None
    first = min(siblings.values(), key=lambda mark: mark.key_start) if siblings else None
    indent = " " * (first.column if first is not None else 0)
    line = comment_column(f"{indent}{child}: {write(value)}", comment)
    if anchor is None and first is not None and isinstance(place, tuple) and not _shares_line_with_dash(text, first):
        at = text.rfind("\n", 0, first.key_start) + 1
        return text[:at] + line + "\n" + text[at:]
    anchor = anchor or first
    if anchor is None:
        return text + ("" if text.endswith("\n") or not text else "\n") + line + "\n"
    end = _line_end(text, max(anchor.end, anchor.key_end))
    return text[:end] + "\n" + line + text[end:]


def _shares_line_with_dash(text: str, mark: Mark) -> bool:
    start = text.rfind("\n", 0, mark.key_start) + 1
    return text[start : mark.key_start].strip() == "-"


def _nested(key: Key, missing: Sequence[tuple[str, str]], value: Any) -> tuple[str, Any]:
    """Return the first missing key and the value to write there: what it meant when left out, with the change in it."""
    (step, first), *below = missing
    assert step != "kind", "refused before"
    above = key.steps[: len(key.steps) - len(missing)]
    return first, _changed({}, above, missing, value, key.kind)[first] if below else value


def _changed(
    base: Mapping[str, Any],
    above: Sequence[tuple[str, str]],
    steps: Sequence[tuple[str, str]],
    value: Any,
    kind_of_data: str,
) -> dict[str, Any]:
    """Return a copy of a value, as it is written, with one key below it set; `above` are the steps that lead to it."""
    (step, word), *below = steps
    new = copy.deepcopy(dict(base))
    here = (*above, (step, word))
    if step != "kind":
        inside = new.get(word, _meant(here, kind_of_data)) if below else None
        new[word] = (
            _changed(inside if isinstance(inside, Mapping) else {}, here, below, value, kind_of_data)
            if below
            else value
        )
        return new
    options = new.get("choose")
    if not isinstance(options, list):
        kept = new if new.get("kind", word) == word else {}
        return _changed({"kind": word, **kept}, here, below, value, kind_of_data)
    for position, option in enumerate(options):
        if option == word or (isinstance(option, Mapping) and option.get("kind") == word):
            options[position] = _changed({"kind": word} if option == word else option, here, below, value, kind_of_data)
            return new
    raise UserMistake(f"'{word}' is not among the values chosen from. Set the whole list.")


def _meant(steps: Sequence[tuple[str, str]], kind_of_data: str) -> Any:
    """Return what a field means when it is left out."""
    key = find_key(".".join(word for _, word in steps), kind_of_data)
    return {} if key.owner is None or steps[-1][0] != "field" else left_out(key.owner, key.field)


def _refuse_other_kind(document: Document, place: Place, missing: Sequence[tuple[str, str]], key: Key) -> None:
    if missing[0][0] != "kind":
        return
    there = write(value_at(document, place))
    above = key.dotted.partition(f".{missing[0][1]}")[0]
    raise UserMistake(f"{above} is {there} in this file, so {key.dotted} is not there. Set {above} first.")


def _order(key: Key, missing: Sequence[tuple[str, str]]) -> list[str]:
    """Return the names among which the first missing key has its place."""
    if len(missing) == len(key.steps):
        return [*TopSpec.model_fields, *SECTIONS]
    if missing[0][0] == "name":
        return [missing[0][1]]
    owner = find_key(".".join(word for _, word in key.steps[: len(key.steps) - len(missing) + 1]), key.kind).owner
    assert owner is not None
    return list(owner.model_fields)


def _comment(key: Key, missing: Sequence[tuple[str, str]]) -> str:
    if missing[0][0] == "name":
        return ""
    found = find_key(".".join(word for _, word in key.steps[: len(key.steps) - len(missing) + 1]), key.kind)
    return found.sentence if found.owner is None else sentence(found.owner, found.field)


def _parent_is_flow(document: Document, place: Place) -> bool:
    return any(
        document.marks[place[:length]].flow for length in range(1, len(place)) if place[:length] in document.marks
    )


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
