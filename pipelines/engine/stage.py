"""What a stage function gets: settings, seed, folder, time. All ten have the form `def word(stage) -> str`.

The string that a stage returns is its line in the terminal ("19 columns, no leakage, 1 warning"). How a stage is
started, leased, timed and recorded is in `pipelines/engine/runner.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.core.deadlines import NEVER, Deadline
from pipelines.engine.words import WORDS as WORDS


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a long stage tells while it runs; all of it may be unknown."""

    done: int | None = None
    total: int | None = None
    best: float | None = None  # in the metric's own direction
    text: str = ""  # "16 growing, 91 cut, 2 failed"
    found: int | None = None  # told once, at the beginning: trials that an earlier attempt had finished
    noun: str = ""  # what a trial grows: networks, boosters


def _silent(_: Progress) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One run of one stage."""

    word: str
    root: Path  # the project's folder
    spec: Any  # the validated settings of this stage (components/project/sections.py)
    seed: int = 0
    metric: str = "auto"
    device: str = "auto"
    kind: str = "table"  # of the data (components/project/kinds.py)
    also: Mapping[str, Any] = field(default_factory=dict)  # other sections that decide this stage, for this kind
    out: Path  # a new empty folder; it becomes data/<word> when the function returns
    deadline: Deadline = NEVER
    cores: int = 1  # leased to this run
    code: str = ""  # hash of the code that this stage can reach: part of the key of its study
    made_from: dict[str, str] = field(default_factory=dict)  # word -> hash of the out, for all ancestors
    tell: Callable[[Progress], None] = _silent

    def input(self, word: str) -> Path:
        """Return data/<word> of an ancestor. The runner has checked that this stage's inputs were made from it."""
        assert word in self.made_from or not self.made_from, f"{word} is no ancestor of {self.word}"
        return self.root / "data" / word

    @property
    def studies(self) -> Path:
        """The folder of plans, outcomes, checkpoints and journals: outside the outs, kept between runs."""
        return self.root / ".espalier" / "studies"
