"""What one attempt at a stage may use: cores, and for a branch a clock that ends it in time for those after it.

The arithmetic is in `budget.py`; here is what it is told: what the ledger says of the other stages, what earlier
attempts at this branch have spent, when the run's own time is over.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.deadlines import NEVER, Deadline
from components.core.errors import UserMistake
from components.core.files import hash_json, read_json
from components.project.documents import Document
from components.project.kinds import more_inputs
from components.project.params import Params
from pipelines.engine import budget, chain, clock, ledger
from pipelines.engine.dvc_yaml import params_of
from pipelines.engine.locks import lease_cores
from pipelines.engine.processes import Surroundings
from pipelines.engine.words import BEFORE, BRANCHES


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at one stage, seen from outside."""

    word: str
    root: Path
    around: Surroundings
    params: Params
    made_from: Mapping[str, str]
    stop_file: Path

    @property
    def key(self) -> str:
        """A hash of what decides the stage."""
        return stage_key(self.params, self.word, self.made_from)


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What the attempt may use, and where it notes how far it is."""

    deadline: Deadline
    cores: int
    spent: clock.Spent


@contextlib.contextmanager
def allowance(attempt: Attempt) -> Iterator[Allowance]:
    """Lease a branch's cores, then start its clock; the short stages have all cores and all the time they need."""
    around, word = attempt.around, attempt.word
    if word not in BRANCHES:
        yield Allowance(deadline=NEVER, cores=around.total_cores, spent=clock.Spent())
        return
    with (
        lease_cores(attempt.root, around.cores, around.total_cores) as cores,
        clock.beating(attempt.root, word, attempt.key) as spent,
    ):
        yield Allowance(deadline=Deadline.after(_seconds_left(attempt), attempt.stop_file), cores=cores, spent=spent)


def _seconds_left(attempt: Attempt) -> float | None:
    around, word = attempt.around, attempt.word
    book = _open_book(attempt)
    seconds = budget.branch_seconds(word, book, around.cores)
    if seconds is None:
        return None
    seconds -= clock.spent(attempt.root, word, attempt.key).seconds
    if around.ends is not None:
        left = around.ends - budget.reserve(book) - time.time()
        if around.cores == around.total_cores and book.fixed[word] is None:
            left = budget.share_of_the_rest(word, book, left)
        seconds = min(seconds, left)
    return max(budget.LEAST_SECONDS, seconds)


def _open_book(attempt: Attempt) -> budget.Book:
    """Read from the ledger what the other stages took."""
    last = ledger.last_by_stage(attempt.root)
    finished = {
        sibling: line.work_seconds * line.cores
        for sibling in BRANCHES
        if sibling != attempt.word
        and (line := last.get(sibling)) is not None
        and (made_from := _made_from(attempt, sibling)) is not None
        and line.key == stage_key(attempt.params, sibling, made_from)
    }
    return budget.Book(
        seconds=attempt.params.seconds,
        fixed={branch: _fixed_seconds(attempt.params, branch) for branch in BRANCHES},
        before_seconds=sum(last[name].seconds for name in BEFORE if name in last),
        finished=finished,
        total_cores=attempt.around.total_cores,
        **_judged(attempt.root / "data" / "split", attempt.params.document.kind),
    )


def _judged(split: Path, kind: str) -> dict[str, Any]:
    """Return what the rows that a member is judged on say about the time that judging takes; empty if not known.

    Probabilities of more than two classes, whether numbers are predicted, and how many pictures.
    """
    if not (split / "split.json").exists():
        return {}
    num_classes, facts = len(read_json(split / "schema.json")["classes"]), read_json(split / "split.json")
    rows = sum(facts["rows_fold"]) + facts["rows_test"]
    answers = num_classes * rows if num_classes > 2 else 0
    return {"answers": answers, "numbers": num_classes == 0, "pictures": rows if kind == "image" else 0}


def _made_from(attempt: Attempt, sibling: str) -> Mapping[str, str] | None:
    """Return what a sibling stands on, or None where that is not there: one of the two may stand on the search, too."""
    document = attempt.params.document
    more = more_inputs(document.values, document.kind)
    if not more:
        return attempt.made_from
    try:
        return chain.read_made_from(attempt.root, sibling, more)
    except UserMistake:
        return None


def _fixed_seconds(params: Params, branch: str) -> float | None:
    """Return `search.seconds` and so on; a value that is no number is told by the section's own stage."""
    value = (params.values.get(branch) or {}).get("seconds")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def read_values(document: Document, word: str) -> dict[str, Any]:
    """Return what a stage reads of params.yaml: the keys that dvc.yaml lists for it."""
    return {key: document.values.get(key) for key in params_of(word, document.kind)}


def stage_key(params: Params, word: str, made_from: Mapping[str, str]) -> str:
    """Return a hash of what decides a stage: its params, and the outs that it stands on."""
    return hash_json({"params": read_values(params.document, word), "made_from": dict(made_from)})
