"""The command of a stage, in a run of ours: it asks the run's warm process (`warm.py`) to fork the stage, and waits.

It is started ten times in every run, so it imports almost nothing.
"""

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time

from pipelines.engine.words import BEFORE

SOCKET = ".espalier/warm"  # seen from the project's folder: a socket's path has 107 characters at most
LOADING = f"{SOCKET}.loading"  # locked while the next warm process loads
LOADING_SECONDS = 60.0  # so long may that take, on a busy machine, before a stage loads for itself
ANSWER_SECONDS = 2.0  # a hundredth is usual; on a busy machine
IDENTITY = f"{sys.executable}\n{__file__}".encode()  # which interpreter, which code
NUMBER_BYTES = 4
FORKED = b"+"


def ask(word: str) -> int | None:
    """Let the warm process fork the stage, and wait for its exit status; None: there is none, or it is not ours."""
    if "ESPALIER_RUN" not in os.environ:
        return None
    if word not in BEFORE:  # those need nothing that is loaded later
        _wait_until_loaded()
    with socket.socket(socket.AF_UNIX) as warm:
        warm.settimeout(ANSWER_SECONDS)
        try:
            warm.connect(SOCKET)
            if warm.recv(4096) != IDENTITY:
                return None
            warm.settimeout(None)
            variables = [name + b"=" + value for name, value in os.environb.items()]
            request = b"\0".join([word.encode(), *variables])
            socket.send_fds(warm, [len(request).to_bytes(NUMBER_BYTES)], [0, 1, 2])
            warm.sendall(request)
            if warm.recv(len(FORKED)) != FORKED:
                return None
        except OSError:
            return None
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run's affair
        answer = warm.recv(NUMBER_BYTES)  # nothing: the warm process was killed, and the stage with it
    return int.from_bytes(answer) if len(answer) == NUMBER_BYTES else 128 + signal.SIGKILL


def _wait_until_loaded() -> None:
    """Wait for the next warm process: it has begun to load what this stage would load once more, beside it."""
    end, as_before = time.monotonic() + LOADING_SECONDS, signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(FileNotFoundError), contextlib.ExitStack() as stack:
        stack.callback(os.close, lock := os.open(LOADING, os.O_RDONLY))
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            time.sleep(0.02)
    signal.signal(signal.SIGINT, as_before)
