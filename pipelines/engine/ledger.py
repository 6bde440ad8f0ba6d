"""`.espalier/ledger.jsonl`: one line per finished, failed or stopped stage, whichever engine ran it.

Times live here and nowhere else: no out holds a second, so that every out can be the same bytes again. Read by the
budget (what did the others take?), by `--dry` (how long did it take last time?) and by the report (its bar of times).
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["done", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One stage of one run."""

    run: str  # id of the run; "dvc" for bare `dvc repro`
    stage: str
    state: State
    began: float  # seconds since 1970
    seconds: float  # wall time of the stage's process, without waiting for cores
    work_seconds: float  # of these, the plain stage function
    cores: int
    key: str  # hash of what decides the stage: its params and the data that it stands on
    text: str  # the stage's own line, or why it failed


def path_of(root: Path) -> Path:
    """Return the ledger's path."""
    return root / ".espalier" / "ledger.jsonl"


def write_line(root: Path, line: Line) -> None:
    """Append one line; lines of side-by-side branches do not mix, because each is one short write."""
    path = path_of(root)
    path.parent.mkdir(exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, (json.dumps(asdict(line), ensure_ascii=False) + "\n").encode())
    finally:
        os.close(file)


def read_lines(root: Path) -> list[Line]:
    """Return all lines, oldest first; a line that a power cut tore, or of another version, is passed over."""
    path = path_of(root)
    found: list[Line] = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
        try:
            found.append(Line(**json.loads(text)))
        except (ValueError, TypeError):
            continue
    return found


def last_by_stage(root: Path, state: State = "done") -> dict[str, Line]:
    """Return each stage's newest line of this state."""
    return {line.stage: line for line in read_lines(root) if line.state == state}
