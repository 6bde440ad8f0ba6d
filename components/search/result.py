"""What a search ends with: its trials, its kept members, and why it ended. Values only; `driver.py` makes them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from components.core.contracts import JSON, Outcome
from components.search.closing import Closed
from components.search.failures import word_of

EndedBy = Literal["trials", "seconds", "stopped", "space"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One finished point of the space."""

    number: int
    params: Mapping[str, Any]  # path -> value, as Optuna shows it
    spec: JSON  # settled settings
    outcome: Outcome  # on the folds that judge; `folder` is None, weights may be gone
    score: float | None  # mean over these folds, in the metric's own direction; None unless complete


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One of the best: a finished member folder with as many folds as it could be trained on."""

    number: int
    score: float  # mean over all folds it was trained on
    fold_scores_S: tuple[float, ...]
    folder: Path


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The trials 0..N-1 that `trials: N` would have trained to the same bytes, and the best of them."""

    trials: tuple[Trial, ...]
    kept: tuple[Kept, ...]  # the best first
    ended_by: EndedBy  # "space": a grid was walked to its end, or everything failed
    repeatable: bool  # whether `trials: len(trials)` and `keep: len(kept)` give the same bytes again
    num_score_folds: int
    greater_is_better: bool
    closed: tuple[Closed, ...]  # branches in which everything failed, as the last generation was planned
    front: tuple[int, ...]  # numbers of the trials that nobody beats in all objectives, the best score first

    @property
    def failures(self) -> dict[str, int]:
        """How many trials failed, by cause."""
        causes = Counter(word_of(trial.outcome.cause) for trial in self.trials if trial.outcome.state == "failed")
        return dict(sorted(causes.items()))

    def count(self, state: Literal["complete", "pruned", "failed"]) -> int:
        """How many trials ended in this state."""
        return sum(trial.outcome.state == state for trial in self.trials)


class ReportProgress(Protocol):
    """Called whenever a trial is finished; `total` is None while the clock decides, `best` until one is complete."""

    def __call__(self, *, done: int, total: int | None, best: float | None, text: str) -> None:
        """Show where the search stands."""
        ...


def silent(*, done: int, total: int | None, best: float | None, text: str) -> None:
    """Tell nobody."""
