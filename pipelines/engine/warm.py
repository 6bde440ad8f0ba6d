"""Stages begin at once: in a run of ours they are forked from a process that has loaded the libraries already.

A new interpreter needs .4 to .8 s before a stage can begin, and up to 5 s for the stage's libraries, ten times in a
run. The warm process loads them while the run still asks DVC what is to be done. DVC starts each stage's own command
as ever; that small process (`ask_warm.py`) hands its environment and its output over, waits, and ends with the stage's
own status. Where nobody answers at once, as under bare `dvc repro`, the stage runs in the process that DVC started.

Three of them: the first has what the first stages need. When the first stage is asked for, a fork of it loads what
grows trees beside that one's work, and then takes its place; when a branch is, a fork of that does the same with the
heavy libraries; whoever needs them waits, as it would load the same beside it. None of them runs anything but imports:
a stage begins as in a new interpreter. Code that was changed since then, and a stage whose command is of another
interpreter, are left to new ones. Linux alone: elsewhere a fork with the system's own libraries loaded may crash.
"""

import contextlib
import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from components.core.errors import EspalierError
from components.project.params import read_params
from pipelines.engine.ask_warm import FORKED, IDENTITY, LOADING, NUMBER_BYTES, SOCKET
from pipelines.engine.processes import die_with_parent
from pipelines.engine.words import BEFORE

LIGHT = ("pipelines.engine.runner", "pandas", "pyarrow.parquet", "pyarrow.csv", *(f"pipelines.{it}" for it in BEFORE))
TREES = ("scipy.optimize", "sklearn.tree", "pipelines.bagging")  # of 45 s bagging has five: loading took four
HEAVY = ("sklearn.ensemble", "pipelines.boosting", "optuna", "torch", "pipelines.search", "pipelines.stacking",
         "pipelines.evaluate", "pipelines.export")  # fmt: skip
MORE = (TREES, HEAVY)
REFUSED = b"-"
ASKING_SECONDS = 5.0  # for a request to come in whole; on a busy machine


