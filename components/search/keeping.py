"""The best of a search: which weights are kept on disk, and the training of the best on the folds that they lack.

A trial may have been judged on fewer folds than there are (`search.score_folds`); a member needs out-of-fold
predictions on all of them. And weights of a trial that had left the best are gone: should a smaller `trials` or a
larger `keep` ask for it again, it is trained again, to the same bytes.
"""

import math
from collections.abc import Collection, Iterable, Sequence

from components.core.contracts import Candidate, Evaluate, Fold, Outcome
from components.core.deadlines import Deadline
from components.search.objectives import front
from components.search.result import Kept, Trial
from components.search.spec import SearchSettings
from components.search.study import Study

FIRST = 2  # who are trained before the others, where time may be short: one alone would leave most cores idle


def ranking(trials: Iterable[Trial], *, greater_is_better: bool) -> list[Trial]:
    """Return the complete trials, the best first; the lower number first among equals."""
    scored = [(trial.score, trial) for trial in trials if trial.score is not None]
    scored.sort(key=lambda pair: (-pair[0] if greater_is_better else pair[0], pair[1].number))
    return [trial for _, trial in scored]


def chosen(trials: Sequence[Trial], settings: SearchSettings, *, greater_is_better: bool) -> tuple[list[Trial], int]:
    """Return the complete trials in the order in which they are kept, and how many of them.

    With several objectives the whole front comes first, however many it has.
    """
    ranked = ranking(trials, greater_is_better=greater_is_better)
    if len(settings.objectives) == 1:
        return ranked, settings.keep
    outcomes = [trial.outcome for trial in ranked]
    unbeaten = set(front(outcomes, settings.objectives, greater_is_better=greater_is_better))
    ranked.sort(key=lambda trial: trial.number not in unbeaten)  # stable: each part stays in order of score
    return ranked, max(settings.keep, len(unbeaten))


def drop_weights(
    study: Study,
    trials: Sequence[Trial],
    settings: SearchSettings,
    guarded: Collection[int] = (),
    *,
    greater_is_better: bool,
) -> None:
    """Delete the weights of all these trials but those that would be kept, the guarded ones', and the first one's.

    `trials` must be a run of numbers from 0 on: what is not among its best (or on its front) will not be among the best
    of a longer run.
    """
    ranked, count = chosen(trials, settings, greater_is_better=greater_is_better)
    best = {trial.number for trial in ranked[:count]}
    counting = {trial.number for trial in trials}
    best |= {0, *guarded}  # the first start point: what the whole search is compared with
    for number in study.member_numbers():
        if number in counting - best:
            study.remove_member(number)


class Keeper:
    """Trains what the best lack."""

    def __init__(
        self, study: Study, evaluate: Evaluate, folds: Sequence[Fold], num_score_folds: int, structures: dict[int, str]
    ) -> None:
        self._study = study
        self._evaluate = evaluate
        self._judging = list(folds[:num_score_folds])
        self._lacking = list(folds[num_score_folds:])
        self._structures = structures

    def keep(self, ranked: Sequence[Trial], keep: int, deadline: Deadline) -> list[Kept]:
        """Return the first `keep` of the ranking that can be trained on all folds; the best first.

        What the deadline cuts off is left out, with all that ranks below it, so that the same `keep` gives the same
        members again. Where time may be short the best two are trained before the others; if there is none even for
        that, one is kept with the folds that it was judged on.
        """
        while True:
            wanted = [trial for trial in ranked if not self._failed(trial.number)][:keep]
            lacking = [trial for trial in wanted if not self._whole(trial.number)]
            if not lacking:
                return [self._kept(trial) for trial in wanted]
            if deadline.over():
                return self._cut_off(wanted)
            first = deadline.at < math.inf and lacking[0] is wanted[0]
            self._train(lacking[:FIRST] if first else lacking, deadline)

    def _cut_off(self, wanted: Sequence[Trial]) -> list[Kept]:
        first_cut = next(place for place, trial in enumerate(wanted) if not self._whole(trial.number))
        if first_cut:
            return [self._kept(trial) for trial in wanted[:first_cut]]
        return [self._kept(trial) for trial in wanted if self._study.has_member(trial.number)][:1]

    def _train(self, trials: Sequence[Trial], deadline: Deadline) -> None:
        """Train missing weights, then missing folds."""
        gone = [trial for trial in trials if not self._study.has_member(trial.number)]
        for trial in gone:
            self._study.remove_member(trial.number)
        for outcome in self._run(gone, self._judging, deadline):
            if outcome.state != "complete":
                self._study.record_completed(outcome)
        lacking = [trial for trial in trials if self._study.has_member(trial.number)] if self._lacking else []
        for outcome in self._run(lacking, self._lacking, deadline):
            self._study.record_completed(outcome)

    def _run(self, trials: Sequence[Trial], folds: Sequence[Fold], deadline: Deadline) -> Iterable[Outcome]:
        if not trials or deadline.over():
            return ()
        candidates = [
            Candidate(number=trial.number, spec=trial.spec, structure=self._structures[trial.number])
            for trial in trials
        ]
        return self._evaluate(
            iter([candidates]), folds, report=_drop_none, deadline=deadline, checkpoint=self._study.members
        )

    def _whole(self, number: int) -> bool:
        """Whether the weights of all folds are there."""
        if not self._study.has_member(number):
            return False
        found = self._study.completed(number)
        return not self._lacking or (found is not None and found.state == "complete")

    def _failed(self, number: int) -> bool:
        found = self._study.completed(number)
        return found is not None and found.state != "complete"

    def _kept(self, trial: Trial) -> Kept:
        more = self._study.completed(trial.number)
        scores = trial.outcome.fold_scores_S + (() if more is None else more.fold_scores_S)
        return Kept(
            number=trial.number,
            score=math.fsum(scores) / len(scores),
            fold_scores_S=scores,
            folder=self._study.member(trial.number),
        )


def _drop_none(step: int, scores: object) -> frozenset[int]:
    return frozenset()
