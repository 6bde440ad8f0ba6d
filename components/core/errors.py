"""Errors that a person can act on: place, value, rule, way out. All of a kind come at once.

`UserMistake` and its children end a command with exit status 2 and one message, other `EspalierError`s with 1; neither
shows a stack trace. Our own faults are `assert`s and do show one. (Wording: kedro `utils.py`, and UX.md 3.4.)
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class EspalierError(Exception):
    """Something that stops a command with a message and no stack trace."""

    exit_status = 1


class UserMistake(EspalierError, ValueError):
    """The user's files or words are at fault, and the user can mend them."""

    exit_status = 2


class DiskFullError(EspalierError):
    """No room left: nobody's mistake, and nothing half-written stays."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One thing that is wrong in `params.yaml`, in the order: where, what, why, and the way out."""

    place: str  # search.network.mlp.dropout
    problem: str  # "is {low: 0.5, high: 0.05}: low is above high."  (a sentence that goes on from the place)
    way_out: str  # "Write {low: 0.05, high: 0.5}."
    line: int | None = None  # 1-based line of params.yaml
    doubt: bool = False  # a doubt stops nothing

    def __str__(self) -> str:
        return f"{self.place} {self.problem} {self.way_out}".strip()


class Mistakes(UserMistake):
    """All mistakes of one file, found in one go."""

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.file = file
        self.mistakes = tuple(mistakes)
        places = (file if one.line is None else f"{file}, line {one.line}" for one in self.mistakes)
        super().__init__("\n".join(f"{place}: {one}" for place, one in zip(places, self.mistakes, strict=True)))


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return "Did you mean 'halving'?" for the nearest of the words, or an empty string when none is near."""
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else ""
