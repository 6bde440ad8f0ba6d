"""Bagging: forests, a regularised linear model, nearest neighbours; one of each per fold, a member is their mean.

The settings, and what grows all of them side by side: the first trees of each forest (a usable answer after seconds),
the linear model (first of all where it has little to do), the neighbours, then more trees, a few at a time, fold by
fold, as many at once as there are cores, one thread each; then all of it again for every further repeat. When the clock
ends it, all forests keep the same number of trees, so that `members`, `trees` and `repeats`, which the result names,
grow the same bytes again without a clock. A member that is not there in every fold is left out. What one core does at a
time is in `bagging_jobs.py`.

A row of a fold is scored by all trees of that fold's forest. A new row is answered by as many, grown beside the folds'
on all rows (`refit.py`), or without that by an equal part of each fold's: measured no worse than one fold's forest.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Annotated, Literal, Protocol

from pydantic import Field

from components.core.contracts import Fold, Metric
from components.core.deadlines import Deadline
from components.core.refit import every_row
from components.core.specs import NONE, Spec, setting
from components.core.table import Table
from components.data.preprocessing.spec import BaggingPreprocess
from components.ensembles.bagging_jobs import FORESTS, JOINED, LITTLE_LINEAR_NUMBERS, Job, Kind, Task, jobs_of
from components.ensembles.fold_member import FoldMember, FoldModel, FoldPart, make_member
from components.ensembles.forests import ForestModel, batches, columns_tried
from components.ensembles.prepared import AnyPreprocess, ByFold, judged, prepare
from components.ensembles.refit import in_place_of_its_folds

MEMBERS = "also nearest_neighbours, by 20 000 rows of a fold at most"
TREES = "trees of a forest that answer a row; one tree is grown on 50 000 rows at most"
ALL_ROWS = "what answers new rows grows beside the folds on all train rows; false: a part of each fold's"
REPEATS = "models per fold, each on rows drawn anew, averaged; a forest has as many times its trees"


class BaggingSpec(Spec):
    """The section `bagging`."""

    members: Annotated[tuple[Kind, ...], Field(min_length=1)] = setting(
        ("random_forest", "extra_trees", "linear"), MEMBERS
    )
    trees: int = setting(200, TREES, ge=1)
    repeats: int = setting(1, REPEATS, ge=1)
    seconds: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        NONE, "a fixed part of the tree's seconds; none = its share"
    )
    refit: bool = setting(True, ALL_ROWS)
    preprocess: BaggingPreprocess = setting(BaggingPreprocess(), "how columns become inputs, for all of these members")

    def settled(self) -> dict[str, object]:
        """Return what all members were grown with."""
        return {"preprocess": self.preprocess.model_dump(mode="json")}


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
    def repeats(self) -> int:
        """Models of a fold that are averaged."""
        ...

    @property
    def refit(self) -> bool:
        """Whether models of all rows answer in the folds' place."""
        ...

    @property
    def preprocess(self) -> AnyPreprocess:
        """What is fitted in each fold before a model is."""
        ...

    def settled(self) -> dict[str, object]:
        """Return what all members were grown with."""
        ...


@dataclass(frozen=True, kw_only=True)
class Bagged:
    """What was grown: `members`, `trees` and `repeats` grow it again without a clock."""

    members: tuple[FoldMember, ...]
    trees: int  # of each forest in each fold and repeat
    repeats: int
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
    seen: ByFold | None = None,
    checkpoint: Path | None = None,
    report_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Bagged:
    """Grow the members; the first one whatever the clock says.

    `seen` stands for `spec.preprocess` where models see what networks see. `checkpoint` is a folder for these rows,
    seed and preprocessing alone: what lies there is not grown again.
    `report_progress` takes jobs done and jobs in all.
    """
    from threadpoolctl import threadpool_limits

    kinds, num_folds = tuple(dict.fromkeys(spec.members)), len(folds)
    if spec.refit and seen is None:  # what a fold sees with a network of its own, no other fold can use
        folds = [*folds, every_row(folds)]
    prepared = prepare(spec.preprocess if seen is None else seen, table, folds, seed)
    task = Task(table=table, folds=folds, prepared=prepared, seed=seed, checkpoint=checkpoint)
    rows, columns = max(len(fold.fit_rows) for fold in folds), prepared[0].fit.numeric_NF.shape[1]
    tried = columns_tried("extra_trees", columns, is_regression=table.schema.task == "regression")
    sizes = batches(spec.trees, rows, tried)
    little = rows * columns * table.schema.num_outputs <= LITTLE_LINEAR_NUMBERS
    jobs = jobs_of(kinds, len(folds), sizes, spec.repeats, linear_first=little)
    with threadpool_limits(limits=1), ThreadPoolExecutor(cores, thread_name_prefix="bagging") as pool:
        results = _run_all(pool, cores, task, jobs, deadline, report_progress)
        models, trees, repeats = _models(results, kinds, len(folds), sizes)
        judging = {
            kind: [pool.submit(judged, prepared[fold], found[fold], metric) for fold in range(num_folds)]
            for kind, found in models.items()
        }
        members = [
            make_member(
                name=kind,
                family=kind,
                spec=spec.settled(),
                table=table.schema.table,
                facts={"trees": trees * repeats} if kind in FORESTS else {"repeats": repeats},
                parts=[_kept(part.result(), num_folds) for part in judging[kind]],
            )
            for kind in models
        ]
    if len(folds) > num_folds:
        members = [
            in_place_of_its_folds(one, prepared[-1], models[kind][-1:])
            for kind, one in zip(models, members, strict=True)
        ]
    return Bagged(
        members=tuple(members),
        trees=trees,
        repeats=repeats,
        ended_by="trees" if len(results) == len(jobs) else "stopped" if deadline.stopped() else "seconds",
    )


