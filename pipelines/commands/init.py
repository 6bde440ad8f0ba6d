"""`espalier init`: look at the data, say what was seen, and write a project that can be run at once (UX 3.1)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import EspalierError, UserMistake, did_you_mean
from components.core.files import write_text
from components.project.check import find_mistakes, layout
from components.project.comments import Notes
from components.project.edit import mistakes_in
from components.project.lock import write_lock
from components.project.params import FILE
from components.project.render import full
from pipelines.engine.dvc_yaml import ingest_deps, render

if TYPE_CHECKING:
    import pandas as pd

    from components.data.describe import SourceFacts

LOOKED_AT_ROWS = 20_000
COUNTS = {"search": 32, "boosting": 16}  # trials where no clock ends the search
IGNORED = {
    ".gitignore": (
        "/data/*",
        "!/data/evaluate/",
        "/data/evaluate/*",
        "!/data/evaluate/metrics.json",
        "/.espalier/",
        "/.venv/",
    ),
    ".dvcignore": ("__pycache__", ".venv", ".espalier"),
}
DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
{scm}[cache]
    type = "reflink,hardlink,copy"
"""


def run(root: Path, *, folder: Path, data: str, target: str, seconds: str, force: bool) -> None:
    """Write a new project into `folder`, which may be the current one."""
    home = (root / folder).resolve()
    if (home / FILE).exists() and not force:
        raise UserMistake(
            f"{folder / FILE} is there already. Go on with it:  espalier run   (or write over it: --force)"
        )
    if not data:
        raise UserMistake("Say what to learn from:  espalier init --data customers.csv --target churned")
    budget = _budget(seconds)
    facts, frame, target = _look(root, data, target)
    source = _seen_from(home, root, data)
    ingest_deps(source)  # refuses a glob that looks into the results
    drop = _facts(data, facts, frame, target)
    values: dict[str, Any] = {
        "seconds": budget,
        "ingest": {"source": source},
        "validate": {"target": target, "drop": list(drop)},
    }
    if values["seconds"] == "none":
        values |= {word: {"trials": count} for word, count in COUNTS.items()}
    else:
        print(f"  {'budget':15} {values['seconds']:g} s on {os.cpu_count()} cores")
    notes = Notes(behind={("validate", "drop"): "; ".join(drop.values())} if len(set(drop.values())) == 1 else {})
    text = full(values, notes)
    if wrong := mistakes_in(text):
        raise UserMistake(layout(wrong, FILE))
    written = _write(home, text, source)
    started = _start_engines(home)
    print(f"\nWrote {', '.join(written)}.")
    print(f"{started} Nothing is committed yet." if started else "git and dvc are here already; nothing is committed.")
    found = find_mistakes(home)
    if found:
        print("\n" + layout(found, FILE, started=True))
    first = "" if all(one.doubt for one in found) else "mend that, then  "
    print(f"\nNext:  {first}" + ("" if home == root.resolve() else f"cd {folder} && ") + "espalier run")


def _look(root: Path, data: str, target: str) -> "tuple[SourceFacts, pd.DataFrame, str]":
    """Open the source; an example has a target of its own."""
    from components.data.describe import describe_source, read_rows
    from components.data.examples import PREFIX, TARGETS

    facts = describe_source(root, data)
    target = target or (TARGETS[data.removeprefix(PREFIX)] if facts.format == "example" else "")
    if not target:
        raise UserMistake(f"Say what to predict:  --target COLUMN, one of {', '.join(facts.columns)}")
    if target not in facts.columns:
        near = did_you_mean(target, facts.columns) or f"Its columns are {', '.join(facts.columns)}."
        raise UserMistake(f"{target} is not a column of {data}. {near}")
    return facts, read_rows(root, data, LOOKED_AT_ROWS, bad_rows="skip"), target


def _seen_from(home: Path, root: Path, data: str) -> str:
    """Return the source as the project's folder sees it."""
    if data.startswith("example:") or Path(data).is_absolute() or home == root.resolve():
        return data
    return Path(os.path.relpath(root.resolve() / data, home)).as_posix()


