"""What one core does at a time when bagging grows: one linear model, or one batch of trees, of one fold.

A job's result depends on nothing but the job and what the folder of its checkpoint is named after, so that a result
that lies there, from before a kill, a stop or another number of trees, is as good as a new one.

Legend: S folds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Fold
from components.core.member_files import write_bytes
from components.core.seeds import derive, generator
from components.core.table import Table
from components.ensembles.fold_member import FoldModel, Reader, Saved
from components.ensembles.forests import TREES_AT_ONCE, ForestModel, grow_trees
from components.ensembles.linear import LinearModel, fit_linear
from components.ensembles.prepared import Prepared

Kind = Literal["random_forest", "extra_trees", "linear"]
READERS: Mapping[Kind, Reader] = {
    "random_forest": ForestModel.read,
    "extra_trees": ForestModel.read,
    "linear": LinearModel.read,
}
MOST_INNER_ROWS = 4000  # on which the strength of a linear model is chosen


@dataclass(frozen=True)
class Job:
    """One thing that a core does."""

    kind: Kind
    fold: int  # position in the list of folds
    batch: int = 0
    count: int = 0  # trees of this batch; 0 for the linear model


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

    def run(self, job: Job) -> FoldModel:
        """Do one job, and keep its result."""
        prepared, num_outputs = self.prepared[job.fold], self.table.schema.num_outputs
        if job.kind == "linear":
            inner = inner_parts(self.folds, job.fold, self.table.num_real, self.seed)
            model: FoldModel = fit_linear(prepared.fit.numeric_NF, prepared.fit_target, num_outputs, inner)
        else:
            seed = derive(self.seed, "bagging", job.kind, "fold", prepared.fold.number, "batch", job.batch)
            model = grow_trees(
                job.kind, prepared.fit, prepared.fit_target, num_outputs=num_outputs, count=job.count, seed=seed
            )
        path = self._path(job)
        if path is not None:
            from safetensors.numpy import save

            write_bytes(path, save(dict(model.saved().arrays)))
        return model

    def _path(self, job: Job) -> Path | None:
        number = self.folds[job.fold].number
        name = f"{job.kind}-{number}-{job.batch}-{job.count}.safetensors"
        return None if self.checkpoint is None else self.checkpoint / name


def batches(trees: int) -> list[int]:
    """Return how many trees each batch grows; fewer trees are a beginning of the same list."""
    return [TREES_AT_ONCE] * (trees // TREES_AT_ONCE) + ([trees % TREES_AT_ONCE] if trees % TREES_AT_ONCE else [])


def inner_parts(
    folds: Sequence[Fold], position: int, num_real: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Cut the fit rows of a fold into (fit, score) positions along the parts that the other folds score.

    Made rows (ids from `num_real` on) take no part. Of many rows every second, third, ... is taken; with a single
    fold the cut is random.
    """
    rows = folds[position].fit_rows
    real = np.flatnonzero(rows < num_real)
    every = 1 + len(real) // MOST_INNER_ROWS
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
