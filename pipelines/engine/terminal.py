"""What `espalier run` shows while it runs: a block that is redrawn in place, or, into a pipe, one line per event.

Laid out for 96 columns; where there are fewer, the right end goes first. Colour is for states and never the only sign.
Everything goes to stderr; the summary at the end is a result and goes to stdout. (UX 3.2)
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TextIO

from components.core.numbers import shown
from pipelines.engine.events import Event, as_line, progress_parts
from pipelines.engine.stage import Progress

REDRAW_SECONDS = 0.25
BAR = 22
COLOURS = {"running": "36", "done": "32", "kept": "2", "restored": "32", "stopped": "33", "failed": "31"}


class Row:
    """One stage's line."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.state = "waiting"
        self.text = ""
        self.seconds = 0.0
        self.since = 0.0
        self.progress: Progress | None = None


class Terminal:
    """A context that shows events. `pump` reads new ones and hands them to `show`; it is called four times a second."""

    def __init__(
        self,
        words: Sequence[str],
        pump: Callable[[], None],
        *,
        budget_seconds: float | None,
        stream: TextIO = sys.stderr,
    ) -> None:
        self._rows = {word: Row(word) for word in words}
        self._pump = pump
        self._stream = stream
        self._budget = budget_seconds
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._live and not os.environ.get("NO_COLOR")
        self._began = time.time()
        self._height = 0
        self._usable = ""
        self._over = threading.Event()
        self._drawing = threading.RLock()  # Ctrl-C speaks from the thread that may be drawing
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)

    def __enter__(self) -> "Terminal":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._pump()
        self._draw(last=True)

    def say(self, text: str) -> None:
        """Print a line of its own above the block."""
        with self._drawing:
            self._clear()
            print(f"  {text}", file=self._stream, flush=True)
        self._draw()

    def usable(self, seconds: float, clock: time.struct_time) -> None:
        """Say from now on since when, in seconds after the start, Ctrl-C would end in a model."""
        self._usable = f"usable since {minutes(seconds)}"
        if not self._live:
            with self._drawing:
                print(f"{time.strftime('%H:%M:%S', clock)} {self._usable}", file=self._stream, flush=True)

    def show(self, event: Event) -> None:
        """Take one event in."""
        row = self._rows.get(event.stage)
        if row is None:
            return
        if event.kind == "progress":
            row.progress = Progress(**(event.progress or {}))
        elif event.kind == "begun":
            row.state, row.since = "running", event.at
        else:
            row.state, row.text, row.seconds = (
                event.kind,
                event.text.splitlines()[0] if event.text else "",
                event.seconds,
            )
        if not self._live and event.kind not in ("begun", "progress"):
            with self._drawing:
                told_at_the_end = replace(event, text="") if event.kind == "failed" else event
                print(as_line(told_at_the_end), file=self._stream, flush=True)

    def _run(self) -> None:
        while not self._over.wait(REDRAW_SECONDS):
            self._pump()
            self._draw()

    def _draw(self, *, last: bool = False) -> None:
        if not self._live:
            return
        with self._drawing:
            width = shutil.get_terminal_size((96, 24)).columns
            lines = [self._line(row, width) for row in self._rows.values()]
            if not last:
                lines += ["", cut(f"  {self._clock()}", width)]
            self._clear()
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
            self._height = 0 if last else len(lines)

    def _clear(self) -> None:
        if self._live and self._height:
            self._stream.write(f"\x1b[{self._height}A\x1b[J")
            self._height = 0

    def _line(self, row: Row, width: int) -> str:
        seconds = time.time() - row.since if row.state == "running" else row.seconds
        clock = "" if row.state in ("waiting", "kept") else duration(seconds)
        text = row.text if row.state != "running" else _running_text(row.progress)
        line = cut(f"  {row.word:<10} {row.state:<9}{clock:>7}   {text}".rstrip(), width)
        if not self._colour or row.state not in COLOURS:
            return line
        return line.replace(row.state, f"\x1b[{COLOURS[row.state]}m{row.state}\x1b[0m", 1)

    def _clock(self) -> str:
        best = [row.progress.best for row in self._rows.values() if row.progress and row.progress.best is not None]
        so_far = f"best so far {shown(best[-1], 0.001)}   " if best else ""
        so_far += f"{self._usable}   " if self._usable else ""
        spent = f"{clock_of(time.time() - self._began)}"
        if self._budget is None:
            return f"{so_far}{spent}"
        ends = time.strftime("%H:%M:%S", time.localtime(self._began + self._budget))
        return f"{so_far}{spent} of {clock_of(self._budget)}, ends {ends}"


def _running_text(progress: Progress | None) -> str:
    if progress is None:
        return ""
    parts = []
    if progress.done is not None and progress.total:
        filled = min(BAR, round(BAR * progress.done / progress.total))
        parts.append("━" * filled + "─" * (BAR - filled))
    return "  ".join([*parts, *progress_parts(progress)])


def cut(line: str, width: int) -> str:
    """Cut a line to the width, with a sign that something is missing."""
    return line if len(line) <= width else line[: width - 1] + "…"


def duration(seconds: float) -> str:
    """Write 0.9 s, 38.4 s, 3:02, 1:03:02."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return minutes(seconds)


def clock_of(seconds: float) -> str:
    """Write 0:03:58."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def minutes(seconds: float) -> str:
    """Write 0:14, 10:00, 1:03:02."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if seconds < 3600 else clock_of(seconds)


def spoken(seconds: float) -> str:
    """Write 12 s, 9 min 52 s, 2 h 5 min: as a person would say it."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
