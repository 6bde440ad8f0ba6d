"""A new server's database: migrated once a machine, copied for every project after the first."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from pipelines.engine import prefect_database


def tables(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("select name from sqlite_master")}


def test_the_template_is_copied_and_an_old_database_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "made.db"
    with contextlib.closing(sqlite3.connect(made)) as database:
        database.execute("create table flow (id)")
    prefect_database.keep_as_template(made)
    assert [path.name for path in (tmp_path / "cache" / "espalier").iterdir()] == [prefect_database.template().name]
    home = tmp_path / "project" / "home"
    prefect_database.prepare(home)
    assert tables(home / "prefect.db") == {"flow"}
    (home / "prefect.db").write_bytes(b"a project's own history")
    prefect_database.prepare(home)
    assert (home / "prefect.db").read_bytes() == b"a project's own history"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql://elsewhere")
    prefect_database.prepare(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_machines_template_has_tables_and_no_run(server: str) -> None:
    assert server
    assert {"flow_run", "task_run", "alembic_version"} <= tables(prefect_database.template())
    with contextlib.closing(sqlite3.connect(prefect_database.template())) as database:
        assert database.execute("select count(*) from flow_run").fetchone() == (0,)
