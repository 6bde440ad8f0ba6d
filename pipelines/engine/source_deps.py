"""What dvc.yaml says that stages depend on, held in step with params.yaml: ingest with its source, boosting and bagging
of pictures with the search that they may stand on.

DVC sees new data only through these `deps`, so a stale one would keep an old tree alive for ever: `check` compares,
`check --fix` and `set ingest.source=...` mend, and ingest itself refuses to run when they differ.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from components.core.errors import Mistake, UserMistake
from components.core.files import write_text
from components.project.kinds import KINDS
from pipelines.engine.dvc_yaml import NO_MORE, TREE, More, ingest_deps, inputs_of, render

DVC_FILE = "dvc.yaml"


def source_mistake(root: Path, source: str, kind: str = "table", more: More = NO_MORE) -> Mistake | None:
    """Compare the `deps` of ingest in dvc.yaml with `ingest.source`, and the rest with what its kind of data needs."""
    if not (root / DVC_FILE).exists():
        return Mistake(place=DVC_FILE, problem="is missing.", way_out="Write it:  espalier check --fix")
    try:
        expected = list(ingest_deps(source))
        found = [dep for dep in _deps(root, "ingest") if not dep.startswith(("components", "pipelines"))]
    except UserMistake as error:
        return Mistake(place="", problem=str(error), way_out="")
    if found == expected:
        return _params_mistake(root, kind) or _inputs_mistake(root, tuple(KINDS[kind].above), more)
    there = ", ".join(found) or "nothing"
    return Mistake(
        place=f"{DVC_FILE}: the deps of ingest",
        problem=f"name {there}, but ingest.source is {source}: a change of the data would not be seen.",
        way_out=f"Write {', '.join(expected) or 'no deps'} there:  espalier check --fix",
    )


def _params_mistake(root: Path, kind: str) -> Mistake | None:
    """Find a stage that does not list a section of params.yaml which decides it for this kind of data."""
    for word in TREE:
        missing = [key for key in KINDS[kind].also.get(word, ()) if key not in _params(root, word)]
        if missing:
            return Mistake(
                place=f"{DVC_FILE}: the params of {word}",
                problem=f"lack {', '.join(missing)}, which decides it here: a change would not be seen.",
                way_out="Write it there:  espalier check --fix",
            )
    return None


def _inputs_mistake(root: Path, words: tuple[str, ...], more: More) -> Mistake | None:
    """Find one of these stages that lists other outs than those it stands on."""
    for word in words:
        expected, found = [f"data/{name}" for name in inputs_of(word, more)], _outs_in(_deps(root, word))
        if set(found) != set(expected):
            return Mistake(
                place=f"{DVC_FILE}: the deps of {word}",
                problem=f"name {', '.join(found) or 'no out'}, but {word} stands on {', '.join(expected)} here.",
                way_out="Write them there:  espalier check --fix",
            )
    return None


def _outs_in(deps: list[str]) -> list[str]:
    return [dep for dep in deps if dep.startswith("data/")]


def refuse_other_inputs(root: Path, word: str, kind: str, more: More) -> None:
    """Stop a stage when dvc.yaml lists other outs than params.yaml makes it stand on. Raises `UserMistake`."""
    there = (root / DVC_FILE).exists() and word in KINDS[kind].above
    mistake = _inputs_mistake(root, (word,), more) if there else None
    if mistake is not None:
        raise UserMistake(str(mistake))


def refuse_other_source(root: Path, source: str, kind: str = "table", more: More = NO_MORE) -> None:
    """Stop ingest when dvc.yaml watches something else than it reads. Raises `UserMistake`."""
    mistake = source_mistake(root, source, kind, more) if (root / DVC_FILE).exists() else None
    if mistake is not None:
        raise UserMistake(str(mistake))


def _deps(root: Path, word: str) -> list[str]:
    return [str(dep) for dep in _stage(root, word).get("deps") or []]


def _params(root: Path, word: str) -> list[str]:
    return [str(key) for key in _stage(root, word).get("params") or [] if isinstance(key, str)]


def _stage(root: Path, word: str) -> dict[str, Any]:
    try:
        values: Any = YAML(typ="safe").load((root / DVC_FILE).read_text(encoding="utf-8"))
        return dict(values["stages"][word])
    except (YAMLError, UnicodeDecodeError) as error:
        reason = f"cannot be read: {' '.join(str(error).split())}."
    except (KeyError, TypeError, ValueError):
        reason = f"has no stage {word}."
    raise UserMistake(f"{DVC_FILE} {reason} Mend it, or move it away and write it anew:  espalier check --fix")


def write_deps(root: Path, source: str, kind: str = "table", more: More = NO_MORE) -> None:
    """Bring deps and params in the text of dvc.yaml in step; everything else of it stays."""
    expected = list(ingest_deps(source))
    file = root / DVC_FILE
    if not file.exists():
        write_text(file, render("project", source, kind, more))
        return
    code = [dep for dep in _deps(root, "ingest") if dep.startswith(("components", "pipelines"))]
    lines = _with_params(root, file.read_text(encoding="utf-8").split("\n"), kind)
    lines = _with_inputs(root, lines, kind, more)
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


def _with_params(root: Path, lines: list[str], kind: str) -> list[str]:
    """Return the lines of dvc.yaml with the params that stages lack for this kind of data."""
    for word in TREE:
        missing = [key for key in KINDS[kind].also.get(word, ()) if key not in _params(root, word)]
        if not missing:
            continue
        start = lines.index(f"  {word}:")
        at = next(number for number in range(start, len(lines)) if lines[number].strip() == "params:")
        lines = [*lines[: at + 1], *(f"      - {key}" for key in missing), *lines[at + 1 :]]
    return lines


def _with_inputs(root: Path, lines: list[str], kind: str, more: More) -> list[str]:
    """Return the lines of dvc.yaml with exactly the outs in deps that stages stand on for this kind of data."""
    for word in KINDS[kind].above:
        expected, found = [f"data/{name}" for name in inputs_of(word, more)], _outs_in(_deps(root, word))
        start = lines.index(f"  {word}:")
        at = next(number for number in range(start, len(lines)) if lines[number].strip() == "deps:")
        end = next(number for number in range(at + 1, len(lines)) if not lines[number].strip().startswith("- "))
        kept = [line for line in lines[at + 1 : end] if line.strip()[2:] not in found]
        lines = [*lines[: at + 1], *(f"      - {name}" for name in expected), *kept, *lines[end:]]
    return lines
