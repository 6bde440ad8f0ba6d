"""What the search's process and its workers tell each other. Imports nothing heavy: the parent needs no torch."""

from collections.abc import Sequence
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
    """Train a candidate."""

    candidate: Candidate
    until: int | None  # epoch at which it reports; None: to the end
    resume: bool = False  # take up what it left at its last rung


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a task; without an outcome the deadline cut it off."""

    outcome: Outcome | None
    rests: bool = False  # it could go on; the outcome says what it is if it may not


def resting_file(resting: Path, number: int) -> Path:
    """Return where a candidate rests between two rungs."""
    return resting / f"{number:05d}.safetensors"


def failure(number: int, cause: str) -> Outcome:
    """Return the outcome of a candidate that came to nothing."""
    return Outcome(
        number=number, state="failed", cause=cause, fold_scores_S=(), curves={}, rungs={}, folder=None, facts={}
    )
