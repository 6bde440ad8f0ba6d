"""What a stage's child tells the run that started it: one JSON line per event, in a file that the run reads.

A file and not a pipe: DVC starts the child, and a run that is killed leaves a trace. Without a run (bare `dvc repro`)
the same events are printed as lines with a time.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from components.core.numbers import shown
from pipelines.engine.stage import Progress

Kind = Literal["begun", "progress", "done", "stopped", "failed", "kept", "restored"]
PROGRESS_EVERY_SECONDS = 0.25
PRINT_EVERY_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to one stage."""

    at: float  # seconds since 1970
    stage: str
    kind: Kind
    text: str = ""  # the stage's own line, or the message of a failure
    seconds: float = 0.0  # "begun": what earlier attempts, ended on the way, have spent
    pid: int = 0  # of the child, when it has begun
    status: int = 0  # exit status, when it failed
    progress: dict[str, Any] | None = None


class Teller:
    """Writes the events of one stage to a file, or to stderr when there is no file."""

    def __init__(self, word: str, file: Path | None) -> None:
        self._word = word
        self._file = file
        self._told_at = 0.0

    def tell(self, kind: Kind, **facts: Any) -> None:
        """Write one event."""
        event = Event(at=time.time(), stage=self._word, kind=kind, **facts)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")
        elif kind != "begun":
            print(as_line(event), file=sys.stderr, flush=True)

    def progress(self, progress: Progress) -> None:
        """Tell how far the stage is, a few times a second at most; what it says only once is always told."""
        if progress.done is None:
            self.tell("progress", progress=asdict(progress))
            return
        pause = PROGRESS_EVERY_SECONDS if self._file is not None else PRINT_EVERY_SECONDS
        if time.monotonic() - self._told_at >= pause:
            self._told_at = time.monotonic()
            self.tell("progress", progress=asdict(progress))


def as_line(event: Event) -> str:
    """Write an event as one line of a log: `14:31:02 search     done  41.3 s  24 networks`."""
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    if event.kind == "progress" and event.progress is not None:
        return f"{clock} {event.stage:<9} {progress_text(Progress(**event.progress))}"
    if event.kind == "failed":
        return f"{clock} {event.stage:<9} failed\n{event.text}".rstrip()
    if event.kind == "kept":
        return f"{clock} {event.stage:<9} kept"
    return f"{clock} {event.stage:<9} {event.kind} {event.seconds:.1f} s  {event.text}".rstrip()


def progress_text(progress: Progress) -> str:
    """Write "12 of 24, best 0.8471, 16 growing"."""
    found = [] if progress.found is None else [f"{progress.found} {progress.noun} found again"]
    return ", ".join([*found, *progress_parts(progress)])


def progress_parts(progress: Progress) -> list[str]:
    """Return "12 of 24", "best 0.8471", "16 growing", as far as they are known."""
    parts = []
    if progress.done is not None:
        parts.append(f"{progress.done} of {progress.total}" if progress.total else f"{progress.done} done")
    if progress.best is not None:
        parts.append(f"best {shown(progress.best, 0.001)}")
    if progress.text:
        parts.append(progress.text)
    return parts


class Reader:
    """Reads the events that came since it last looked."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0

    def new(self) -> Iterator[Event]:
        """Yield what is new; a line that is still being written waits for the next look."""
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield Event(**json.loads(line))
