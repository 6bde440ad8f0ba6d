"""How much of its time a branch has spent, also when it was killed: a beat every second, kept in `.espalier/clock/`.

An interrupted branch goes on with what it had left. The file is forgotten when the branch ends well, or when what
decides it (its params, its data) has changed.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

BEAT_SECONDS = 1.0


def spent_seconds(root: Path, word: str, key: str) -> float:
    """Return the wall seconds that unfinished attempts at exactly this have taken."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = json.loads(_path(root, word).read_text())
        if found["key"] == key:
            return float(found["seconds"])
    return 0.0


def forget(root: Path, word: str) -> None:
    """The branch has ended well: its next attempt has all its time."""
    _path(root, word).unlink(missing_ok=True)


@contextlib.contextmanager
def beating(root: Path, word: str, key: str) -> Iterator[None]:
    """Note the time spent, every second, while the block runs."""
    before, began, over = spent_seconds(root, word, key), time.monotonic(), threading.Event()

    def note() -> None:
        path = _path(root, word)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"key": key, "seconds": before + time.monotonic() - began}))
        temporary.replace(path)

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # a full disk is told by those who must write
                note()

    thread = threading.Thread(target=beat, name="clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with contextlib.suppress(OSError):
            note()


def _path(root: Path, word: str) -> Path:
    return root / ".espalier" / "clock" / f"{word}.json"
