"""What the processes of a run know of each other: the environment of a stage's child, and how it dies with its parent.

`espalier run` hands a `Surroundings` through DVC's `run_env`; a child without one was started by bare `dvc repro`.
"""

import ctypes
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from components.core.cores import num_cores

HOST = "127.0.0.1"  # all servers are on loopback: they have no login
PREFIX = "ESPALIER_"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a stage's child is told by the run that starts it."""

    run: str | None = None  # id of the run; None: bare `dvc repro`
    folder: Path | None = None  # .espalier/runs/<id>: events, logs, the stop file
    cores: int = 1  # for this stage
    total_cores: int = 1
    ends: float | None = None  # seconds since 1970 when the whole tree should be grown
    parent: int = 0  # process of the run

    @classmethod
    def read(cls) -> "Surroundings":
        """Read the environment."""
        run = os.environ.get(PREFIX + "RUN")
        total = num_cores()
        if run is None:
            return cls(cores=total, total_cores=total)
        ends = os.environ[PREFIX + "ENDS"]
        return cls(
            run=run,
            folder=Path(os.environ[PREFIX + "FOLDER"]),
            cores=int(os.environ[PREFIX + "CORES"]),
            total_cores=int(os.environ[PREFIX + "TOTAL_CORES"]),
            ends=float(ends) if ends else None,
            parent=int(os.environ[PREFIX + "PARENT"]),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables for `run_env`: ours, and PATH with this interpreter's folder first."""
        binaries = str(Path(sys.executable).parent)
        return {
            PREFIX + "RUN": self.run or "",
            PREFIX + "FOLDER": str(self.folder),
            PREFIX + "CORES": str(self.cores),
            PREFIX + "TOTAL_CORES": str(self.total_cores),
            PREFIX + "ENDS": "" if self.ends is None else str(self.ends),
            PREFIX + "PARENT": str(self.parent),
            "PATH": os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)]),
        }

    @property
    def events(self) -> Path | None:
        """The file that the run reads; None: print."""
        return None if self.folder is None else self.folder / "events.jsonl"


def die_with_parent(parent: int = 0) -> None:
    """Ask the kernel (Linux) to kill this process when the one that started it dies, so that no orphan writes on."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and not is_alive(parent):  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def free_port(wanted: int) -> int:
    """Return the wanted port of loopback, or another when it is 0 or taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
