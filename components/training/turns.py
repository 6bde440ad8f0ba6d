"""Who is trained next, and with whom: generations, rungs and workers, without a word about networks.

Candidates of a generation run up to their first rung, wait there for each other, and go on or not, as the search
decides from all their scores. Protected candidates (known strong starts) run to their end without a stop, so that
there is a usable network early; no rung knows them, because it must not matter when they end. The next generation is
begun when the current one has no rung before it and a worker would idle, and when the one before is finished, because
its plan stands on that one's outcomes.

Candidates of equal structure are trained together, as many as a worker said it takes, and so few that all workers have
some. They are grouped when a worker takes them, anew after every rung: rows that losers leave are filled with other
survivors. In the middle of a rung they are not: all that is planned is with some worker by then, and a smaller
population is as quick a row. Protected ones are not made to wait for others and go alone.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.core.contracts import Candidate, Outcome, Report
from components.core.deadlines import Deadline
from components.core.workers import Lost, Workers
from components.training.tasks import Answer, Answers, Task, failure, forget

LAST_WORDS_SECONDS = 5.0  # for what workers still have to say when the deadline is over
POLL_SECONDS = 1.0
FIRST_ROWS = 16  # of a structure that no worker has seen yet


@dataclass(kw_only=True)
class _Generation:
    candidates: dict[int, Candidate]  # without an outcome yet
    stage: int = 0  # position of the rung they are on the way to; len(rungs): to the end
    waiting: dict[int, Outcome] = field(default_factory=dict)  # at that rung; what they are if they are dropped
    reported: dict[int, dict[int, float]] = field(default_factory=dict)  # number -> rung -> score
    finished: dict[int, float] = field(default_factory=dict)  # those that ended by themselves -> score
    cut: bool = False

    @property
    def judged(self) -> list[int]:
        """Numbers without an outcome that stand before a rung, or would if they had one."""
        return [number for number, candidate in sorted(self.candidates.items()) if not candidate.protected]


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """A candidate that waits for a worker."""

    candidate: Candidate
    until: int | None
    resume: int | None
    most: int  # candidates of its task

    def goes_with(self, first: "_Turn") -> bool:
        """Whether both may be in one task."""
        own = (self.candidate.structure, self.until, self.resume, self.most)
        return own == (first.candidate.structure, first.until, first.resume, first.most)


class Turns:
    """One call of `NetworkEvaluate`: tasks out, outcomes in."""

    def __init__(
        self,
        workers: Workers,
        generations: Iterator[Sequence[Candidate]],
        rungs: Sequence[int],
        report: Report,
        deadline: Deadline,
        resting: Path,
        num_folds: int,
    ) -> None:
        self._workers = workers
        self._more: Iterator[Sequence[Candidate]] | None = generations
        self._rungs = tuple(rungs)
        self._report = report
        self._deadline = deadline
        self._resting = resting
        self._num_folds = num_folds
        self._queue: deque[_Turn] = deque()
        self._tasks: dict[tuple[int, ...], Task] = {}  # with workers
        self._rows: dict[str, int] = {}  # structure -> so many rows train best together
        self._generations: list[_Generation] = []  # with candidates that have no outcome; at most two
        self._newest: _Generation | None = None  # only this one may be unfinished when the next is planned

    def outcomes(self) -> Iterator[Outcome]:
        """Yield outcomes until there are no more generations, or no more time."""
        grace = 0.0
        while grace < LAST_WORDS_SECONDS:
            if self._deadline.over():
                self._queue.clear()
                grace += POLL_SECONDS
            else:
                self._fill()
            if not self._workers.num_busy:
                return
            for numbers, answers in self._workers.answers(POLL_SECONDS):
                assert isinstance(numbers, tuple)
                yield from self._take(numbers, answers)

    def _fill(self) -> None:
        """Give every idle worker a task, as long as there are tasks."""
        while self._workers.num_idle:
            if self._queue:
                task = self._next_task()
                self._tasks[task.numbers] = task
                self._workers.give(task.numbers, task)
            elif not self._pull():
                return

    def _next_task(self) -> Task:
        """Take the first of the queue, and those that may be trained with it."""
        first = self._queue[0]
        rows = self._rows.get(first.candidate.structure, FIRST_ROWS)
        count = min(first.most, max(1, rows // self._num_folds))
        group = [turn for turn in self._queue if turn.goes_with(first)][:count]
        for turn in group:
            self._queue.remove(turn)
        return Task(candidates=tuple(turn.candidate for turn in group), until=first.until, resume=first.resume)

    def _pull(self) -> bool:
        """Begin the next generation, if it is time; returns whether anything was pulled."""
        undecided = any(generation.judged and generation.stage < len(self._rungs) for generation in self._generations)
        held_up = any(generation is not self._newest for generation in self._generations)
        if self._more is None or undecided or held_up:
            return False
        candidates = next(self._more, None)
        if candidates is None:
            self._more = None
            return False
        if candidates:
            generation = _Generation(candidates={candidate.number: candidate for candidate in candidates})
            self._generations.append(generation)
            self._newest = generation
            self._send(generation, sorted(generation.candidates))
        return True

    def _send(self, generation: _Generation, numbers: Sequence[int]) -> None:
        stage = generation.stage
        rung = self._rungs[stage] if stage < len(self._rungs) else None
        resume = self._rungs[stage - 1] if stage else None
        share = -(-len(numbers) // (self._workers.num_busy + self._workers.num_idle))
        for number in sorted(numbers, key=lambda number: (not generation.candidates[number].protected, number)):
            candidate = generation.candidates[number]
            most = 1 if candidate.protected else share
            until = None if candidate.protected else rung
            self._queue.append(_Turn(candidate=candidate, until=until, resume=resume, most=most))

    def _take(self, numbers: tuple[int, ...], answers: Answers | Lost) -> Iterator[Outcome]:
        task = self._tasks.pop(numbers)
        if isinstance(answers, Lost):
            if len(numbers) > 1:  # whose fault was it?
                most = -(-len(numbers) // 2)
                turns = [
                    _Turn(candidate=candidate, until=task.until, resume=task.resume, most=most)
                    for candidate in task.candidates
                ]
                self._queue.extendleft(reversed(turns))
                return
            cause = "out_of_memory" if answers.killed else f"error: its process ended with status {answers.status}"
            answers = Answers(by_number={numbers[0]: Answer(outcome=failure(numbers[0], cause))})
        if answers.rows is not None:
            self._rows[task.candidates[0].structure] = answers.rows
        for number, answer in sorted(answers.by_number.items()):
            yield from self._take_one(number, answer)

    def _take_one(self, number: int, answer: Answer) -> Iterator[Outcome]:
        generation = next(it for it in self._generations if number in it.candidates)
        if answer.outcome is None:
            generation.cut = True
            return
        if answer.rests:
            generation.waiting[number] = answer.outcome
            generation.reported.setdefault(number, {})[self._rungs[generation.stage]] = _score(answer.outcome)
        else:
            yield self._end(generation, answer.outcome)
        if len(generation.waiting) == len(generation.judged) and not generation.cut:
            yield from self._decide(generation)

    def _decide(self, generation: _Generation) -> Iterator[Outcome]:
        """All have reported at the rung, or have ended before it: who goes on?"""
        if generation.waiting:
            rung = self._rungs[generation.stage]
            scores = generation.finished | {number: generation.reported[number][rung] for number in generation.waiting}
            dropped = self._report(rung, dict(sorted(scores.items())))
            waiting, generation.waiting = generation.waiting, {}
            generation.stage += 1
            for number in sorted(waiting.keys() & dropped):
                yield self._end(generation, waiting[number])
            self._send(generation, sorted(waiting.keys() - dropped))
        if not generation.candidates:
            self._generations.remove(generation)

    def _end(self, generation: _Generation, outcome: Outcome) -> Outcome:
        """Complete an outcome with its rungs. Whoever ended by itself counts at later rungs with its last score."""
        number = outcome.number
        rungs = generation.reported.pop(number, {})
        if outcome.state == "complete" and not generation.candidates[number].protected:
            generation.finished[number] = _score(outcome)
            rungs = {rung: rungs.get(rung, generation.finished[number]) for rung in self._rungs}
        del generation.candidates[number]
        forget(self._resting, number)
        return replace(outcome, rungs=rungs)


def _score(outcome: Outcome) -> float:
    return math.fsum(outcome.fold_scores_S) / len(outcome.fold_scores_S)
