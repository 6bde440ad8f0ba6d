"""Who is trained next, and with whom: generations, rungs and workers, without a word about networks.

Candidates of a generation run up to their next rung, wait there for the others that have it, and go on or not, as the
search decides from all their scores (`generation.py`). Protected candidates (known strong starts) go first and alone
and have no rung, so that there is a usable network early. The next generation is begun when no task is left for a
worker, though others still wait at a rung (there one worker had nothing to do for a fifth of a search), and when the
one before is finished, because its plan stands on that one's outcomes. It is asked for before a worker idles: planning
costs no training. The older of two generations goes first: the next but one waits for it.

Candidates of equal structure are trained together, as many as a worker said it takes, and so few that all workers have
some. They are grouped when a worker takes them, anew after every rung: rows that losers leave are filled with other
survivors. In the middle of a rung they are not: all that is planned is with some worker by then, and a smaller
population is as quick a row.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from components.core.contracts import Candidate, Outcome, Report, failure
from components.core.deadlines import Deadline
from components.core.files import sync
from components.core.workers import Broken, Lost, Workers
from components.training.generation import Generation
from components.training.tasks import Answer, Answers, Task, forget

LAST_WORDS_SECONDS = 0.5  # for what workers still have to say when the time is over
WHEN_STOPPED_SECONDS = 5.0  # the same when the user stopped: nobody waits for a second
POLL_SECONDS = 1.0
FIRST_ROWS = 16  # of a structure that no worker has seen yet


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """A candidate that waits for a worker."""

    candidate: Candidate
    until: int | None
    resume: int | None
    folds: tuple[int, ...] | None  # positions; None: all
    most: int  # candidates of its task

    def goes_with(self, first: "_Turn") -> bool:
        """Whether both may be in one task."""
        own = (self.candidate.structure, self.until, self.resume, self.folds, self.most)
        return own == (first.candidate.structure, first.until, first.resume, first.folds, first.most)


class Turns:
    """One call of `NetworkEvaluate`: tasks out, outcomes in. In a `race` rungs are counts of folds."""

    def __init__(
        self,
        workers: Workers,
        generations: Iterator[Sequence[Candidate]],
        report: Report,
        deadline: Deadline,
        resting: Path,
        num_folds: int,
        *,
        race: bool = False,
        first_rows: int = FIRST_ROWS,
        not_captured: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`first_rows`: of a structure that no worker has seen yet. `not_captured`: hears why steps are no graphs."""
        self._workers = workers
        self._more: Iterator[Sequence[Candidate]] | None = generations
        self._report = report
        self._deadline = deadline
        self._resting = resting
        self._num_folds = num_folds
        self._race = race
        self._first_rows = first_rows
        self._not_captured = not_captured
        self._queue: deque[_Turn] = deque()
        self._tasks: dict[tuple[int, ...], Task] = {}  # with workers
        self._rows: dict[str, int] = {}  # structure -> so many rows train best together
        self._generations: list[Generation] = []  # with candidates that have no outcome; at most two
        self._newest: Generation | None = None  # only this one may be unfinished when the next is planned

    def outcomes(self) -> Iterator[Outcome]:
        """Yield outcomes until there are no more generations, or no more time."""
        since: float | None = None  # when the time was over
        while True:
            if self._deadline.over():
                since = monotonic() if since is None else since
                words = WHEN_STOPPED_SECONDS if self._deadline.stopped() else LAST_WORDS_SECONDS
                if monotonic() - since >= words:
                    return
                self._queue.clear()
            else:
                self._fill()
            if not self._workers.num_busy:
                return
            seconds = min(POLL_SECONDS, self._deadline.left() if since is None else LAST_WORDS_SECONDS / 5)
            for numbers, answers in self._workers.answers(seconds):
                assert isinstance(numbers, tuple)
                found = list(self._take(numbers, answers))
                if not self._deadline.over():
                    self._give()  # before what ended is written down: the worker that found it waits
                sync([outcome.folder for outcome in found if outcome.folder is not None])
                yield from found

    def _fill(self) -> None:
        """Give every idle worker a task, as long as there are tasks, and see to it that there are some to come."""
        while self._queue or self._pull():
            if not self._workers.num_idle:
                return
            self._give()

    def _give(self) -> None:
        """Give idle workers the tasks that there are."""
        while self._queue and self._workers.num_idle:
            task = self._next_task()
            self._tasks[task.numbers] = task
            self._workers.give(task.numbers, task)

    def _next_task(self) -> Task:
        """Take the first of the queue, and those that may be trained with it."""
        first = self._queue[0]
        rows = self._rows.get(first.candidate.structure, self._first_rows)
        folds = self._num_folds if first.folds is None else len(first.folds)
        count = min(first.most, max(1, rows // folds))
        group = [turn for turn in self._queue if turn.goes_with(first)][:count]
        for turn in group:
            self._queue.remove(turn)
        candidates = tuple(turn.candidate for turn in group)
        return Task(candidates=candidates, until=first.until, resume=first.resume, folds=first.folds)

    def _pull(self) -> bool:
        """Begin the next generation, if it is time; returns whether anything was pulled."""
        held_up = any(generation is not self._newest for generation in self._generations)
        if self._more is None or held_up:
            return False
        candidates = next(self._more, None)
        if candidates is None:
            self._more = None
            return False
        generation = Generation(candidates={candidate.number: candidate for candidate in candidates}, race=self._race)
        self._newest = generation  # an empty one is finished: the one before it must be, too, before the next is asked
        if candidates:
            self._generations.append(generation)
            self._send(generation, sorted(generation.candidates))
        return True

    def _send(self, generation: Generation, numbers: Sequence[int]) -> None:
        share = -(-len(numbers) // (self._workers.num_busy + self._workers.num_idle))
        turns = []
        for number in sorted(numbers, key=lambda number: (not generation.candidates[number].protected, number)):
            candidate = generation.candidates[number]
            most = 1 if candidate.protected else share
            before, following = generation.rung(number, -1), generation.rung(number)
            until = resume = None
            folds = None
            if self._race and candidate.rungs:
                folds = (before or 0,)
            else:
                resume = None if before is None else candidate.rungs[before]
                until = None if following is None else candidate.rungs[following]
            turns.append(_Turn(candidate=candidate, until=until, resume=resume, folds=folds, most=most))
        if generation is self._newest:
            self._queue.extend(turns)
        else:  # the next but one waits for it
            self._queue.extendleft(reversed(turns))

    def _take(self, numbers: tuple[int, ...], answers: Answers | Lost | Broken) -> Iterator[Outcome]:
        task = self._tasks.pop(numbers)
        if isinstance(answers, Lost | Broken):
            if len(numbers) > 1:  # whose fault was it?
                hung = isinstance(answers, Lost) and answers.hung  # each silence costs as long as the limit: one more
                most = 1 if hung else -(-len(numbers) // 2)
                turns = [
                    _Turn(candidate=one, until=task.until, resume=task.resume, folds=task.folds, most=most)
                    for one in task.candidates
                ]
                self._queue.extendleft(reversed(turns))
                return
            answers = Answers(by_number={numbers[0]: Answer(outcome=failure(numbers[0], _cause(answers)))})
        if answers.rows is not None:
            self._rows[task.candidates[0].structure] = answers.rows
        if answers.not_captured is not None:
            self._not_captured(answers.not_captured)
        for number, answer in sorted(answers.by_number.items()):
            yield from self._take_one(number, answer)

    def _take_one(self, number: int, answer: Answer) -> Iterator[Outcome]:
        generation = next(it for it in self._generations if number in it.candidates)
        if answer.outcome is None:
            generation.cut = True
            return
        ended_a_leg = self._race and answer.outcome.state == "complete" and generation.rung(number) is not None
        if answer.rests or ended_a_leg:
            generation.report(answer.outcome)
        else:
            yield self._end(generation, answer.outcome)
        while (rung := next(generation.ready(), None)) is not None:
            yield from self._decide(generation, rung)
        if not generation.candidates and generation in self._generations:
            self._generations.remove(generation)

    def _decide(self, generation: Generation, rung: int) -> Iterator[Outcome]:
        """All that have this rung have reported there, or have ended before it: who goes on?"""
        gone, numbers = generation.go_on(rung, self._report(rung, generation.scores(rung)))
        for outcome in gone:
            yield self._end(generation, outcome)
        self._send(generation, numbers)

    def _end(self, generation: Generation, outcome: Outcome) -> Outcome:
        """Complete an outcome, and forget what it left at its rungs."""
        forget(self._resting, outcome.number)
        return generation.end(outcome)


def _cause(answer: Lost | Broken) -> str:
    """Return why a candidate failed over which a worker died, or broke."""
    if isinstance(answer, Broken):
        return f"error: {answer.headline}"
    if answer.hung:
        return "deadline"
    return "out_of_memory" if answer.killed else f"error: its process ended with status {answer.status}"
