"""Who may run, and on how many cores: locks on files of `.espalier/`, freed by the system when a process dies.

One run of a project at a time: `run.lock`, taken by `espalier run`, or by a stage's child when no run of ours started
it (bare `dvc repro`). The branches of one run share the machine by leases: a lock on one file per core in `cores/`.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from components.core.errors import UserMistake

POLL_SECONDS = 0.1


@contextlib.contextmanager
def run_lock(root: Path, who: str) -> Iterator[None]:
    """Hold the project's one run lock; `who` ("espalier run") is told to whoever comes second.

    Raises:
        UserMistake: another run holds it.
    """
    path = root / ".espalier" / "run.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserMistake(_busy(path)) from None
        file.truncate(0)
        json.dump({"who": who, "pid": os.getpid(), "since": time.time()}, file)
        file.flush()
        yield
        file.truncate(0)


def _busy(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        since = datetime.fromtimestamp(found["since"]).strftime("%H:%M:%S")
        whose = f" ({found['who']}, process {found['pid']}, since {since})"
    except (ValueError, KeyError):  # it has just begun, or is just ending
        whose = ""
    return (
        f"A run of this project is going on{whose}. Nothing was started, nothing was changed. "
        "Wait for it, or end it with Ctrl-C there; what it has done is kept."
    )


@contextlib.contextmanager
def lease_cores(root: Path, wanted: int, total: int) -> Iterator[int]:
    """Wait until `wanted` of `total` cores are free, all at once, so that no two wait for each other; hold them."""
    folder = root / ".espalier" / "cores"
    folder.mkdir(parents=True, exist_ok=True)
    held: list[IO[str]] = []
    try:
        while len(held := _take(folder, wanted, total)) < wanted:
            _release(held)
            time.sleep(POLL_SECONDS)
        yield wanted
    finally:
        _release(held)


def _take(folder: Path, wanted: int, total: int) -> list[IO[str]]:
    held: list[IO[str]] = []
    for core in range(total):
        file = (folder / str(core)).open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(file)
        except BlockingIOError:
            file.close()
        if len(held) == wanted:
            break
    return held


def _release(held: list[IO[str]]) -> None:
    while held:
        held.pop().close()
