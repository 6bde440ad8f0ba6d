"""`espalier dashboard`: Optuna's own, on the newest study of search and of boosting, while they run or afterwards.

A study is one journal file, so each has a server of its own; they end with this command. On loopback only: it has no
login.
"""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from components.core.errors import UserMistake
from components.core.files import read_json
from pipelines.engine.processes import HOST, free_port

WORDS = ("search", "boosting")


def run(root: Path, *, port: int) -> int:
    """Serve until Ctrl-C."""
    journals = list(_journals(root))
    if not journals:
        raise UserMistake("There is no study yet. It begins with the first trials of:  espalier run")
    command = [str(Path(sys.executable).parent / "optuna-dashboard"), "--quiet", "--host", HOST]
    servers = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # while they start, or one could outlive us
    try:
        for word, journal in journals:
            port = free_port(port)
            options = ["--port", str(port), "--storage-class", "JournalFileStorage", str(journal)]
            servers.append(subprocess.Popen([*command, *options]))
            print(f"  {word:<10} http://{HOST}:{port}", flush=True)
            port += 1
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)  # before we say that it ends us
            print("  until      Ctrl-C", flush=True)
            for server in servers:
                server.wait()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for server in servers:
            server.terminate()
            server.wait()
    return 0


def _journals(root: Path) -> Iterator[tuple[str, Path]]:
    studies = root / ".espalier" / "studies"
    for word in WORDS:
        note = studies / f"{word}.json"
        if note.exists() and (journal := studies / read_json(note)["study"] / "journal.log").exists():
            yield word, journal