def _run_all(
    pool: ThreadPoolExecutor,
    cores: int,
    task: Task,
    jobs: Sequence[Job],
    deadline: Deadline,
    report_progress: Callable[[int, int], None],
) -> dict[Job, FoldModel]:
    """Run the jobs in order; from the first one on that would not be done in time, none is begun any more.

    A batch counts only when all folds have it, so its first fold is begun where there is time for all of them.
    """
    ended = Event()
    seconds: dict[Kind, float] = {}

    def run(position: int) -> FoldModel | None:
        job, is_first = jobs[position], position < len(task.folds)
        if (known := task.known(job)) is not None:
            return known
        turns = 1 if job.fold else -(-len(task.folds) // cores)
        if not is_first and (ended.is_set() or deadline.left() <= turns * _expected(seconds, job.kind)):
            ended.set()
            return None
        began = time.monotonic()
        result = task.run(job) if is_first else task.run(job, deadline.over)
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


def _expected(seconds: Mapping[Kind, float], kind: Kind) -> float:
    """Return how long a job of this kind last took; the longest of any where there was none."""
    return seconds.get(kind, max(seconds.values(), default=0.0))


def _models(
    results: Mapping[Job, FoldModel], kinds: Sequence[Kind], num_folds: int, sizes: Sequence[int]
) -> tuple[dict[Kind, list[FoldModel]], int, int]:
    """Join what the folds have of each kind; return it with the trees of one repeat and the repeats.

    All folds and all forests keep equally much: whole repeats, or a beginning of the first one.
    """
    found: dict[Kind, list[list[FoldModel]]] = {}  # kind, batch, fold
    for kind in kinds:
        batches_of = [[results.get(job) for job in batch] for batch in _by_batch(results, kind, num_folds)]
        whole = itertools.takewhile(lambda batch: None not in batch, batches_of)
        if batches := [[model for model in batch if model is not None] for batch in whole]:
            found[kind] = batches
    repeats = min(len(batches) // (len(sizes) if kind in FORESTS else 1) for kind, batches in found.items())
    grown = min((len(batches) for kind, batches in found.items() if kind in FORESTS), default=0)
    repeats, in_repeat = max(1, repeats), min(grown, len(sizes))
    models = {}
    for kind, batches in found.items():
        kept = batches[: repeats * in_repeat if kind in FORESTS else repeats]
        models[kind] = [JOINED[kind]([batch[fold] for batch in kept]) for fold in range(num_folds)]
    return models, sum(sizes[:in_repeat]), repeats


def _by_batch(results: Mapping[Job, FoldModel], kind: Kind, num_folds: int) -> list[list[Job]]:
    """Return the jobs of a kind, batch after batch, each for all folds."""
    counts = {job.batch: job.count for job in results if job.kind == kind}
    last = max(counts, default=-1)
    return [[Job(kind, fold, batch, counts.get(batch, 0)) for fold in range(num_folds)] for batch in range(last + 1)]


def _kept(part: FoldPart, num_folds: int) -> FoldPart:
    """Return what a member keeps of a fold: of a forest its share of the trees that answer a new row."""
    model = part.model
    return replace(part, model=model.share(num_folds)) if isinstance(model, ForestModel) else part
