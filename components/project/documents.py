"""YAML text read as DVC reads it, and once more for the places.

ruamel's safe reader is the one that DVC uses: it decides what is valid (`1e-5` is a number for it, `on` is a word, a
key written twice is an error). The second reading gives, for every key and value, where it stands in the text: messages
name lines by it, and `edit.py` replaces exactly these characters. Anchors and merges are refused: the file is data.
"""

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from components.core.errors import Mistake, Mistakes
from components.project.kinds import kind_of

HERE = Path()
Place = tuple[str | int, ...]  # keys and list positions from the top


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Where a value stands: character positions in the text; the line is that of its key (1-based)."""

    line: int
    key_start: int
    key_end: int
    start: int
    end: int  # behind its last character, without a comment
    column: int  # of its key
    flow: bool  # written in braces or brackets
    kind: str  # mapping | sequence | scalar | empty


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file's text, its values (keys are text), and where each stands."""

    name: str
    text: str
    values: Mapping[str, Any]
    marks: Mapping[Place, Mark]
    kind: str = "table"  # of the data that it is about (`kinds.py`)

    def nearest(self, place: Place) -> Mark | None:
        """Return where a place stands, or the nearest place above it."""
        for length in range(len(place), 0, -1):
            if (mark := self.marks.get(place[:length])) is not None:
                return mark
        return None


def parse(text: str, name: str, root: Path = HERE) -> Document:
    """Read a mapping. Raises `Mistakes` with the line and the cure where the text is no such YAML.

    `root` is the folder that `ingest.source` is seen from: what lies there says which kind of data it is.
    """
    remembered, marks = _read(text, name)
    values = copy.deepcopy(remembered)
    return Document(name=name, text=text, values=values, marks=marks, kind=kind_of(values, root))


@functools.lru_cache(maxsize=8)
def _read(text: str, name: str) -> tuple[dict[str, Any], Mapping[Place, Mark]]:
    """Return the values and the marks; a command reads the same text up to seven times, in .1 to .4 s each."""
    try:
        values = YAML(typ="safe").load(text)
        tree = YAML().compose(text)
        _refuse_anchors(text, name)
    except MarkedYAMLError as error:
        raise Mistakes(name, [_explain(error, text, name)]) from None
    except ReaderError as error:
        problem = f"holds a character that no text has (position {error.position})."
        raise Mistakes(name, [Mistake(place=name, problem=problem, way_out="Save it as UTF-8 text.")]) from None
    if values is None:
        return {}, {}
    if not isinstance(values, dict):
        raise Mistakes(
            name, [Mistake(place=name, problem="holds no keys.", way_out="Write lines like  seed: 0", line=1)]
        )
    marks: dict[Place, Mark] = {}
    _collect(tree, (), marks)
    return plain(values), marks


def plain(value: Any) -> Any:
    """Return JSON-like values: keys and dates as text, sequences as lists."""
    if isinstance(value, Mapping):
        return {_word(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _word(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return key.isoformat() if hasattr(key, "isoformat") else "none" if key is None else str(key)


def _collect(node: Any, place: Place, marks: dict[Place, Mark]) -> int:
    """Note where everything below a node stands; return the position behind its last character."""
    end = int(node.end_mark.index)
    below: list[tuple[str | int, Any, Any]]
    if isinstance(node, MappingNode):
        below = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, SequenceNode):
        below = [(position, item, item) for position, item in enumerate(node.value)]  # an item is its own key
    else:
        return end
    last = end
    for step, key, value in below:
        last = _collect(value, (*place, step), marks)
        marks[(*place, step)] = Mark(
            line=key.start_mark.line + 1,
            key_start=key.start_mark.index,
            key_end=value.start_mark.index if key is value else key.end_mark.index,
            start=value.start_mark.index,
            end=last,
            column=key.start_mark.column,
            flow=bool(getattr(value, "flow_style", False)),
            kind=_kind(value),
        )
    return end if node.flow_style else last


def _kind(node: Any) -> str:
    if isinstance(node, ScalarNode):
        return "empty" if node.start_mark.index == node.end_mark.index else "scalar"
    return "mapping" if isinstance(node, MappingNode) else "sequence"


def _refuse_anchors(text: str, name: str) -> None:
    if "&" not in text and "*" not in text:
        return
    found = [
        Mistake(
            place=f"'{event.anchor}'",
            problem="is an anchor or an alias, which this file does not have.",
            way_out="Write the value itself; a name that begins with & or * needs quotes.",
            line=event.start_mark.line + 1,
        )
        for event in YAML().parse(text)
        if getattr(event, "anchor", None)
    ]
    if found:
        raise Mistakes(name, found)


def _explain(error: MarkedYAMLError, text: str, name: str) -> Mistake:
    """Say what is wrong with text that is no YAML, and the cure where it is a known one."""
    mark = error.problem_mark or error.context_mark
    number = (mark.line if mark is not None else 0) + 1
    lines = [*text.splitlines(), ""]
    raw = lines[min(number, len(lines)) - 1]
    line, value = raw.strip(), raw.strip().partition(": ")[2]
    problem, cure = f"is no YAML: {error.problem or error.context}.", "Look at this line and the one above it."
    if isinstance(error, DuplicateKeyError):
        line, problem, cure = line.partition(":")[0], "is written twice.", "Keep one of the two lines."
    elif "\t" in raw[: len(raw) - len(raw.lstrip())]:
        problem, cure = "is indented with a tab.", "Use spaces."
    elif value.startswith("*") or ": *" in value:
        problem, cure = "has a value that begins with *.", 'Put the value in quotes: source: "*.csv"'
    elif "{" in line and ("://" in line or "example:" in line):
        problem, cure = "has a colon inside braces.", "Put it in quotes, or on a line of its own:  source: example:wine"
    return Mistake(place=f"'{line}'", problem=problem, way_out=cure, line=number)
