"""The trials of a search: hand out what is missing, record what became of it, decide rungs, and say what counts.

The heart of exact resume: each outcome is written before anything else is done with it; what is handed out, pruned or
thrown away is a function of the outcomes on disk. Planning is `generations.py`, training the kept `keeping.py`.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from components.core.contracts import JSON, Candidate, Evaluate, Fold, Outcome
from components.core.deadlines import Deadline
from components.core.ranges import Group
from components.search.generations import Planner
from components.search.journal import Journal
from components.search.judging import Judge
from components.search.keeping import drop_weights
from components.search.past import score_of
from components.search.result import EndedBy, ReportProgress, Trial
from components.search.space import settle_params
from components.search.spec import SearchSettings
from components.search.study import Study

HOPELESS_GENERATIONS = 2  # so many without one finished trial end the search


class Trials:
    """The trials of one search: planned, handed out, recorded, until they end."""

    def __init__(
        self,
        files: Study,
        planner: Planner,
        space: Group,
        settings: SearchSettings,
        structure: Callable[[JSON], str],
        judge: Judge,
        greater_is_better: bool,
        report_progress: ReportProgress,
        guarded: Collection[int],
    ) -> None:
        self._files = files
        self._planner = planner
        self._space = space
        self._settings = settings
        self._structure = structure
        self._judge = judge
        self._greater_is_better = greater_is_better
        self._report_progress = report_progress
        self._journal = Journal(
            files, space, planner, objectives=settings.objectives, greater_is_better=greater_is_better
        )
        self._reported: dict[int, dict[int, float]] = {}  # number -> rung -> score, of those without an outcome
        self.guarded = set(guarded)  # whose weights stay, also when better ones come
        self._handed_out = 0
        self._hopeless: bool | None = None  # None: not known yet
        self._run: list[Trial] = []  # numbers 0, 1, 2, ... without a gap

    def run(self, evaluate: Evaluate, folds: Sequence[Fold], deadline: Deadline) -> None:
        """Train what is missing; write each outcome at once."""
        generations = self._generations(deadline)
        first = next(generations, None)
        self._tell()
        if first is None:  # all is there, or the time is over: start no workers
            self._journal.left()
            return
        for found in evaluate(
            itertools.chain([first], generations),
            folds,
            report=self._report,
            deadline=deadline,
            checkpoint=self._files.members,
        ):
            outcome = _with_a_score(found)
            self._files.record(outcome, settle_params(self._space, self._planner.params(outcome.number)))
            if outcome.state != "complete":
                self._files.remove_member(outcome.number)
            self._journal.finished(outcome)
            self._reported.pop(outcome.number, None)
            self._handed_out -= 1
            self._tell()
            run, better = self._repeatable_run(), self._greater_is_better
            drop_weights(self._files, run, self._settings, self.guarded, greater_is_better=better)
        self._journal.left()

    def result(self) -> tuple[list[Trial], bool]:
        """Return the trials that count, in order of number, and whether their number makes them repeatable."""
        run = self._repeatable_run()
        if run:
            return run, True
        first = range(self._settings.generation)
        return [trial for number in first if (trial := self._trial(number)) is not None], False

    def ended_by(self, deadline: Deadline) -> EndedBy:
        """Say why no further trial was begun."""
        if self._settings.trials != "auto" and len(self._run) >= self._settings.trials:
            return "trials"
        if self._is_all(len(self._run)) or self._hopeless:
            return "space"
        return "stopped" if deadline.stopped() else "seconds"

    def _generations(self, deadline: Deadline) -> Iterator[Sequence[Candidate]]:
        """Yield what each generation still lacks.

        One that lacks nothing comes as an empty one behind others that lack something: those must be finished before
        the next but one is planned, and whoever trains them sees to it.
        """
        begun = False
        for generation in itertools.count():
            if deadline.over() or self._is_hopeless(generation):
                return
            if not self._is_past_the_end(generation) and not self._planner.ensure(generation, deadline.over):
                return
            numbers = self._numbers(generation)
            if not numbers:
                return
            missing = [number for number in numbers if self._files.outcome(number) is None]
            self._journal.planned(numbers)
            for number in set(numbers) - set(missing):
                outcome = self._files.outcome(number)
                assert outcome is not None
                self._journal.finished(outcome)
            for number in missing:
                self._files.remove_member(number)  # what a kill left of it
            if missing or begun:
                begun = True
                self._handed_out += len(missing)
                yield [self._candidate(number) for number in missing]

    def _numbers(self, generation: int) -> range:
        """Return the numbers that are trained in this generation; none after the last."""
        first = generation * self._settings.generation
        if self._is_past_the_end(generation):
            return range(0)
        after = first + len(self._planner.plan(generation))
        return range(first, after if self._settings.trials == "auto" else min(after, self._settings.trials))

    def _is_past_the_end(self, generation: int) -> bool:
        return self._settings.trials != "auto" and generation * self._settings.generation >= self._settings.trials

    def _candidate(self, number: int) -> Candidate:
        """Return a trial as it is handed out; a known strong start is trained to its end at once, on no rung."""
        spec = settle_params(self._space, self._planner.params(number))
        protected = number < self._planner.num_start
        rungs = {} if protected else self._judge.rungs(number, spec)
        return Candidate(number=number, spec=spec, structure=self._structure(spec), protected=protected, rungs=rungs)

    def _report(self, step: int, scores: Mapping[int, float]) -> frozenset[int]:
        """Decide a rung from all that reported there, before a kill or after it."""
        generation = min(scores) // self._settings.generation
        assert generation == max(scores) // self._settings.generation, "a rung belongs to one generation"
        for number, score in scores.items():
            self._reported.setdefault(number, {})[step] = score
        known: dict[int, Mapping[int, float]] = {}
        for number in self._numbers(generation):
            outcome = self._files.outcome(number)
            own = self._reported.get(number, {}) if number in scores or outcome is None else outcome.rungs
            if step in own:
                known[number] = own
        before = range((generation - 1) * self._settings.generation)
        earlier = [outcome for number in before if (outcome := self._files.outcome(number)) is not None]
        return self._judge.dropped(step, known, earlier) & scores.keys()

    def _repeatable_run(self) -> list[Trial]:
        """Return the longest run of trials that `trials: N` would have trained to the same bytes."""
        self._lengthen()
        count = len(self._run)
        if self._settings.pruner != "none" and not self._is_all(count):
            # half a generation would have been judged otherwise; known starts are judged by nobody
            count = max(count - count % self._settings.generation, min(count, self._planner.num_start))
        return self._run[:count]

    def _lengthen(self) -> None:
        while (trial := self._trial(len(self._run))) is not None:
            self._run.append(trial)

    def _trial(self, number: int) -> Trial | None:
        if self._settings.trials != "auto" and number >= self._settings.trials:
            return None
        outcome = self._files.outcome(number)
        if outcome is None:
            return None
        params = self._planner.params(number)
        spec = settle_params(self._space, params)
        return Trial(number=number, params=params, spec=spec, outcome=outcome, score=score_of(outcome))

    def _is_all(self, count: int) -> bool:
        """Whether these are all trials there are: as many as were asked for, or the whole grid."""
        if self._settings.trials != "auto" and count >= self._settings.trials:
            return True
        generation, position = divmod(count, self._settings.generation)
        plan = self._files.plan(generation)
        return plan is not None and len(plan) <= position

    def _is_hopeless(self, generation: int) -> bool:
        """Whether all that surely is finished by now, whoever trains it, has failed: generations up to g-2."""
        if self._hopeless is None and generation > HOPELESS_GENERATIONS:
            outcomes = [self._files.outcome(number) for number in range((generation - 1) * self._settings.generation)]
            self._hopeless = all(outcome is None or outcome.state == "failed" for outcome in outcomes)
        return self._hopeless is True

    def _tell(self) -> None:
        self._lengthen()
        scores = [trial.score for trial in self._run if trial.score is not None]
        states = [trial.outcome.state for trial in self._run]
        parts = {
            "done": states.count("complete"),
            "growing": self._handed_out,
            "cut": states.count("pruned"),
            "failed": states.count("failed"),
        }
        self._report_progress(
            done=len(self._run),
            total=None if self._settings.trials == "auto" else self._settings.trials,
            best=(max if self._greater_is_better else min)(scores) if scores else None,
            text=", ".join(f"{count} {word}" for word, count in parts.items() if count or word == "done"),
        )


def _with_a_score(outcome: Outcome) -> Outcome:
    """A complete trial whose score is no number has failed."""
    if outcome.state == "complete" and not all(math.isfinite(score) for score in outcome.fold_scores_S):
        return replace(outcome, state="failed", cause="error: its score is not a number", fold_scores_S=())
    return outcome
