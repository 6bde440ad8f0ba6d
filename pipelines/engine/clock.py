"""How much of its time a branch has spent, also when it was killed: a beat every second, kept in `.espalier/clock/`.

An interrupted branch goes on with what it had left. The file is forgotten when the branch ends well, or when what
decides it (its params, its data) has changed.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

BEAT_SECONDS = 1.0


@dataclass(kw_only=True)
class Spent:
    """What unfinished attempts at exactly this have done."""

    seconds: float = 0.0  # of wall time
    done: int = 0  # trials that the last one had finished


def spent(root: Path, word: str, key: str) -> Spent:
    """Read what earlier attempts have left; nothing when there were none, or at something else."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads(_path(root, word).read_text())
        if found["key"] == key:
            return Spent(seconds=float(found["seconds"]), done=int(found["done"]))
    return Spent()


def forget(root: Path, word: str) -> None:
    """The branch has ended well: its next attempt has all its time."""
    _path(root, word).unlink(missing_ok=True)


@contextlib.contextmanager
def beating(root: Path, word: str, key: str) -> Iterator[Spent]:
    """Note the time spent, every second, while the block runs, and the trials done, which the block keeps in step."""
    now, began, over = spent(root, word, key), time.monotonic(), threading.Event()
    before = now.seconds

    def note() -> None:
        path = _path(root, word)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        now.seconds = before + time.monotonic() - began
        temporary.write_text(json.dumps({"key": key, **asdict(now)}))
        temporary.replace(path)

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # a full disk is told by those who must write
                note()

    thread = threading.Thread(target=beat, name="clock", daemon=True)
    thread.start()
    try:
        yield now
    finally:
        over.set()
        thread.join()
        with contextlib.suppress(OSError):
            note()


def _path(root: Path, word: str) -> Path:
    return root / ".espalier" / "clock" / f"{word}.json"
