"""What every stage that trains stands on: the table with its made rows, the folds, the metric. No search in here."""

from dataclasses import dataclass

import numpy as np

from components import metrics
from components.augmentation.folds import made_file, read_folds_with_made
from components.core.contracts import Fold
from components.core.table import Schema, Table
from components.data.splits import read_folds
from pipelines.engine.stage import Stage


@dataclass(frozen=True, kw_only=True)
class TrainRows:
    """What a stage that trains stands on."""

    table: Table  # real rows, made rows behind them
    folds: tuple[Fold, ...]
    metric: metrics.Score

    @property
    def num_real(self) -> int:
        """Train rows that are not made."""
        rows = np.unique(np.concatenate([part for fold in self.folds for part in (fold.fit_rows, fold.score_rows)]))
        return int((rows < self.table.num_real).sum())


def open_train_rows(stage: Stage) -> TrainRows:
    """Open table, folds and metric. Raises UserMistake when the metric does not score this kind of task."""
    schema = Schema.read(stage.input("split") / "schema.json")
    _, folds = read_folds(stage.input("split"))
    return TrainRows(
        table=Table.open(schema, stage.input("ingest") / "table.parquet", made_file(stage.input("augment"))),
        folds=tuple(read_folds_with_made(folds, stage.input("augment"), schema.table)),
        metric=metrics.resolve(stage.metric, schema.task),
    )
