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
def more_boosters(grown_twice: Pair, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Both after `boosting.trials` 2 -> 3, each grown on by its own engine."""
    by_run, by_dvc = (
        project.copy(tmp_path_factory.mktemp(name) / "wine")
        for project, name in zip(grown_twice, ("more_by_run", "more_by_dvc"), strict=True)
    )
    for project in (by_run, by_dvc):
        project.grew()
        project.do("espalier", "set", "boosting.trials=3")
    run, repro = by_run.start("espalier", "run"), by_dvc.start("dvc", "repro")
    by_run.said, by_dvc.said = ended(run, repro)
    by_run.do("espalier", "down")
    by_run.ran, by_dvc.ran = tuple(by_run.grew()), tuple(by_dvc.grew())
    return by_run, by_dvc


@pytest.fixture
def project(grown: Project, tmp_path: Path) -> Project:
    """A copy of the project that `espalier run` has grown, for one test."""
    copy = grown.copy(tmp_path / "wine")
    copy.grew()
    return copy
