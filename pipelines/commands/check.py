"""`espalier check`: params.yaml against itself, the data and dvc.yaml; `run` begins with the same."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components.core.errors import Mistake, Mistakes, UserMistake
from components.core.files import read_json, write_text
from components.project.check import find_mistakes, layout
from components.project.kinds import more_inputs
from components.project.params import FILE, TopSpec, read_document
from components.project.render import comment_line
from components.project.sections import SECTIONS
from pipelines.engine.installed import renew
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
    source, kind, more = _source(root), read_document(root).kind, _more_inputs(root)
    mistake = None if source is None else source_mistake(root, source, kind, more)
    if source is not None and mistake is not None:
        write_deps(root, source, kind, more)
        about_source = "ingest" in mistake.place or mistake.place == DVC_FILE
        renew(root, frozen=False)
        done.append(f"{DVC_FILE}: goes with {f'ingest.source again: {source}' if about_source else f'{FILE} again'}")
    return done


def offered_starts(root: Path) -> list[Mistake]:
    """Return a doubt where the space was changed: the best trials of the earlier one could be tried first."""
    from components.project.params import read_params, section
    from components.project.space import space_of
    from components.search.offers import start_lines, still_fitting

    note = root / ".espalier" / "studies" / "search.json"
    offered = read_json(note)["offers"] if note.exists() else []
    if not offered:
        return []
    settings: Any = section(read_params(root), "search")
    space = space_of(settings)
    own = [{word: part for word, part in point.items() if word in space.fields} for point in offered]
    points = still_fitting(space, own, settings.start if isinstance(settings.start, list) else [])
    if not points:
        return []
    problem = f"could name the best {len(points)} of an earlier space, which lie in this one too."
    way_out = f"Write\n{start_lines(points)}"
    return [Mistake(place="search.start", problem=problem, way_out=way_out, doubt=True)]


def all_mistakes(root: Path, *, with_data: bool = True) -> list[Mistake]:
    """Return what is wrong or doubtful in params.yaml, against itself, the data and dvc.yaml."""
    try:
        mistakes = find_mistakes(root, with_data=with_data)
    except Mistakes as error:  # no YAML at all
        return list(error.mistakes)
    source = _source(root)
    more = source_mistake(root, source, read_document(root).kind, _more_inputs(root)) if source is not None else None
    mistakes = mistakes if more is None else [*mistakes, more]
    return mistakes if any(not one.doubt for one in mistakes) else [*mistakes, *offered_starts(root)]


def _more_inputs(root: Path) -> dict[str, tuple[str, ...]]:
    document = read_document(root)
    return more_inputs(document.values, document.kind)


def _source(root: Path) -> str | None:
    section = read_document(root).values.get("ingest")
    source = section.get("source") if isinstance(section, dict) else None
    return source if isinstance(source, str) else None
