"""Worker processes: one thread each, one task at a time, answers as they come.

On the small models of this project one process per core with one thread beats threads inside one process by 1.3 to 1.9
times, and oversubscribing costs a hundredfold, so the thread pools of numerical libraries are shut before they load.
A worker is a fresh interpreter with a socket to its parent: it does not import the parent's main module, a crash
(memory!) loses one task and not the run, and it ends with its parent, also by kill -9. Ctrl-C is the parent's affair:
workers ignore it and look at the deadline.

While it is at a task a worker gives signs of life (`alive`, called wherever its loops ask for the time). One that is
silent for too long hangs: it is killed, whatever it does with signals, and its task is lost. A slow one is not silent.

What travels is pickled by the two ends of one program and never stored.
"""

import contextlib
import ctypes
import math
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from types import TracebackType
from typing import Any, Self

from components.core.errors import EspalierError

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
SIGN_OF_LIFE_SECONDS = 1.0
START_SECONDS = 60.0  # for a new one to load its libraries, on a busy machine
_CHILD = "import sys; sys.path[:] = sys.argv[3:]; from components.core.workers import serve; serve()"

Handler = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The answer of a worker that died over a task."""

    status: int  # of the process; negative: the signal that killed it
    hung: bool = False  # it was killed by us, because it was silent for too long

    @property
    def killed(self) -> bool:
        """Whether it was killed outright, as the system does when memory runs out."""
        return self.status == -signal.SIGKILL and not self.hung


@dataclass(frozen=True, kw_only=True)
class Broken:
    """The answer of a worker whose task ended in an error of ours; it lives on."""

    trace: str  # as Python prints it

    @property
    def headline(self) -> str:
        """Return its last line: "ZeroDivisionError: division by zero"."""
        return self.trace.strip().splitlines()[-1]


@dataclass(kw_only=True)
class _Worker:
    process: subprocess.Popen[bytes]
    pipe: connection.Connection
    key: Hashable | None = None  # of the task it is at
    heard: float = 0.0  # when it last said something, or was given its task
    hung: bool = False


class Workers:
    """Up to `count` processes, started when there is work; use it as a context, which ends them.

    Each calls `make(*arguments)` once, which returns the function that answers its tasks. `make` must be importable.
    """

    def __init__(
        self, count: int, make: Callable[..., Handler], *arguments: Any, hang_seconds: float = math.inf
    ) -> None:
        """`hang_seconds`: how long a worker may be silent over a task."""
        assert count >= 1, "no worker, no work"
        self._count = count
        self._hang_seconds = hang_seconds
        self._setup = (make, arguments)
        self._workers: list[_Worker] = []

    @property
    def num_busy(self) -> int:
        """How many are at a task."""
        return sum(worker.key is not None for worker in self._workers)

    @property
    def num_idle(self) -> int:
        """How many could take a task now."""
        return self._count - self.num_busy

    def give(self, key: Hashable, task: Any) -> None:
        """Hand a task to an idle worker; `key` comes back with its answer."""
        worker = next((worker for worker in self._workers if worker.key is None), None)
        if worker is None:
            assert len(self._workers) < self._count, "all are busy"
            worker = self._start()
        worker.key, worker.heard = key, max(worker.heard, time.monotonic())
        worker.pipe.send(task)

    def answers(self, seconds: float | None = None) -> Iterator[tuple[Hashable, Any]]:
        """Wait until some worker says something, or so many seconds; yield (key, answer or Lost or Broken).

        An EspalierError of a task is raised here as it is; any other is our fault, and comes with its own traceback.
        """
        busy = [worker for worker in self._workers if worker.key is not None]
        ready = connection.wait([worker.pipe for worker in busy], self._patience(seconds, busy))
        for worker in busy:
            if worker.pipe not in ready:
                continue
            worker.heard = time.monotonic()
            try:
                message = worker.pipe.recv()
            except (EOFError, ConnectionError):
                self._workers.remove(worker)
                worker.pipe.close()
                yield worker.key, Lost(status=worker.process.wait(), hung=worker.hung)
                continue
            if message is None:  # a sign of life
                continue
            answer, error = message
            key, worker.key = worker.key, None
            if isinstance(error, EspalierError):
                raise error
            yield key, answer if error is None else Broken(trace=error)
        for worker in busy:
            if worker.pipe not in ready and time.monotonic() - worker.heard > self._hang_seconds:
                worker.hung = True
                worker.process.kill()  # what was lost is told by the next call

    def _patience(self, seconds: float | None, busy: list[_Worker]) -> float | None:
        """Return how long to wait: not past the moment at which somebody has been silent for too long."""
        if self._hang_seconds == math.inf or not busy:
            return seconds
        until = min(worker.heard for worker in busy) + self._hang_seconds - time.monotonic() + 0.01
        return max(0.0, until if seconds is None else min(seconds, until))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: nobody can wait for that
                worker.process.wait(1.0)
            worker.pipe.close()
        self._workers = []

    def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CHILD, str(theirs.fileno()), str(os.getpid()), *sys.path],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ONE_THREAD},
                stdin=subprocess.DEVNULL,
            )
        pipe = connection.Connection(ours.detach())
        worker = _Worker(process=process, pipe=pipe, heard=time.monotonic() + START_SECONDS)
        self._workers.append(worker)
        worker.pipe.send(self._setup)
        return worker


def serve() -> None:
    """Be a worker: answer tasks until the parent is gone. `_CHILD` calls it with socket and parent in sys.argv."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(int(sys.argv[2]))
    with connection.Connection(int(sys.argv[1])) as pipe, contextlib.suppress(EOFError, ConnectionError):
        _LIFE.pipe = pipe
        make, arguments = pipe.recv()
        handle: Handler | None = None
        while True:
            task = pipe.recv()
            answer: tuple[Any, Any]
            try:
                if handle is None:
                    handle = make(*arguments)
                    alive()
                answer = (handle(task), None)
            except EspalierError as error:
                answer = (None, error)
            except Exception:  # told to the parent, which raises it
                answer = (None, traceback.format_exc())
            pipe.send(answer)


@dataclass(kw_only=True)
class _Life:
    """In a worker: where signs of life go, and when the last one went."""

    pipe: connection.Connection | None = None
    told: float = 0.0


_LIFE = _Life()


def alive() -> None:
    """Tell the parent, once a second at most, that this worker is at work; elsewhere it does nothing."""
    now = time.monotonic()
    if _LIFE.pipe is not None and now - _LIFE.told >= SIGN_OF_LIFE_SECONDS:
        _LIFE.told = now
        _LIFE.pipe.send(None)


def _end_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; elsewhere than on Linux the closed socket ends it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
