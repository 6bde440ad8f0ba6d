"""The database of a new Prefect server: copied from the machine's template, which the first server of all has made.

A hundred migrations lead from an empty file to today's tables: 5 s of a core, beside the first stages of a new project.
They are the same for every project, so the result is kept in the user's cache, one file per version of Prefect; it
holds tables and no run. Without a cache that can be written, every new project migrates for itself, as Prefect does.
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from importlib.metadata import version
from pathlib import Path

OWN_DATABASE = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


def template() -> Path:
    """Return the template's path, whether it exists or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "espalier" / f"prefect-{version('prefect')}.db"


def prepare(home: Path) -> None:
    """Make the database in PREFECT_HOME if there is none. Call it in the server's process, before the server."""
    database = home / "prefect.db"
    if database.exists() or any(name in os.environ for name in OWN_DATABASE):
        return
    home.mkdir(parents=True, exist_ok=True)
    if template().exists():
        half = database.with_suffix(".half")
        shutil.copyfile(template(), half)
        half.replace(database)
        return
    from prefect.server.database import provide_database_interface

    asyncio.run(provide_database_interface().run_migrations_upgrade())
    with contextlib.suppress(OSError, RuntimeError, sqlite3.Error):  # no home, no right, no room: the next one migrates
        keep_as_template(database)


def keep_as_template(database: Path) -> None:
    """Copy a database without runs into the user's cache, whole or not at all."""
    template().parent.mkdir(parents=True, exist_ok=True)
    half = template().with_suffix(f".{os.getpid()}.half")
    try:
        with contextlib.closing(sqlite3.connect(database)) as found, contextlib.closing(sqlite3.connect(half)) as copy:
            found.backup(copy)
        half.replace(template())
    finally:
        half.unlink(missing_ok=True)
