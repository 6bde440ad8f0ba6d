"""Networks that were kept train once more, on all train rows, and answer in the place of their folds'.

As many as there were folds, each from a beginning of its own; early stopping has nothing left to look at, so they are
trained for a quarter more epochs than were best for the folds (more rows bear more; never more than `epochs` allows),
through a schedule of that length. Against the folds' networks on the rows that nobody had seen: kin8nm 4 % less error,
vehicle 8 % less log loss, credit_g the same. What was answered out of fold stays, because it judges the member.

Networks that know the rows that they have seen less well than the folds' knew rows that they had not went astray: then
the old ones stay. How long training takes is known from the search: where not even the best one would be done in time
none is begun. After that one it goes on until the clock ends it: nobody else needs these seconds.

Boosters and forests: `components/ensembles/refit.py`.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from components.core.contracts import JSON, Candidate, Evaluate, Fold, Outcome, Report
from components.core.deadlines import Deadline
from components.core.files import atomic_folder
from components.core.refit import every_row
from components.training.member import FoldNetwork, NetworkMember, load_network

MORE_EPOCHS = 1.25
STEP = 20_000  # multiply-adds: what a row costs beside its products
SLOWEST, SLOWER = 1.8, 1.3  # than in a search: few networks stacked; the first one must be done, or all was in vain
BEGIN_SECONDS = 3.0  # until workers have prepared all rows
MOST_SEEN_ROWS = 10_000


class Timed:
    """An `Evaluate` that knows how much training its outcomes were, and how long that took."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self.work = 0.0  # multiply-adds times epochs, of folds
        self.seconds = 0.0

    def __call__(
        self,
        generations: Iterator[Sequence[Candidate]],
        folds: Sequence[Fold],
        *,
        report: Report,
        deadline: Deadline,
        checkpoint: Path,
    ) -> Iterator[Outcome]:
        """See `Evaluate`."""
        rows = sum(len(fold.fit_rows) for fold in folds) / len(folds)
        before, began = self.seconds, time.monotonic()
        for outcome in self._evaluate(generations, folds, report=report, deadline=deadline, checkpoint=checkpoint):
            if outcome.facts:
                self.work += work_of(outcome.facts, float(outcome.facts["epochs"]), rows * len(outcome.fold_scores_S))
            self.seconds = before + time.monotonic() - began
            yield outcome

    def seconds_for(self, work: float) -> float:
        """Return how long so much takes; 0 where nothing is known."""
        return self.seconds * work / self.work if self.work else 0.0


def work_of(facts: Mapping[str, Any], epochs: float, rows: float) -> float:
    """Return multiply-adds of the forward pass, about, and what a step costs beside."""
    return epochs * rows * (float(facts["operations"]) + STEP)


def refit(
    evaluate: Timed,
    members: Sequence[Path],
    folds: Sequence[Fold],
    *,
    greater_is_better: bool,
    deadline: Deadline,
    scratch: Path,
) -> int:
    """Train members again, the best first, and replace their folders; return how many were done before the clock ended.

    So many train the same again without a clock. `scratch`: a folder for what comes between.
    """
    every = _judged(every_row(folds), folds)
    begun: list[tuple[int, Path, NetworkMember]] = []

    def generations() -> Iterator[Sequence[Candidate]]:
        """A generation is one member, and two are begun at most: the clock cuts off no others."""
        for folder in members:
            member = load_network(folder)
            spec, count = spec_of(member), len(member.folds)
            seconds = evaluate.seconds_for(_work(member, len(every.fit_rows)))
            if count < len(folds) or deadline.over() or (seconds > deadline.left() and not begun):
                return
            number = int(member.name.rpartition("-")[2]) * count
            begun.append((number, folder, member))
            yield [Candidate(number=number + one, spec=spec, structure=member.structure) for one in range(count)]

    outcomes = evaluate(
        generations(), [every], report=lambda step, scores: frozenset(), deadline=deadline, checkpoint=scratch
    )
    found = {outcome.number: outcome.folder for outcome in outcomes}
    done = 0
    for number, folder, member in begun:
        mine = range(number, number + len(member.folds))
        if not found.keys() >= set(mine):  # cut off
            break
        new = [load_network(path).folds[0] for one in mine if (path := found[one]) is not None]
        if len(new) == len(mine) and _is_sound(new, member, greater_is_better):
            facts = {**member.facts, "refit_rows": len(every.fit_rows)}
            with atomic_folder(folder) as whole:
                replace(member, folds=tuple(map(_in_its_place, member.folds, new)), facts=facts).save(whole)
        done += 1
    return done


def seconds_for(members: Sequence[Path], evaluate: Timed, folds: Sequence[Fold], within: float) -> float:
    """Return how long it will take, about, to train the first members again, as many as there is time for.

    `within`: seconds there are. 0 where not even the best one would be done; those that lack folds are not trained.
    """
    rows, seconds = len(every_row(folds).fit_rows), BEGIN_SECONDS
    for number, member in enumerate(map(load_network, members)):
        more = (SLOWER if number else SLOWEST) * evaluate.seconds_for(_work(member, rows))
        if len(member.folds) < len(folds) or seconds + more > within:
            return seconds if number else 0.0
        seconds += more
    return seconds


def _work(member: NetworkMember, rows: int) -> float:
    """Return what `work_of` counts to train a member again on so many rows."""
    return work_of(member.facts, spec_of(member)["training"]["epochs"], rows * len(member.folds))


def _judged(every: Fold, folds: Sequence[Fold]) -> Fold:
    """Let the fold of all rows be scored on some of them: whoever has learned them must know them."""
    rows = np.sort(np.concatenate([fold.score_rows for fold in folds]))
    return replace(every, score_rows=rows[:: 1 + len(rows) // MOST_SEEN_ROWS])


def _is_sound(new: Sequence[FoldNetwork], member: NetworkMember, greater_is_better: bool) -> bool:
    """Whether the networks know rows that they have seen as well as the folds' networks knew rows that they had not."""
    known, promised = (float(np.mean([fold.score for fold in folds])) for folds in (new, member.folds))
    return known >= promised if greater_is_better else known <= promised


def _in_its_place(old: FoldNetwork, new: FoldNetwork) -> FoldNetwork:
    return replace(old, preprocessor=new.preprocessor, scaler=new.scaler, tensors=new.tensors, inputs=new.inputs)


def spec_of(member: NetworkMember) -> JSON:
    """Return the settings of a member for all rows: how many epochs, and none left out at the end."""
    training = dict(member.spec["training"])
    best = float(member.facts["best_epoch"])
    training |= {"epochs": max(1, min(round(MORE_EPOCHS * best), training["epochs"])), "early_stopping": "none"}
    return {**member.spec, "training": training}
