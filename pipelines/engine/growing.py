"""One run of the tree: which stages have to grow, in which order, each at most once, whoever asks for it.

`plan.py` says what is to be done and what waits for what; `Grower.grow(word)` does one stage through DVC and remembers
the result, so that the first stages can begin while Prefect's server is still starting: the flow that comes later
finds them done, or waits for the one that is running. What the children tell arrives in the run's events file.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from components.core.errors import EspalierError
from components.core.files import refusals_are_clear
from pipelines.engine import dvc_graph
from pipelines.engine.events import Event, Reader
from pipelines.engine.plan import Plan, mark_stopped
from pipelines.engine.processes import Surroundings

State = Literal["kept", "restored", "done", "stopped", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one stage in this run."""

    word: str
    state: State
    text: str = ""
    seconds: float = 0.0
    status: int = 0  # exit status that the run ends with because of it

    @property
    def good(self) -> bool:
        """Whether what stands on it can grow."""
        return self.state in ("kept", "restored", "done", "stopped")


class Grower:
    """Grows the stages of a plan, each once. Safe to call from several threads."""

    def __init__(self, root: Path, plan: Plan, around: Surroundings) -> None:
        assert around.folder is not None
        self.root = root
        self.plan = plan
        self.around = around
        self.stop_file = around.folder / "stop"
        self.cancelled = False
        self.listeners: list[Callable[[Event], None]] = []
        self._futures: dict[str, Future[Result]] = {}
        self._lock = threading.Lock()
        self._reader = Reader(around.folder / "events.jsonl")
        self._reading = threading.Lock()
        self._heard: dict[str, Event] = {}  # the newest event of each stage but progress
        self._begun: set[str] = set()

    def grow(self, word: str) -> Result:
        """Bring a stage up to date, or wait for whoever does. What it stands on must be grown."""
        with self._lock:
            mine = word not in self._futures
            future = self._futures.setdefault(word, Future())
        if mine:
            try:
                future.set_result(self._grow(word))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()

    def results(self) -> dict[str, Result]:
        """Return what is certain by now."""
        with self._lock:
            return {word: future.result() for word, future in self._futures.items() if future.done()}

    @property
    def settled(self) -> bool:
        """Whether every stage has its result, or stands on one that failed."""
        results, bad = self.results(), set[str]()
        for word in self.plan.words:
            if word in results:
                bad |= set() if results[word].good else {word}
            elif bad.intersection(self.plan.after[word]):
                bad.add(word)
            else:
                return False
        return True

    def listen(self) -> None:
        """Read new events and hand them to the listeners. Called by whoever shows them, and at the end of a stage."""
        with self._reading:
            for event in self._reader.new():
                if event.kind == "begun":
                    self._begun.add(event.stage)
                if event.kind != "progress":
                    self._heard[event.stage] = event
                for listener in self.listeners:
                    listener(event)

    def has_begun(self, words: Collection[str] | None = None) -> bool:
        """Whether the command of any stage (of any of these) has begun in this run."""
        self.listen()
        return bool(self._begun if words is None else self._begun.intersection(words))

    def cancel(self) -> None:
        """End all children at once (the second Ctrl-C); what they have finished is kept in their studies."""
        self.cancelled = True
        self.listen()
        for event in self._heard.values():
            if event.kind == "begun":
                try:
                    os.kill(event.pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue

    def _grow(self, word: str) -> Result:
        if self.cancelled:
            return Result(word=word, state="cancelled", status=130)
        if word not in self.plan.pending:
            return self._tell(Result(word=word, state="kept"))
        kept_file = _keep_uncached(self.root, word)
        cores = self.plan.cores.get(word, self.around.total_cores)
        environment = replace(self.around, cores=cores).environment()
        began = time.monotonic()
        try:
            ran = dvc_graph.grow_stage(self.root, word, force=word in self.plan.forced, environment=environment)
        except EspalierError as error:
            self.listen()
            with contextlib.suppress(EspalierError), refusals_are_clear():  # where there is no room for them either
                dvc_graph.restore_outs(self.root, word)
                kept_file()
            return self._tell(self._failed(word, error, time.monotonic() - began))
        self.listen()
        if not ran:
            return self._tell(Result(word=word, state="kept"))
        if word not in self._begun:
            return self._tell(Result(word=word, state="restored", seconds=time.monotonic() - began))
        last = self._heard[word]
        stopped = last.kind == "stopped"
        mark_stopped(self.root, word, stopped=stopped)
        return Result(word=word, state="stopped" if stopped else "done", text=last.text, seconds=last.seconds)

    def _failed(self, word: str, error: EspalierError, seconds: float) -> Result:
        if self.cancelled:
            return Result(word=word, state="cancelled", status=130)
        last = self._heard.get(word)
        if last is not None and last.kind == "failed":
            return Result(word=word, state="failed", text=last.text, seconds=seconds, status=last.status)
        if isinstance(error, dvc_graph.StageFailedError):
            text = _why_it_died(error.status, self.log_of(word))
            return Result(word=word, state="failed", text=text, seconds=seconds, status=1)
        return Result(word=word, state="failed", text=str(error), seconds=seconds, status=error.exit_status)

    def log_of(self, word: str) -> Path:
        """Return the file that a stage's own output goes to."""
        assert self.around.folder is not None
        return self.around.folder / f"{word}.log"

    def _tell(self, result: Result) -> Result:
        """Tell the listeners what no child has told."""
        heard = self._heard.get(result.word)
        if heard is None or heard.kind == "begun":
            kind = "failed" if result.state == "cancelled" else result.state
            event = Event(
                at=time.time(),
                stage=result.word,
                kind=kind,
                text=result.text,
                seconds=result.seconds,
                status=result.status,
            )
            for listener in self.listeners:
                listener(event)
        return result


def _why_it_died(status: int, log: Path) -> str:
    """Say why a child ended without a word of its own."""
    if status < 0 or status > 128:
        number = -status if status < 0 else status - 128
        hint = " Most often the system does that when memory runs out." if number == signal.SIGKILL else ""
        return f"Its process was ended by signal {number}.{hint} What it had finished is kept: run again to go on."
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = f": {lines[-1]}" if lines else "."
    return f"A fault of Espalier's own, exit status {status}{last}\nAll that it wrote is in {log}"


def _keep_uncached(root: Path, word: str) -> Callable[[], None]:
    """Remember metrics.json, which DVC removes before it runs a stage and does not cache; return what puts it back."""
    path = root / "data" / word / "metrics.json"
    content = path.read_bytes() if path.exists() else None

    def undo() -> None:
        if content is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return undo
