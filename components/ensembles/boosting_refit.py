"""Boosters that were kept, grown again on all rows (`refit.py`): for how many rounds, and what the clock leaves.

More rows bear more rounds: a booster stops after a quarter more than its folds did on average. On seven tables 1.2 to
1.4 times were better than as many (ensembles of vehicle, phoneme, california_housing, kin8nm), or the same. Of folds
that differ in size (a split by time) the largest ones are asked. Where the time ends first, the folds go on answering.

What a booster draws (rows and columns of each tree) tells on a small table: there three grow, and answer together.
"""

import itertools
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.core.contracts import Fold
from components.core.deadlines import Deadline
from components.core.files import atomic_folder
from components.core.refit import every_row
from components.core.seeds import derive
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.ensembles.boosting_libraries import asked_of
from components.ensembles.boosting_member import BoosterModel, load_booster
from components.ensembles.fold_member import FoldMember
from components.ensembles.prepared import AnyPreprocess, Prepared, prepare
from components.ensembles.refit import in_place_of_its_folds

MORE_ROUNDS = 1.25
FEW_ROWS, TOGETHER = 5000, 3  # of a table on which one booster is not enough; so many are
AS_LARGE = 0.9  # of the largest fold's rows: folds that say how many rounds
Known = dict[AnyPreprocess, Prepared]


def refit(evaluate: BoosterEvaluate, members: Sequence[Path], folds: Sequence[Fold], deadline: Deadline) -> int:
    """Grow members again, the best first, and replace their folders; return how many were done before the clock ended.

    So many grow the same again without a clock. Left as they are: boosters of a part of the rows, and what a library
    refuses.
    """
    known: Known = {}
    jobs: list[Future[FoldMember | None]] = []
    with ThreadPoolExecutor(evaluate.cores, thread_name_prefix="refit") as pool:
        for folder in () if deadline.over() else members:  # to prepare all rows takes seconds of a large table
            member = load_booster(folder)
            prepared = _prepared(known, evaluate, member, folds)
            jobs.append(pool.submit(_again, evaluate, member, prepared, folds, deadline))
    done = list(itertools.takewhile(lambda member: member is not None, (job.result() for job in jobs)))
    for folder, grown in zip(members, done, strict=False):
        assert grown is not None, "the first ones, up to one that was cut off"
        with atomic_folder(folder) as new:
            grown.save(new)
    return len(done)


def _prepared(known: Known, evaluate: BoosterEvaluate, member: FoldMember, folds: Sequence[Fold]) -> Prepared:
    """Prepare all rows once for all members with the same preprocessing."""
    spec = evaluate.preprocess_of(member.spec)
    if spec not in known:
        known[spec] = prepare(spec, evaluate.table, [every_row(folds)], evaluate.seed)[0]
    return known[spec]


def _again(
    evaluate: BoosterEvaluate, member: FoldMember, prepared: Prepared, folds: Sequence[Fold], deadline: Deadline
) -> FoldMember | None:
    """Return the member as it shall be; None: the clock ended it."""
    if deadline.over():
        return None
    if not isinstance(asked_of(member.spec)[1].rows, str):
        return member
    models: list[BoosterModel] = []
    for number in range(TOGETHER if len(prepared.fold.fit_rows) < FEW_ROWS else 1):
        seed = derive(evaluate.seed, "boosting", member.name, "refit", number)
        try:
            found = evaluate.grow(member.spec, seed, prepared, deadline.over, rounds_of(member, folds))
        except (MemoryError, ValueError):  # what a library refuses: the folds are as good as they were
            return member
        if found is None:
            return None
        if number == 1 and found[0].content == models[0].content:  # nothing is drawn
            break
        models.append(found[0])
    again = in_place_of_its_folds(member, prepared, models)
    return replace(again, facts={**again.facts, "trees": models[0].trees})


def rounds_of(member: FoldMember, folds: Sequence[Fold]) -> int:
    """Return after how many rounds a booster of all rows stops."""
    size = {fold.number: len(fold.fit_rows) for fold in folds}
    most = max(size[part.number] for part in member.parts)
    saved = [part.model.saved().json for part in member.parts if size[part.number] >= AS_LARGE * most]
    rounds = [one["trees"] / (one["num_outputs"] if one["task"] == "multiclass" else 1) for one in saved]
    return max(1, round(MORE_ROUNDS * float(np.mean(rounds))))
