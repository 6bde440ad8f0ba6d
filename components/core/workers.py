"""Worker processes: one thread each, one task at a time, answers as they come.

On the small models of this project one process per core with one thread beats threads inside one process by 1.3 to 1.9
times, and oversubscribing costs a hundredfold, so the thread pools of numerical libraries are shut before they load.
A worker is a fresh interpreter with a socket to its parent: it does not import the parent's main module, a crash
(memory!) loses one task and not the run, and it ends with its parent, also by kill -9. Ctrl-C is the parent's affair:
workers ignore it and look at the deadline.

What travels is pickled by the two ends of one program and never stored.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from types import TracebackType
from typing import Any, Self

from components.core.errors import EspalierError

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_CHILD = "import sys; sys.path[:] = sys.argv[3:]; from components.core.workers import serve; serve()"

Handler = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The answer of a worker that died over a task."""

    status: int  # of the process; negative: the signal that killed it

    @property
    def killed(self) -> bool:
        """Whether it was killed outright, as the system does when memory runs out."""
        return self.status == -signal.SIGKILL


@dataclass(kw_only=True)
class _Worker:
    process: subprocess.Popen[bytes]
    pipe: connection.Connection
    key: Hashable | None = None  # of the task it is at


class Workers:
    """Up to `count` processes, started when there is work; use it as a context, which ends them.

    Each calls `make(*arguments)` once, which returns the function that answers its tasks. `make` must be importable.
    """

    def __init__(self, count: int, make: Callable[..., Handler], *arguments: Any) -> None:
        assert count >= 1, "no worker, no work"
        self._count = count
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
        worker.key = key
        worker.pipe.send(task)

    def answers(self, seconds: float | None = None) -> Iterator[tuple[Hashable, Any]]:
        """Wait until some worker is done, or so many seconds; yield (key, answer or Lost).

        An EspalierError of a task is raised here as it is; any other is our fault, and comes with its own traceback.
        """
        busy = {worker.pipe: worker for worker in self._workers if worker.key is not None}
        for pipe in connection.wait(list(busy), seconds):
            worker = busy[pipe]  # type: ignore[index]
            key, worker.key = worker.key, None
            try:
                answer, error = worker.pipe.recv()
            except (EOFError, ConnectionError):
                self._workers.remove(worker)
                worker.pipe.close()
                yield key, Lost(status=worker.process.wait())
                continue
            if isinstance(error, EspalierError):
                raise error
            if error is not None:
                raise RuntimeError(f"a worker failed:\n{error}")
            yield key, answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()
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
        worker = _Worker(process=process, pipe=connection.Connection(ours.detach()))
        self._workers.append(worker)
        worker.pipe.send(self._setup)
        return worker


def serve() -> None:
    """Be a worker: answer tasks until the parent is gone. `_CHILD` calls it with socket and parent in sys.argv."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with(int(sys.argv[2]))
    with connection.Connection(int(sys.argv[1])) as pipe, contextlib.suppress(EOFError, ConnectionError):
        make, arguments = pipe.recv()
        handle: Handler | None = None
        while True:
            task = pipe.recv()
            answer: tuple[Any, Any]
            try:
                handle = handle or make(*arguments)
                answer = (handle(task), None)
            except EspalierError as error:
                answer = (None, error)
            except Exception:  # told to the parent, which raises it
                answer = (None, traceback.format_exc())
            pipe.send(answer)


def _end_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; elsewhere than on Linux the closed socket ends it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