@contextlib.contextmanager
def process(root: Path) -> Iterator[None]:
    """Keep a warm process for the stages of the project at `root` while the block runs."""
    if sys.platform != "linux":
        yield
        return
    (root / SOCKET).parent.mkdir(exist_ok=True)
    _remove(root)  # what a killed run has left
    command = [sys.executable, "-P", "-m", "pipelines.engine.warm", str(os.getpid())]
    quiet = subprocess.DEVNULL
    warm = subprocess.Popen(command, cwd=root, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        warm.kill()  # and with it its fork, and with that a stage that is still at work
        warm.wait()
        _remove(root)


def _remove(root: Path) -> None:
    for path in (root / SOCKET).parent.glob(f"{Path(SOCKET).name}*"):
        path.unlink(missing_ok=True)


@dataclass(kw_only=True)
class _Warm:
    """The body of a warm process: forks stages, and tells those who asked how they ended."""

    listener: socket.socket
    woken: int  # a byte can be read here when a child has ended
    sources: dict[str, int]  # of our modules that are loaded
    began: int  # when the first warm process did, in nanoseconds since 1970
    more: tuple[tuple[str, ...], ...]  # what its forks will load, one after the other
    children: dict[int, socket.socket | None] = field(default_factory=dict)  # stage's process -> who asked for it

    def serve(self) -> None:
        """Answer for ever; a killed run kills this process."""
        while True:
            askers = {asker: child for child, asker in self.children.items() if asker is not None}
            sources: list[Any] = [self.listener, self.woken, *askers]
            ready, _, _ = select.select(sources, [], [])
            for asker in askers.keys() & set(ready):  # it has nothing more to say: it has died, and so does its stage
                asker.close()
                self.children[askers[asker]] = None
                os.kill(askers[asker], signal.SIGKILL)
            if self.woken in ready:
                os.read(self.woken, 4096)
                self._bury()
            if self.listener in ready:
                with contextlib.suppress(OSError):  # who asked has gone, or waits no longer
                    self._answer(self.listener.accept()[0])

    def _bury(self) -> None:
        """Tell whose stages have ended how they did; killed by a signal is 128 and its number, as in a shell."""
        for child, asker in list(self.children.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended:
                continue
            del self.children[child]
            if asker is not None:
                code = os.waitstatus_to_exitcode(status)
                with contextlib.suppress(OSError), asker:
                    asker.sendall((code if code >= 0 else 128 - code).to_bytes(NUMBER_BYTES))

    def _answer(self, asker: socket.socket) -> None:
        """Fork the stage that is asked for, unless our code has changed since it was loaded."""
        with contextlib.ExitStack() as stack:
            stack.callback(asker.close)
            asker.settimeout(ASKING_SECONDS)
            asker.sendall(IDENTITY if _loaded_sources() == self.sources else REFUSED)
            size, descriptors, _, _ = socket.recv_fds(asker, NUMBER_BYTES, 3)
            for descriptor in descriptors:
                stack.callback(os.close, descriptor)
            with asker.makefile("rb") as stream:
                request = stream.read(int.from_bytes(size))
            if len(size) < NUMBER_BYTES or len(request) < int.from_bytes(size):
                return
            word, *environment = request.split(b"\0")
            kept = asker.dup()  # before the fork: what fails after it would be run twice
            child = os.fork()
            if not child:
                asker.close()
                kept.close()
                self._become(word.decode(), environment, descriptors)
            self.children[child] = kept
            kept.sendall(FORKED)
        self._load_more(needs_all=word.decode() not in BEFORE)

    def _become(self, word: str, environment: list[bytes], descriptors: list[int]) -> None:
        """Run the stage as the process that DVC started would; never return."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.environb.clear()
            os.environb.update({name: value for name, _, value in (line.partition(b"=") for line in environment)})
            from pipelines.engine.runner import main

            main(word)
        except BaseException:  # the child's own end: nobody above may catch it
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)

    def _load_more(self, *, needs_all: bool) -> None:
        """Fork the next warm process when the first stage is asked for, and when one is that needs all libraries."""
        is_first = len(self.more) == len(MORE)
        now = self.more if needs_all else self.more[:1] if is_first else ()
        later, self.more = self.more[len(now) :], () if now else self.more
        if not now:
            return
        with Path(LOADING).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fork():
                return  # and the lock is the fork's alone
            self._close()
            die_with_parent()
            for names in now:
                _load(names)
            _serve(self.began, later, lock)

    def _close(self) -> None:
        """Let go, in a fork, of who asked for other stages."""
        for one in (self.listener, *self.children.values()):
            if one is not None:
                one.close()


def _loaded_sources() -> dict[str, int]:
    """Return the files of our modules that are loaded, with the time of their last change (0: it is gone)."""
    home = str(Path(__file__).parents[2]) + os.sep
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    ours = [file for file in files if file.startswith((home + "pipelines", home + "components"))]
    return {file: path.stat().st_mtime_ns if (path := Path(file)).exists() else 0 for file in ours}


def _load(names: tuple[str, ...]) -> None:
    for name in names:
        with contextlib.suppress(ImportError):  # told by the stage that needs it
            importlib.import_module(name)


def main(parent: int) -> None:
    """Be the warm process of the run `parent`, in the current folder."""
    began = time.time_ns()
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load(LIGHT)
    with contextlib.suppress(EspalierError):  # told by the stage
        read_params(Path.cwd())  # remembered as it is read, and so in all forks
    _serve(began, MORE)


def _serve(began: int, more: tuple[tuple[str, ...], ...], lock: IO[str] | None = None) -> None:
    """Answer at the project's socket, unless our code was changed while it was loaded; then let go of the lock."""
    gc.freeze()  # what is loaded stays shared: no collection writes to it
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    own = f"{SOCKET}.{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.umask(0o077)  # nobody else may ask
        listener.bind(own)
        os.umask(before)
        listener.listen()
        sources = _loaded_sources()
        if max(sources.values()) < began:
            Path(own).replace(SOCKET)  # a later one takes the place of the one before
            if lock is not None:
                lock.close()
            _Warm(listener=listener, woken=woken, sources=sources, began=began, more=more).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
