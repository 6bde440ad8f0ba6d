"""Bagging: random forest, extra trees and a regularised linear model, each one model per fold; a member is their mean.

The settings, and what grows all of them side by side: the linear model first (a usable answer after seconds), then
the forests, twenty trees at a time, fold by fold, as many at once as there are cores, one thread each. When the clock
ends it, all forests keep the same number of trees, so that `members` and `trees`, which the result names, grow the
same bytes again without a clock. A forest without a first batch in every fold is left out. What one core does at a
time is in `bagging_jobs.py`.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Literal, Protocol

from pydantic import Field

from components.core.contracts import Fold, Metric
from components.core.deadlines import Deadline
from components.core.specs import NONE, Spec, setting
from components.core.table import Table
from components.data.preprocessing.spec import BaggingPreprocess
from components.ensembles.bagging_jobs import Job, Kind, Task, batches
from components.ensembles.fold_member import FoldMember, FoldModel, make_member
from components.ensembles.forests import joined
from components.ensembles.prepared import AnyPreprocess, judged, prepare


class BaggingSpec(Spec):
    """The section `bagging`."""

    members: Annotated[tuple[Kind, ...], Field(min_length=1)] = setting(
        ("random_forest", "extra_trees", "linear"), "what is grown: random_forest, extra_trees, linear"
    )
    trees: int = setting(200, "trees of a forest, in each fold", ge=1)
    seconds: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        NONE, "a fixed part of the tree's seconds; none = its share"
    )
    preprocess: BaggingPreprocess = setting(BaggingPreprocess(), "how columns become inputs, for all of these members")

    def settled(self, kind: Kind, preprocess: AnyPreprocess, trees: int) -> dict[str, object]:
        """Return what one member was grown with."""
        words: dict[str, object] = {"preprocess": preprocess.model_dump(mode="json")}
        return words if kind == "linear" else {**words, "trees": trees}


class Settings(Protocol):
    """What growing asks of a section `bagging`, whatever kind of data it is about."""

    @property
    def members(self) -> tuple[Kind, ...]:
        """What is grown."""
        ...

    @property
    def trees(self) -> int:
        """Trees of a forest, in each fold."""
        ...

    @property
    def preprocess(self) -> AnyPreprocess:
        """What is fitted in each fold before a model is."""
        ...

    def settled(self, kind: Kind, preprocess: AnyPreprocess, trees: int) -> dict[str, object]:
        """Return what one member was grown with."""
        ...


@dataclass(frozen=True, kw_only=True)
class Bagged:
    """What was grown: `members` and `trees` grow it again without a clock."""

    members: tuple[FoldMember, ...]
    trees: int  # of each forest in each fold
    ended_by: Literal["trees", "seconds", "stopped"]


def grow_bagging(
    spec: Settings,
    table: Table,
    folds: Sequence[Fold],
    *,
    metric: Metric,
    seed: int,
    cores: int,
    deadline: Deadline,
    checkpoint: Path | None = None,
    report_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Bagged:
    """Grow the members; the first one whatever the clock says.

    `checkpoint` is a folder for these rows, seed and preprocessing alone: what lies there is not grown again.
    `report_progress` takes jobs done and jobs in all.
    """
    from threadpoolctl import threadpool_limits

    kinds = tuple(dict.fromkeys(spec.members))
    prepared = prepare(spec.preprocess, table, folds, seed)
    task = Task(table=table, folds=folds, prepared=prepared, seed=seed, checkpoint=checkpoint)
    jobs = jobs_of(kinds, len(folds), spec.trees)
    with threadpool_limits(limits=1), ThreadPoolExecutor(cores, thread_name_prefix="bagging") as pool:
        results = _run_all(pool, task, jobs, deadline, report_progress)
        models, trees = _models(results, kinds, len(folds), spec.trees)
        judging = {
            kind: [pool.submit(judged, one, model, metric) for one, model in zip(prepared, found, strict=True)]
            for kind, found in models.items()
        }
        members = tuple(
            make_member(
                name=kind,
                family=kind,
                spec=spec.settled(kind, spec.preprocess, trees),
                table=table.schema.table,
                facts={"trees": trees} if kind != "linear" else {},
                parts=[part.result() for part in judging[kind]],
            )
            for kind in kinds
            if kind in judging
        )
    whole = len(results) == len(jobs)
    return Bagged(
        members=members, trees=trees, ended_by="trees" if whole else "stopped" if deadline.stopped() else "seconds"
    )


def jobs_of(kinds: Sequence[Kind], num_folds: int, trees: int) -> list[Job]:
    """Return all jobs in the order in which they begin."""
    jobs = [Job("linear", fold) for fold in range(num_folds) if "linear" in kinds]
    for batch, count in enumerate(batches(trees)):
        forests = [kind for kind in kinds if kind != "linear"]
        jobs += [Job(kind, fold, batch, count) for kind in forests for fold in range(num_folds)]
    return jobs


def _run_all(
    pool: ThreadPoolExecutor,
    task: Task,
    jobs: Sequence[Job],
    deadline: Deadline,
    report_progress: Callable[[int, int], None],
) -> dict[Job, FoldModel]:
    """Run the jobs in order; from the first one on that would not be done in time, none is begun any more."""
    ended = Event()
    seconds: dict[Kind, float] = {}

    def run(position: int) -> FoldModel | None:
        job = jobs[position]
        if (known := task.known(job)) is not None:
            return known
        if position >= len(task.folds) and (ended.is_set() or deadline.left() <= seconds.get(job.kind, 0.0)):
            ended.set()
            return None
        began = time.monotonic()
        result = task.run(job)
        seconds[job.kind] = time.monotonic() - began
        return result

    running: dict[Future[FoldModel | None], Job] = {
        pool.submit(run, position): job for position, job in enumerate(jobs)
    }
    results = {}
    try:
        for finished in as_completed(running):
            result = finished.result()
            if result is not None:
                results[running[finished]] = result
                report_progress(len(results), len(jobs))
    finally:
        for future in running:
            future.cancel()
    return results


def _models(
    results: dict[Job, FoldModel], kinds: Sequence[Kind], num_folds: int, trees: int
) -> tuple[dict[Kind, list[FoldModel]], int]:
    """Join batches to forests of the same number of trees; leave out what is not whole in every fold."""
    sizes, folds = batches(trees), range(num_folds)
    models: dict[Kind, list[FoldModel]] = {}
    whole: dict[Kind, int] = {}  # batches that a forest has in every fold, without a gap
    for kind in kinds:
        if kind == "linear" and all(Job(kind, fold) in results for fold in folds):
            models[kind] = [results[Job(kind, fold)] for fold in folds]
        elif kind != "linear":
            lacks = (b for b, count in enumerate(sizes) if any(Job(kind, f, b, count) not in results for f in folds))
            whole[kind] = next(lacks, len(sizes))
    common = min((count for count in whole.values() if count), default=0)
    for kind in (kind for kind, count in whole.items() if count):
        models[kind] = [
            joined([results[Job(kind, fold, b, count)] for b, count in enumerate(sizes[:common])]) for fold in folds
        ]
    return models, sum(sizes[:common])
