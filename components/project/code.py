"""Which source files a stage can reach, and a hash of them that a better sentence does not change.

A stage reaches what its file, its settings class and the reader of params.yaml import: at the top of a file or inside a
function, by `lazy("torch")`, or named as text in the form `components.training.member:load_network`. The tables of
the sections and of the kinds name every family, so only a stage's own lines of them count. Imports for type checkers
alone do not.

The hash is over the code as Python understands it: without comments, layout, docstrings and the sentences of settings.
Files are read once: `cache` keeps what was found, by size and time of change.
"""

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path
from types import MappingProxyType
from typing import Any

from components.core.files import read_json, write_json
from components.project.kinds import places, sections_as_for_tables
from components.project.sections import SECTIONS

HOME = Path(__file__).resolve().parents[2]  # the folder that holds components/ and pipelines/
OURS = ("components", "pipelines")
TABLES = ("components.project.sections", "components.project.kinds")
NO_MORE: Mapping[str, tuple[str, ...]] = MappingProxyType({})
NAMED = re.compile(r"(components(?:\.\w+)+):\w+")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What one file holds: its hash, and the names in it that may be modules."""

    digest: str
    imports: tuple[str, ...]


class Code:
    """The installed source files. `cache` is a JSON file that saves reading them in the next process.

    `more` has modules that a stage uses only because of what a project's params.yaml says.
    """

    def __init__(self, cache: Path | None = None, more: Mapping[str, tuple[str, ...]] = NO_MORE) -> None:
        self._cache = cache
        self._more = more
        self._known: dict[str, Any] = read_json(cache) if cache is not None and cache.exists() else {}
        self._new = False

    def reach(self, word: str) -> frozenset[str]:
        """Return the names of all modules that a stage can load: ours, and the top names of others."""
        start = [f"pipelines.{word}", "components.project.params", *places(word)]
        start += [SECTIONS[one].spec.partition(":")[0] for one in (word, *sections_as_for_tables(word))]
        start += self._more.get(word, ())
        found: set[str] = set()
        todo = [module for module in start if _file(module) is not None]
        while todo:
            module = todo.pop()
            if module in found:
                continue
            found.add(module)
            if module.partition(".")[0] in OURS:
                todo.extend(known for name in self._source(module).imports if (known := _known_as(name)) is not None)
                todo.extend(_packages(module))
        if self._cache is not None and self._new:
            write_json(self._cache, self._known)
            self._new = False
        return frozenset(found)

    def hash(self, word: str) -> str:
        """Return 8 hex digits that stand for the code a stage can reach."""
        digest = hashlib.sha256()
        for module in sorted(self.reach(word)):
            if module.partition(".")[0] in OURS:
                digest.update(f"{module} {self._source(module).digest}\n".encode())
        return digest.hexdigest()[:8]

    def _source(self, module: str) -> Source:
        file = _file(module)
        assert file is not None
        facts = file.stat()
        stamp = f"{facts.st_mtime_ns} {facts.st_size}"
        kept = self._known.get(module)
        if kept is None or kept["stamp"] != stamp:
            source = read_source(file.read_text(encoding="utf-8"), module)
            kept = {"stamp": stamp, "digest": source.digest, "imports": list(source.imports)}
            self._known[module] = kept
            self._new = True
        return Source(digest=kept["digest"], imports=tuple(kept["imports"]))


def stage_folders(word: str, more: tuple[str, ...] = ()) -> list[str]:
    """Return what stands for a stage's code in this repository's dvc.yaml: its file, and the components it uses."""
    files, folders = set(), set()
    for module in Code(more={word: more}).reach(word):
        parts = module.split(".")
        if parts[0] == "components" and len(parts) > 1:
            folders.add(f"components/{parts[1]}")
        elif parts[0] == "pipelines" and len(parts) == 2 and parts[1] != "engine":
            files.add(f"pipelines/{parts[1]}.py")
    return [*sorted(files), *sorted(folders)]


def read_source(text: str, module: str) -> Source:
    """Return hash and imports of one file's text."""
    tree = ast.parse(text)
    modules = set(_imports(tree, module))
    if module not in TABLES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                modules.update(NAMED.findall(node.value))
    code = ast.unparse(_WithoutWords().visit(tree))
    digest = hashlib.sha256(code.encode()).hexdigest()[:16]
    return Source(digest=digest, imports=tuple(sorted(modules)))


def _imports(node: ast.AST, module: str) -> Iterator[str]:
    """Yield the names that may be modules; what stands under `if TYPE_CHECKING` is left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _imports(ast.Module(body=[other], type_ignores=[]), module)
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module} imports relatively"
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id == "lazy":
            yield from (arg.value for arg in child.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
        yield from _imports(child, module)


def _known_as(name: str) -> str | None:
    """Return a module of ours by its full name, another's by its first word; None for what is no module."""
    first = name.partition(".")[0]
    if first not in OURS:
        return first
    return name if _file(name) is not None else None


def _packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@once
def _file(module: str) -> Path | None:
    path = HOME.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


class _WithoutWords(ast.NodeTransformer):
    """Takes out docstrings and the sentences of settings."""

    def visit(self, node: ast.AST) -> Any:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body[0] = ast.Pass()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setting":
            node.args[1:2] = []
        return node
