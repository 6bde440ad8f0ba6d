"""What dvc.yaml says that ingest depends on, held in step with `ingest.source` of params.yaml.

DVC sees new data only through these `deps`, so a stale one would keep an old tree alive for ever: `check` compares,
`check --fix` and `set ingest.source=...` mend, and ingest itself refuses to run when they differ.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.core.errors import Mistake, UserMistake
from components.core.files import write_text
from pipelines.engine.dvc_yaml import ingest_deps, render

DVC_FILE = "dvc.yaml"


def source_mistake(root: Path, source: str) -> Mistake | None:
    """Compare the `deps` of ingest in dvc.yaml with `ingest.source`."""
    if not (root / DVC_FILE).exists():
        return Mistake(place=DVC_FILE, problem="is missing.", way_out="Write it:  espalier check --fix")
    try:
        expected = list(ingest_deps(source))
        found = [dep for dep in _deps(root) if not dep.startswith(("components", "pipelines"))]
    except UserMistake as error:
        return Mistake(place="", problem=str(error), way_out="")
    if found == expected:
        return None
    there = ", ".join(found) or "nothing"
    return Mistake(
        place=f"{DVC_FILE}: the deps of ingest",
        problem=f"name {there}, but ingest.source is {source}: a change of the data would not be seen.",
        way_out=f"Write {', '.join(expected) or 'no deps'} there:  espalier check --fix",
    )


def refuse_other_source(root: Path, source: str) -> None:
    """Stop ingest when dvc.yaml watches something else than it reads. Raises `UserMistake`."""
    mistake = source_mistake(root, source) if (root / DVC_FILE).exists() else None
    if mistake is not None:
        raise UserMistake(str(mistake))


def _deps(root: Path) -> list[str]:
    try:
        values: Any = YAML(typ="safe").load((root / DVC_FILE).read_text(encoding="utf-8"))
        return [str(dep) for dep in values["stages"]["ingest"].get("deps") or []]
    except (YAMLError, UnicodeDecodeError) as error:
        reason = f"cannot be read: {' '.join(str(error).split())}."
    except (KeyError, TypeError, AttributeError):
        reason = "has no stage ingest."
    raise UserMistake(f"{DVC_FILE} {reason} Mend it, or move it away and write it anew:  espalier check --fix")


def write_deps(root: Path, source: str) -> None:
    """Replace the deps of ingest in the text of dvc.yaml; everything else of it stays."""
    expected = list(ingest_deps(source))
    file = root / DVC_FILE
    if not file.exists():
        write_text(file, render("project", source))
        return
    code = [dep for dep in _deps(root) if dep.startswith(("components", "pipelines"))]
    lines = file.read_text(encoding="utf-8").split("\n")
    start = lines.index("  ingest:") + 1
    end = next((at for at in range(start, len(lines)) if lines[at] and not lines[at].startswith("    ")), len(lines))
    block, skipping = [], False
    for line in lines[start:end]:
        if line.startswith("    ") and not line.startswith("     "):
            skipping = line.strip() == "deps:"
        if not skipping:
            block.append(line)
        if line.strip().startswith("cmd:") and expected + code:
            block += ["    deps:", *(f"      - {dep}" for dep in [*expected, *code])]
    write_text(file, "\n".join([*lines[:start], *block, *lines[end:]]))
