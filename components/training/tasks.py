"""What the search's process and its workers tell each other. Imports nothing heavy: the parent needs no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.contracts import Candidate, Fold, Outcome
from components.core.deadlines import Deadline
from components.core.table import Table


@dataclass(frozen=True, kw_only=True)
class Work:
    """What all tasks of one call share; travels to each worker once."""

    table: Table
    folds: Sequence[Fold]
    metric: str
    seed: int
    device: str  # cpu | cuda
    deadline: Deadline
    checkpoint: Path
    resting: Path  # folder of what rungs leave


@dataclass(frozen=True, kw_only=True)
class Task:
    """Train some candidates of one structure: their folds are the rows of one population."""

    candidates: tuple[Candidate, ...]
    until: int | None  # epoch at which they report; None: to the end
    resume: int | None = None  # the rung at which they rested; None: they begin
    folds: tuple[int, ...] | None = None  # positions of the folds that are trained; None: all

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which candidates."""
        return tuple(candidate.number for candidate in self.candidates)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a candidate; without an outcome the deadline cut it off."""

    outcome: Outcome | None
    rests: bool = False  # it could go on; the outcome says what it is if it may not


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What became of a task."""

    by_number: Mapping[int, Answer]
    rows: int | None = None  # so many rows of this structure train best together; None: not known
    not_captured: str | None = None  # why steps on a GPU were made kernel by kernel; None: they were not


def resting_file(resting: Path, number: int, rung: int) -> Path:
    """Return where a candidate rests at a rung. A name a rung: a worker that dies leaves the one before as it was."""
    return resting / f"{number:05d}-{rung}.safetensors"


def forget(resting: Path, number: int) -> None:
    """Remove what a candidate left at its rungs."""
    for path in resting.glob(f"{number:05d}-*"):
        path.unlink()
