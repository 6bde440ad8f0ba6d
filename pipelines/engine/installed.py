"""The code that is installed, against the line of espalier.lock that a tree was grown with."""

from pathlib import Path
from typing import Any

from components.core.errors import UserMistake
from components.project.lock import FILE, changed_stages, current_lock, read_lock, write_lock


def refuse_other_code(root: Path, word: str) -> None:
    """Stop a stage that DVC would record under other code than the one that runs. Without a lock file it is silent.

    Raises:
        UserMistake: the stage's line differs from what is installed.
    """
    lock = read_lock(root)
    if lock is None:
        return
    now = current_lock(root)
    if lock[word] != now[word]:
        raise UserMistake(
            f"{FILE} says {word} {_line(lock, word)}, installed is {_line(now, word)}. Run: espalier lock"
        )


def renew(root: Path, *, frozen: bool) -> str:
    """Bring espalier.lock up to what is installed; return a sentence about it, empty when nothing differs.

    Raises:
        UserMistake: something differs and `frozen` forbids to write.
    """
    lock = read_lock(root)
    if lock is None:
        return _first(root, frozen=frozen)
    now = current_lock(root)
    changed = changed_stages(lock, now)
    if not changed:
        return ""
    old, new = lock.get("espalier", "?"), now["espalier"]
    versions = f"espalier {old} -> {new}" if old != new else f"what is installed, differs from {FILE} and"
    stay = [word for word in now if word not in changed and isinstance(now[word], dict)]
    sentence = f"{versions} changes {_and(changed)}" + (f"; {_and(stay)} stay" if stay else "") + "."
    if frozen:
        raise UserMistake(f"{sentence} --frozen grows with what the file says alone. To go on: espalier lock")
    write_lock(root)
    return f"{sentence} Growing with {new}."


def _first(root: Path, *, frozen: bool) -> str:
    """Write the file where it is lost; this repository's own dvc.yaml does without."""
    pipeline = root / "dvc.yaml"
    if not pipeline.exists() or f"{FILE}:" not in pipeline.read_text(encoding="utf-8", errors="replace"):
        return ""
    if frozen:
        raise UserMistake(
            f"There is no {FILE}. --frozen grows with what it says. Take it back from git: git checkout {FILE}"
        )
    write_lock(root)
    return f"There was no {FILE}; it is written, from what is installed. Commit it."


def _line(lock: Any, word: str) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in lock[word].items() if name != "code")
    return f"{lock[word]['code']} ({lock.get('espalier', '?')}{', ' if libraries else ''}{libraries})"


def _and(words: Any) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else str(last)
