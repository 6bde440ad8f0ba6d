"""What one core does at a time when bagging grows: one model, or one batch of trees, of one fold.

A job's result depends on nothing but the job and what the folder of its checkpoint is named after, so that a result
that lies there, from before a kill, a stop or another number of trees, is as good as a new one.

Legend: S folds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Fold
from components.core.member_files import write_bytes
from components.core.seeds import derive, generator
from components.core.table import Table
from components.ensembles import forests, linear, nearest_neighbours
from components.ensembles.fold_member import FoldModel, Reader, Saved
from components.ensembles.forests import ForestModel
from components.ensembles.linear import LinearModel, OutOfTimeError
from components.ensembles.nearest_neighbours import NeighboursModel
from components.ensembles.prepared import Prepared

Kind = Literal["random_forest", "extra_trees", "linear", "nearest_neighbours"]
FORESTS: tuple[Kind, ...] = ("extra_trees", "random_forest")  # the quicker first
QUICK: tuple[Kind, ...] = ("linear", "nearest_neighbours")  # the others, in the order in which they begin
READERS: Mapping[Kind, Reader] = {
    "random_forest": ForestModel.read,
    "extra_trees": ForestModel.read,
    "linear": LinearModel.read,
    "nearest_neighbours": NeighboursModel.read,
}
JOINED: Mapping[Kind, Callable[[Sequence[FoldModel]], FoldModel]] = {
    "random_forest": forests.joined,
    "extra_trees": forests.joined,
    "linear": linear.joined,
    "nearest_neighbours": nearest_neighbours.joined,
}
MOST_LINEAR_ROWS = 200_000  # that a linear model is fitted on
MOST_LINEAR_NUMBERS = 60_000_000  # rows times columns times outputs: of 784 pixels and ten classes 7653 rows
LITTLE_LINEAR_NUMBERS = 1_000_000  # up to so many it takes no longer than the first trees: .01 to .4 s a fold
MOST_INNER_ROWS = 4000  # on which the strength of a linear model is chosen


@dataclass(frozen=True)
class Job:
    """One thing that a core does."""

    kind: Kind
    fold: int  # position in the list of folds
    batch: int = 0  # of trees; for others the repeat
    count: int = 0  # trees of this batch; 0 for what is no forest


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all jobs share."""

    table: Table
    folds: Sequence[Fold]
    prepared: Sequence[Prepared]
    seed: int
    checkpoint: Path | None

    def known(self, job: Job) -> FoldModel | None:
        """Return what was grown before."""
        path = self._path(job)
        if path is None or not path.exists():
            return None
        from safetensors.numpy import load_file

        return READERS[job.kind](Saved(arrays=load_file(path), json={}))

    def run(self, job: Job, cut_off: Callable[[], bool] = lambda: False) -> FoldModel | None:
        """Do one job, and keep its result; None where `cut_off` ended it first (linear models; others are short)."""
        prepared, num_outputs = self.prepared[job.fold], self.table.schema.num_outputs
        x_nF, y_n, number = prepared.fit.numeric_NF, prepared.fit_target, prepared.fold.number
        model: FoldModel
        if job.kind in FORESTS:
            seed = derive(self.seed, "bagging", job.kind, "fold", number, "batch", job.batch)
            model = forests.grow_trees(job.kind, prepared.fit, y_n, num_outputs=num_outputs, count=job.count, seed=seed)
        elif job.kind == "linear":
            inner = inner_parts(self.folds, job.fold, self.table.num_real, self.seed, MOST_INNER_ROWS)
            most = min(MOST_LINEAR_ROWS, MOST_LINEAR_NUMBERS // max(1, x_nF.shape[1] * num_outputs))
            try:
                model = linear.fit_linear(x_nF, y_n, num_outputs, inner, self._drawn(job, most), cut_off)
            except OutOfTimeError:
                return None
        else:
            inner = inner_parts(self.folds, job.fold, self.table.num_real, self.seed)
            stored = np.unique(self._drawn(job, nearest_neighbours.MOST_ROWS))
            model = nearest_neighbours.fit_neighbours(x_nF, y_n, num_outputs, inner, stored)
        path = self._path(job)
        if path is not None:
            from safetensors.numpy import save

            write_bytes(path, save(dict(model.saved().arrays)))
        return model

    def _drawn(self, job: Job, most: int) -> NDArray[np.int64]:
        """Return the positions of the fit rows that a repeat is fitted on, in order: all the first time.

        Later repeats draw as many with replacement, as Breiman's bagging does. Of more rows than `most` a part is
        drawn each time, without.
        """
        num_rows = len(self.prepared[job.fold].fit_target)
        random = generator(self.seed, "bagging", job.kind, "fold", self.folds[job.fold].number, "repeat", job.batch)
        if num_rows > most:
            return np.sort(random.permutation(num_rows)[:most])
        if job.batch:
            return np.sort(random.integers(0, num_rows, num_rows))
        return np.arange(num_rows)

    def _path(self, job: Job) -> Path | None:
        number = self.folds[job.fold].number
        name = f"{job.kind}-{number}-{job.batch}-{job.count}.safetensors"
        return None if self.checkpoint is None else self.checkpoint / name


def jobs_of(
    kinds: Sequence[Kind], num_folds: int, sizes: Sequence[int], repeats: int, *, linear_first: bool = False
) -> list[Job]:
    """Return all jobs in the order in which they begin; `sizes` are those of the batches of trees of one repeat.

    The first trees come before the others: of few seconds they make more than a linear model that takes longer. One
    that does not is `linear_first`: of a few hundred rows loading what grows trees takes most of such seconds.
    """
    jobs: list[Job] = []
    quick = [kind for kind in QUICK if kind in kinds]
    forests = [kind for kind in FORESTS if kind in kinds]
    for repeat in range(repeats):
        of_trees = [
            Job(kind, fold, batch, count)
            for batch, count in enumerate(sizes, start=repeat * len(sizes))
            for kind in forests
            for fold in range(num_folds)
        ]
        of_others = [Job(kind, fold, repeat) for kind in quick for fold in range(num_folds)]
        small_forests = len(forests) * num_folds
        jobs += [*of_trees[:small_forests], *of_others, *of_trees[small_forests:]]
    if linear_first:
        jobs.sort(key=lambda job: (job.kind, job.batch) != ("linear", 0))  # stable: the others stay in order
    return jobs


def inner_parts(
    folds: Sequence[Fold], position: int, num_real: int, seed: int, most_rows: int | None = None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cut the fit rows of a fold into (fit, score) positions along the parts that the other folds score.

    Made rows (ids from `num_real` on) take no part. Of more than `most_rows` every second, third, ... is taken; with
    a single fold the cut is random.
    """
    rows = folds[position].fit_rows
    real = np.flatnonzero(rows < num_real)
    every = 1 if most_rows is None else 1 + len(real) // most_rows
    real, pairs = real[::every], []
    for other in folds:
        scored = real[np.isin(rows[real], other.score_rows)]
        if other is not folds[position] and 0 < len(scored) < len(real):
            pairs.append((np.setdiff1d(real, scored), scored))
    if not pairs and len(real) >= 2:
        mixed = generator(seed, "bagging", "inner").permutation(real)
        cut = max(1, len(mixed) // 5)
        pairs.append((np.sort(mixed[cut:]), np.sort(mixed[:cut])))
    return pairs
