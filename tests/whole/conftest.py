"""Two projects from the same words, one grown by each engine, once per session; who changes one, changes a copy.

The two grow side by side, which takes little longer than one: most of it is one process after another.
"""

import os
from pathlib import Path

import pytest
from whole_project import Pair, Project, commit, ended, make_project

AUDIT = Path(__file__).parent / "audit"


@pytest.fixture(scope="session")
def grown_twice(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The same tree by `espalier run` (committed, its server at rest) and, in another folder, by `dvc repro` alone.

    In the second, `.audit/<stage>` lists the files that the stage's processes executed.
    """
    by_run = make_project(tmp_path_factory.mktemp("by_run") / "wine")
    by_dvc = by_run.copy(tmp_path_factory.mktemp("by_dvc") / "elsewhere" / "wine")
    audit = by_dvc.root / ".audit"
    audit.mkdir()
    paths = os.pathsep.join([str(AUDIT), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = by_run.start("espalier", "run")
    repro = by_dvc.start("dvc", "repro", AUDIT_FOLDER=str(audit), PYTHONPATH=paths)
    by_run.said, by_dvc.said = ended(run, repro)
    by_run.do("espalier", "down")
    commit(by_run)
    return by_run, by_dvc


@pytest.fixture(scope="session")
def grown(grown_twice: Pair) -> Project:
    """The project that `espalier run` has grown."""
    return grown_twice[0]


@pytest.fixture(scope="session")
def grown_by_dvc(grown_twice: Pair) -> Project:
    """The project that `dvc repro` has grown."""
    return grown_twice[1]


@pytest.fixture(scope="session")
def more_boosters(grown: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """After `boosting.trials` 2 -> 3, grown on by `espalier run`."""
    project = with_three_trials(grown, tmp_path_factory.mktemp("more_by_run") / "wine")
    project.said = project.do("espalier", "run")
    project.do("espalier", "down")
    project.ran = tuple(project.grew())
    return project


@pytest.fixture(scope="session")
def more_boosters_by_dvc(grown_by_dvc: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same by `dvc repro`."""
    project = with_three_trials(grown_by_dvc, tmp_path_factory.mktemp("more_by_dvc") / "wine")
    project.said = project.do("dvc", "repro")
    project.ran = tuple(project.grew())
    return project


def with_three_trials(grown: Project, root: Path) -> Project:
    project = grown.copy(root)
    project.grew()
    project.look("set", "boosting.trials=3")
    return project


@pytest.fixture
def project(grown: Project, tmp_path: Path) -> Project:
    """A copy of the project that `espalier run` has grown, for one test."""
    copy = grown.copy(tmp_path / "wine")
    copy.grew()
    return copy
