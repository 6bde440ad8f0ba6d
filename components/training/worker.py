"""What a worker process does for the search: takes candidates, trains them up to an epoch, says what became of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from components.core.contracts import Candidate, Metric, failure
from components.core.errors import EspalierError
from components.core.workers import alive
from components.metrics import get
from components.training.allocator import keep_freed_memory
from components.training.candidate_run import CandidateRun, Settings
from components.training.device import make_ready
from components.training.group_run import GroupRun
from components.training.memory import probe
from components.training.prepared import Preparer
from components.training.room import rows_that_fit
from components.training.scoring import Scoring
from components.training.tasks import Answer, Answers, Task, Work, resting_file

MOST_PARTS = 8
ERRORS = (RuntimeError, ValueError, ArithmeticError, MemoryError)  # what torch, numpy and pydantic raise


def make(work: Work) -> Callable[[Task], Answers]:
    """Return the function that answers tasks."""
    make_ready(work.device)
    keep_freed_memory()
    return Worker(work).answer


class Worker:
    """Answers tasks. What goes wrong in a candidate's training is an answer, no crash."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._metric: Metric = get(work.metric)
        self._preparer = Preparer(work.table, work.folds, work.seed, torch.device(work.device))
        self._rows: dict[str, int] = {}  # structure -> K
        self._not_captured: str | None = None
        self._parts: dict[str, int] = {}  # structure -> pieces of a batch, where memory is short

    def answer(self, task: Task) -> Answers:
        """Train the candidates of a task."""
        found = self._train(task.candidates, task)
        rows = self._rows.get(task.candidates[0].structure)
        return Answers(by_number=found, rows=rows, not_captured=self._not_captured)

    def _train(self, candidates: Sequence[Candidate], task: Task) -> dict[int, Answer]:
        """Train together; what fails for all is tried again in smaller parts, until it is clear whose fault it is."""
        structure = candidates[0].structure
        try:
            return self._train_together(candidates, task)
        except EspalierError:
            raise
        except ERRORS as error:
            cause = _cause(error)
        if cause == "out_of_memory" and self._take_less(structure):
            return self._train(candidates, task)
        if len(candidates) > 1:
            half = len(candidates) // 2
            return self._train(candidates[:half], task) | self._train(candidates[half:], task)
        return {candidates[0].number: Answer(outcome=failure(candidates[0].number, cause))}

    def _train_together(self, candidates: Sequence[Candidate], task: Task) -> dict[int, Answer]:
        work = self._work
        settings = [Settings.of(candidate, work.table.schema) for candidate in candidates]
        prepared = self._preparer.prepare(settings[0].preprocess)
        scoring = Scoring(prepared=prepared, metric=self._metric, task=work.table.schema.task)
        runs = [
            CandidateRun(candidate, own, scoring, work.table.schema, work.seed, task.folds)
            for candidate, own in zip(candidates, settings, strict=True)
        ]
        structure = candidates[0].structure
        if structure not in self._rows:
            need = probe(runs[0].network, runs[0].rows[0], prepared.resident, runs[0].loss)
            self._rows[structure] = rows_that_fit(need, torch.device(work.device), len(runs[0].rows))
        files = [] if task.resume is None else [self._file(run, task.resume) for run in runs]
        group = GroupRun(
            runs, scoring, most_rows=self._rows[structure], parts=self._parts.get(structure, 1), resting=files
        )
        cut = group.train(task.until, self._cut_off)
        self._not_captured = group.not_captured
        answers = {number: Answer(outcome=None) for number in cut}
        told = [run for run in runs if run.diverged or run.candidate.number not in cut]
        resting = {run.candidate.number: self._file(run, task.until) for run in told if not run.ended}
        group.rest(resting)
        for run in told:
            number = run.candidate.number
            answers[number] = Answer(outcome=run.outcome(work.checkpoint), rests=number in resting)
        return answers

    def _take_less(self, structure: str) -> bool:
        """Halve K, then the pieces that go through the network at a time; returns whether there was anything to halve.

        The smaller pieces hold for the next candidates of this structure, too: they would not fit either.
        """
        rows, parts = self._rows.get(structure, 1), self._parts.get(structure, 1)
        if rows > 1:
            self._rows[structure] = rows // 2
        elif parts < MOST_PARTS:
            self._parts[structure] = 2 * parts
        else:
            return False
        return True

    def _cut_off(self) -> bool:
        alive()
        return self._work.deadline.over()

    def _file(self, run: CandidateRun, rung: int | None) -> Path:
        assert rung is not None, "without a rung all end"
        return resting_file(self._work.resting, run.candidate.number, rung)


def _cause(error: Exception) -> str:
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "out_of_memory"
    return f"error: {(str(error).strip() or repr(error)).splitlines()[0]}"
