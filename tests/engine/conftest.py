"""A project of stand-ins that has been grown once, a copy of it for each test, and one server for all of them."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine_case import Project, make_project, wait_for

from pipelines.engine import prefect_server
from pipelines.engine.dvc_yaml import TREE


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that `espalier run` has grown once, with a server of its own. Copied by `project`, never changed."""
    project = make_project(tmp_path_factory.mktemp("grown") / "project")
    project.do("espalier", "run")
    wait_for(lambda: prefect_server.find(project.root) is None)
    assert project.calls() == list(TREE)
    return project


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prefect's server for all tests that are not about it: so they need not start one each."""
    root = tmp_path_factory.mktemp("server")
    with prefect_server.using(root) as server:
        assert server.wait(120)
        yield server.url
    wait_for(lambda: prefect_server.find(root) is None)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Project], Project]:
    def copy(project: Project) -> Project:
        root = tmp_path / "project"
        shutil.copytree(project.root, root, symlinks=True)
        return Project(root, project.espalier, project.server)

    return copy


@pytest.fixture
def project(grown: Project, server: str, copy_of: Callable[[Project], Project]) -> Project:
    """A copy of the grown project, for one test."""
    return replace(copy_of(grown), server=server)
