"""`espalier init`: look at the data, say what was seen, and write a project that can be run at once (UX 3.1)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from components.core.errors import EspalierError, UserMistake
from components.core.files import write_text
from components.project.check import find_mistakes, layout
from components.project.comments import Notes
from components.project.edit import mistakes_in
from components.project.first_look import FirstLook
from components.project.kinds import kind_of, more_inputs, step
from components.project.lock import write_lock
from components.project.params import FILE
from components.project.render import full
from pipelines.engine.dvc_yaml import ingest_deps, render

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
    kind = kind_of({"ingest": {"source": data}}, root)
    seen: FirstLook = step(kind, "look")(root, data, target, None if budget == "none" else float(budget))
    source = _seen_from(home, root, data)
    ingest_deps(source)  # refuses a glob that looks into the results
    for what, text in seen.lines:
        print(f"  {what:15} {text}")
    values: dict[str, Any] = {"seconds": budget, **seen.values}
    values["ingest"] = {"source": source, **values.get("ingest", {})}
    if budget == "none":
        for word, count in seen.counts.items():
            values[word] = {"trials": count, **values.get(word, {})}
    else:
        print(f"  {'budget':15} {budget:g} s on {os.cpu_count()} cores")
    text = full(values, Notes(behind=dict(seen.notes)), home)
    if wrong := mistakes_in(text, home):
        raise UserMistake(layout(wrong, FILE))
    written = _write(home, text, render("project", source, kind, more_inputs(values, kind)))
    started = _start_engines(home)
    print(f"\nWrote {', '.join(written)}.")
    print(f"{started} Nothing is committed yet." if started else "git and dvc are here already; nothing is committed.")
    found = find_mistakes(home)
    if found:
        print("\n" + layout(found, FILE, started=True))
    first = "" if all(one.doubt for one in found) else "mend that, then  "
    print(f"\nNext:  {first}" + ("" if home == root.resolve() else f"cd {folder} && ") + "espalier run")


def _seen_from(home: Path, root: Path, data: str) -> str:
    """Return the source as the project's folder sees it."""
    if data.startswith("example:") or Path(data).is_absolute() or home == root.resolve():
        return data
    return Path(os.path.relpath(root.resolve() / data, home)).as_posix()


def _budget(seconds: str) -> float | int | Literal["none"]:
    if seconds == "none":
        return "none"
    try:
        value = float(seconds)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UserMistake(f"--seconds is '{seconds}', not a number above 0, or none.")
    return int(value) if value.is_integer() else value


def _write(home: Path, text: str, tree: str) -> list[str]:
    """Write the files of a project; lines that are missing are added to ignore files of the user's own."""
    home.mkdir(parents=True, exist_ok=True)
    write_text(home / FILE, text)
    write_text(home / "dvc.yaml", tree)
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
