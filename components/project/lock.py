"""espalier.lock: what a tree is grown with, one line per stage, committed with the project (UX 2.3).

DVC reads it as a parameter file (`- espalier.lock: [search]`), so that an upgrade reruns exactly the stages whose line
changed. The line names the code that the stage can reach (`code.py`) and the versions of the libraries that decide its
numbers. All values are in quotes: a hash of digits would be read as a number.
"""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from sys import version_info
from types import MappingProxyType

from components.core.errors import UserMistake
from components.core.files import write_text
from components.project.code import Code, stage_folders
from components.project.documents import parse
from components.project.kinds import above
from components.project.sections import SECTIONS

__all__ = ["FILE", "Lock", "changed_stages", "code_hash", "current_lock", "read_lock", "stage_folders", "write_lock"]

FILE = "espalier.lock"
HEAD = """\
# What this tree is grown with: the code of each stage, and the libraries that decide its numbers.
# Written by `espalier lock`; commit it. After an upgrade exactly the stages whose line changed run again.
"""
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "numpy": ("numpy",),
        "scipy": ("scipy",),
        "pandas": ("pandas",),
        "pyarrow": ("pyarrow",),
        "PIL": ("pillow",),
        "sklearn": ("scikit-learn",),
        "torch": ("torch",),
        "optuna": ("optuna",),
        "xgboost": ("xgboost", "xgboost-cpu"),
        "lightgbm": ("lightgbm",),
        "catboost": ("catboost",),
    }
)
"""Import name -> distributions that bring it; the first one is its name in the file."""

Lock = Mapping[str, Mapping[str, str] | str]  # "espalier" and "python": a version; a stage's word: code and libraries


def code_hash(word: str, root: Path | None = None) -> str:
    """Return 8 hex digits that stand for the code a stage can reach; below `root` a cache of it is kept."""
    return Code(_cache(root), _more(root)).hash(word)


def current_lock(root: Path | None = None) -> Lock:
    """Return what is installed, in the form of the file."""
    code = Code(_cache(root), _more(root))
    lines: dict[str, Mapping[str, str] | str] = {
        "espalier": metadata.version("espalier-automl"),
        "python": f"{version_info.major}.{version_info.minor}",
    }
    for word in SECTIONS:
        reached = code.reach(word)
        found = {names[0]: _version(names) for name, names in DISTRIBUTIONS.items() if name in reached}
        versions = {name: version for name, version in found.items() if version is not None}
        lines[word] = {"code": code.hash(word), **versions}
    return lines


def read_lock(root: Path) -> Lock | None:
    """Read espalier.lock; None where there is none (this repository). Raises `UserMistake` when it is torn."""
    file = root / FILE
    if not file.exists():
        return None
    try:
        values = parse(file.read_text(encoding="utf-8", errors="replace"), FILE).values
    except UserMistake as mistake:
        raise UserMistake(f"{mistake} Or write it anew:  espalier lock") from None
    if not all(isinstance(values.get(word), Mapping) and "code" in values[word] for word in SECTIONS):
        raise UserMistake(f"{FILE} lacks stages. Write it anew:  espalier lock")
    return values


def write_lock(root: Path) -> Lock:
    """Write what is installed into espalier.lock, and return it."""
    lock = current_lock(root)
    width = max(len(word) for word in SECTIONS) + 2
    lines = []
    for word, value in lock.items():
        if isinstance(value, str):
            lines.append(f'{word}: "{value}"')
        else:
            lines.append(
                f"{word + ':':{width}}" + "{" + ", ".join(f'{key}: "{item}"' for key, item in value.items()) + "}"
            )
    write_text(root / FILE, HEAD + "\n".join(lines) + "\n")
    return lock


def changed_stages(old: Lock, new: Lock) -> tuple[str, ...]:
    """Return the stages whose lines differ, in the order of the tree."""
    return tuple(word for word in SECTIONS if old.get(word) != new.get(word))


def _cache(root: Path | None) -> Path | None:
    return None if root is None else root / ".espalier" / "code.json"


def _more(root: Path | None) -> Mapping[str, tuple[str, ...]]:
    """Return the modules that stages use because of what params.yaml says; what is wrong in it is told elsewhere."""
    if root is None or not (file := root / "params.yaml").exists():
        return {}
    try:
        document = parse(file.read_text(encoding="utf-8", errors="replace"), file.name, root)
    except UserMistake:
        return {}
    found = above(document.values, document.kind)
    return {word: (one.place.partition(":")[0],) for word, one in found.items()}


def _version(distributions: tuple[str, ...]) -> str | None:
    for distribution in distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None
