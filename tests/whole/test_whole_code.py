"""What each stage loads is what dvc.yaml, or espalier.lock, declares: a change of code reruns what it can change."""

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from whole_project import Project

from components.project.code import HOME, Code
from components.project.lock import DISTRIBUTIONS, read_lock
from pipelines.engine.stage import WORDS

PLUMBING = {  # what surrounds a stage and decides no byte of its out
    "pipelines",
    "pipelines.__main__",
    "components",
    "components.core.cores",
    "components.core.numbers",
    "components.project.code",
    "components.project.lock",
}
BROUGHT_ALONG = {"boosting": {"scikit-learn"}}  # xgboost imports it for classes that we do not use
SHORT = ("ingest", "validate", "split", "augment", "stacking")
RUNNERS = {"prefect", "dvc", "typer", "fastapi", "sqlalchemy"}


def modules(project: Project, word: str) -> set[str]:
    """Return the modules of ours that a stage's processes executed."""
    found = set()
    for line in set((project.root / ".audit" / word).read_text().splitlines()):
        path = Path(line)
        if path.is_relative_to(HOME) and path.relative_to(HOME).parts[0] in ("components", "pipelines"):
            parts = path.relative_to(HOME).with_suffix("").parts
            found.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def libraries(project: Project, word: str) -> set[str]:
    """Return the installed packages of which a stage's processes executed something."""
    found = set()
    for line in set((project.root / ".audit" / word).read_text().splitlines()):
        _, installed, rest = line.partition("/site-packages/")
        if installed:
            found.add(rest.split("/")[0].removesuffix(".py"))
    return found


@pytest.mark.parametrize("word", WORDS)
def test_a_stage_loads_only_what_dvc_yaml_lists(grown_by_dvc: Project, word: str) -> None:
    stages = YAML(typ="safe").load(HOME / "dvc.yaml")["stages"]
    listed = [item for item in stages[word]["deps"] if not item.startswith("data/")]
    loaded = modules(grown_by_dvc, word)
    assert f"pipelines.{word}" in loaded
    strangers = [
        module
        for module in sorted(loaded)
        if not is_plumbing(module) and not any(lies_in(module, item.removesuffix(".py")) for item in listed)
    ]
    assert strangers == []


@pytest.mark.parametrize("word", WORDS)
def test_a_stage_loads_only_what_its_line_of_the_lock_stands_for(grown_by_dvc: Project, word: str) -> None:
    reached = Code().reach(word)
    loaded = modules(grown_by_dvc, word)
    assert [module for module in sorted(loaded - reached) if not is_plumbing(module)] == []
    lock = read_lock(grown_by_dvc.root)
    decides = {names[0] for name, names in DISTRIBUTIONS.items() if name in libraries(grown_by_dvc, word)}
    assert decides - set(lock[word]) <= BROUGHT_ALONG.get(word, set())


@pytest.mark.parametrize("word", WORDS)
def test_no_stage_loads_an_engine(grown_by_dvc: Project, word: str) -> None:
    loaded = libraries(grown_by_dvc, word)
    assert loaded & RUNNERS == set()
    if word in SHORT:
        may = {"xgboost"} if word == "stacking" else set()  # the second layer
        assert loaded & {"torch", "xgboost", "optuna"} <= may
    if word in ("boosting", "bagging"):
        assert "torch" not in loaded


def test_help_loads_none_of_the_libraries() -> None:
    heavy = ("torch", "pandas", "pyarrow", "sklearn", "scipy", "numpy", "xgboost", "optuna", "prefect", "dvc", "plotly")
    script = (
        "import sys; from pipelines.cli import main; status = main(['--help']);"
        f"print([name for name in {heavy!r} if name in sys.modules]); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def is_plumbing(module: str) -> bool:
    """Whether a module surrounds the stages and decides no byte of theirs."""
    return module in PLUMBING or lies_in(module, "pipelines/engine")


def lies_in(module: str, folder: str) -> bool:
    """Whether a module is, or lies in, what dvc.yaml lists."""
    dotted = folder.replace("/", ".")
    return module == dotted or module.startswith(f"{dotted}.")
