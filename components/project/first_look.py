"""What `init` sees in a source and writes into params.yaml: the same answer for every kind of data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.core.contracts import JSON
from components.project.documents import Place

SHORTER = 4  # times fewer epochs


@dataclass(frozen=True, kw_only=True)
class FirstLook:
    """Facts for the screen, and values for the file."""

    lines: tuple[tuple[str, str], ...]  # what -> what was seen
    values: Mapping[str, Mapping[str, Any]]  # section -> keys; without ingest.source
    notes: Mapping[Place, str] = field(default_factory=dict)  # comments of this file's own
    counts: Mapping[str, int]  # trials of search and boosting where no clock ends them


def searched_epochs(most: int) -> JSON:
    """Return what the file says of epochs where a clock ends the search: a few networks may train more shortly.

    The first one does (`components/training/portfolio.py`): there is a usable network also where the machine is slower
    than was thought.
    """
    return {"low": max(1, most // SHORTER), "high": most, "log": True}


def shares(counts: Mapping[str, int]) -> str:
    """Say which classes there are, and how many rows each has."""
    whole = max(1, sum(counts.values()))
    words = list(counts)
    shown = ", ".join(f"{word} {counts[word]} ({100 * counts[word] / whole:.0f} %)" for word in words[:6])
    event = f'; "{words[1]}" is the event' if len(words) == 2 else ""
    return f"{'two' if len(words) == 2 else len(words)} classes: {shown}{', ...' if len(words) > 6 else ''}{event}"
