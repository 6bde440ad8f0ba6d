from pathlib import Path

import pytest
from error_project import PARAMS, Project, rows, stage, table


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """What `espalier init` writes for a good table, with short settings; nothing has run."""
    project = Project(tmp_path_factory.mktemp("written") / "a project")
    project.root.mkdir()
    project.write(table(*rows()))
    (said,) = project.say(("espalier", "init", "--data", "t.csv", "--target", "y", "--seconds", "none"))
    assert said.status == 0, said.text
    project.write(PARAMS, "params.yaml")
    return project


@pytest.fixture(scope="session")
def grown(written: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with the three short stages grown."""
    project = written.copy(tmp_path_factory.mktemp("grown") / "a project")
    for word in ("ingest", "validate", "split"):
        (said,) = project.say_here(stage(word))
        assert said.status == 0, said.text
    return project


@pytest.fixture
def fresh(written: Project, tmp_path: Path) -> Project:
    """A project that nothing has run in, for one test."""
    return written.copy(tmp_path / "a project")


@pytest.fixture
def project(grown: Project, tmp_path: Path) -> Project:
    """A project with three outs, for one test."""
    return grown.copy(tmp_path / "a project")