def _facts(data: str, facts: "SourceFacts", frame: "pd.DataFrame", target: str) -> Mapping[str, str]:
    """Print what was seen; return the columns to be left out, each with the reason."""
    from components.data.schema_inference import look_at

    about = "" if facts.rows_exact else "about "
    size = [f"{facts.size_bytes / 1e6:.1f} MB"] if facts.size_bytes else []
    more = [*size, *(word for word in (facts.separator, facts.encoding) if word)]
    print(f"  {data:15} {', '.join([f'{about}{facts.rows} rows, {len(facts.columns)} columns', *more])}")
    print(f"  {target:15} {_target(frame[target])}")
    drop = {}
    for name in facts.columns:
        look = look_at(frame[name], name)
        if name == target:
            continue
        if look.kind == "id":
            drop[name] = look.why
            print(f"  {name:15} {look.why}: left out")
        elif look.num_odd:
            words = ", ".join(repr(word) for word in look.odd)
            print(f"  {name:15} {look.why} ({words}): {look.num_odd} read as missing")
        elif look.num_missing:
            print(f"  {name:15} nothing in {look.num_missing} rows: missing")
    return drop


def _target(column: "pd.Series") -> str:
    """Say what the target holds."""
    from components.data.schema_inference import look_at, sort_words

    look = look_at(column, str(column.name))
    if look.kind == "numeric" and look.num_distinct > 20:
        return f"numbers from {column.min():g} to {column.max():g}"
    counts = column.dropna().astype(str).value_counts()
    words = sort_words(list(counts.index))
    shown = ", ".join(f"{word} {counts[word]} ({100 * counts[word] / counts.sum():.0f} %)" for word in words[:6])
    event = f'; "{words[1]}" is the event' if len(words) == 2 else ""
    return f"{'two' if len(words) == 2 else len(words)} classes: {shown}{', ...' if len(words) > 6 else ''}{event}"


def _budget(seconds: str) -> float | int | str:
    if seconds == "none":
        return "none"
    try:
        value = float(seconds)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UserMistake(f"--seconds is '{seconds}', not a number above 0, or none.")
    return int(value) if value.is_integer() else value


def _write(home: Path, text: str, source: str) -> list[str]:
    """Write the files of a project; lines that are missing are added to ignore files of the user's own."""
    home.mkdir(parents=True, exist_ok=True)
    write_text(home / FILE, text)
    write_text(home / "dvc.yaml", render("project", source))
    write_lock(home)
    for name, lines in IGNORED.items():
        file = home / name
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        missing = [line for line in lines if line not in old.splitlines()]
        write_text(
            file, old + ("\n" if old and not old.endswith("\n") else "") + "".join(f"{line}\n" for line in missing)
        )
    return [f"{FILE} ({len(text.splitlines())} lines)", "dvc.yaml", "espalier.lock", *IGNORED]


def _start_engines(home: Path) -> str:
    """Start git and DVC where they are not; return what was started as a sentence."""
    started = []
    has_git = shutil.which("git") is not None
    inside = has_git and _quiet(["git", "rev-parse", "--is-inside-work-tree"], home) == 0
    if has_git and not inside:
        if _quiet(["git", "init"], home) != 0:
            raise EspalierError(f"git init failed in {home}.")
        started.append("git")
    if not (home / ".dvc").exists():
        own_git = (home / ".git").exists()
        how = [] if own_git else ["--subdir"] if inside else ["--no-scm"]
        if _quiet([sys.executable, "-m", "dvc", "init", "--quiet", *how], home) != 0:
            raise EspalierError(f"dvc init failed in {home}.")
        scm = "    no_scm = true\n" if how == ["--no-scm"] else ""
        write_text(home / ".dvc" / "config", DVC_CONFIG.format(scm=scm))
        started.append("dvc")
    return f"Started {' and '.join(started)} here." if started else ""


def _quiet(command: list[str], folder: Path) -> int:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment).returncode
