"""`espalier check`: params.yaml against itself, the data and dvc.yaml; `run` begins with the same."""

import json
from dataclasses import asdict
from pathlib import Path

from components.core.errors import Mistake, Mistakes, UserMistake
from components.core.files import write_text
from components.project.check import find_mistakes, layout
from components.project.params import FILE, TopSpec, read_document
from components.project.render import comment_line
from components.project.sections import SECTIONS
from pipelines.engine.source_deps import DVC_FILE, source_mistake, write_deps


def run(root: Path, *, fix: bool, as_json: bool) -> int:
    """Print all mistakes; with `fix`, first mend what can be mended without asking."""
    if fix:
        for line in mend(root):
            print(f"  {line}")
    mistakes = all_mistakes(root)
    wrong = [one for one in mistakes if not one.doubt]
    if as_json:
        print(json.dumps([asdict(one) for one in mistakes], indent=1))
    elif mistakes:
        print(layout(mistakes, FILE, started=not wrong))
    else:
        print(f"{FILE} and {DVC_FILE} have no mistakes.")
    return 2 if wrong else 0


def refuse_mistakes(root: Path, *, with_data: bool = True) -> None:
    """Raise `UserMistake` with everything that is wrong, laid out; doubts alone stop nothing."""
    mistakes = all_mistakes(root, with_data=with_data)
    if any(not one.doubt for one in mistakes):
        raise UserMistake(layout(mistakes, FILE))


def mend(root: Path) -> list[str]:
    """Add missing words to params.yaml and bring dvc.yaml in step; return what was done."""
    done = []
    text = read_document(root).text
    for word in [name for name in TopSpec.model_fields if name != "device"] + list(SECTIONS):
        if word not in read_document(root).values:
            line = comment_line(word, read_document(root).kind)
            text = text + ("" if text.endswith("\n") else "\n") + line + "\n"
            write_text(root / FILE, text)
            done.append(f"{FILE}: added  {line}")
    source, kind = _source(root), read_document(root).kind
    if source is not None and source_mistake(root, source, kind) is not None:
        write_deps(root, source, kind)
        done.append(f"{DVC_FILE}: goes with ingest.source again: {source}")
    return done


def all_mistakes(root: Path, *, with_data: bool = True) -> list[Mistake]:
    """Return what is wrong or doubtful in params.yaml, against itself, the data and dvc.yaml."""
    try:
        mistakes = find_mistakes(root, with_data=with_data)
    except Mistakes as error:  # no YAML at all
        return list(error.mistakes)
    source = _source(root)
    more = source_mistake(root, source, read_document(root).kind) if source is not None else None
    return mistakes if more is None else [*mistakes, more]


def _source(root: Path) -> str | None:
    section = read_document(root).values.get("ingest")
    source = section.get("source") if isinstance(section, dict) else None
    return source if isinstance(source, str) else None
