"""The ensemble's answers as rows to learn from: what distillation trains one model on (Hinton et al. 2015).

Numbers: each row once, its target the ensemble's out-of-fold value. Classes: each row several times, its classes in
the shares that the ensemble gives them, as near as so many copies allow, and on average exactly (systematic sampling;
Madow 1949). So any learner of hard labels learns from soft ones, whatever its loss, without a word about it.

The rows come as those that augment makes: they lie behind the real ones, so that the real ones keep their ids, and
score the model by the truth.

Legend: n rows, C outputs, R copies.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.columns import typed
from components.core.contracts import Fold, Predictions
from components.core.files import atomic_file
from components.core.seeds import generator
from components.core.table import Schema

COPIES = 4


def drawn_classes(values_nC: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
    """Return classes of the copies [n, R]: class c of a row comes R times its probability, rounded up or down."""
    ends_nC = np.cumsum(values_nC.astype(np.float64), axis=1)
    ends_nC /= ends_nC[:, -1:]
    random = generator(seed, "stacking", "distill")
    points_nR = (random.random((len(values_nC), 1)) + np.arange(COPIES)) / COPIES
    return (points_nR[:, :, None] >= ends_nC[:, None, :-1]).sum(axis=2)


def write_soft_rows(path: Path, stored: Path, schema: Schema, oof: Predictions, seed: int) -> NDArray[np.int64]:
    """Write the rows to learn from, beside `stored` (ingest's Parquet file); return the real row of each."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import types

    table = pq.read_table(stored, partitioning=None)
    if schema.task == "regression":
        sources = oof.rows_n
        target = pa.array(oof.values_nC[:, 0].astype(np.float64))
        kind = table.schema.field(schema.target).type
        if types.is_string(kind) or types.is_large_string(kind):
            target = target.cast(kind)
        taken = table.take(pa.array(sources))
    else:
        classes_nR = drawn_classes(oof.values_nC, seed)
        sources = np.repeat(oof.rows_n, COPIES)
        taken = table.take(pa.array(sources))
        target = _an_example_of_each(table, schema).take(pa.array(classes_nR.ravel()))
    taken = taken.set_column(taken.schema.get_field_index(schema.target), schema.target, target)
    with atomic_file(path) as temporary:
        pq.write_table(taken, temporary, compression="zstd", write_statistics=False)
    return sources


def _an_example_of_each(table: Any, schema: Schema) -> Any:
    """Return each class as it stands in the file: a class may be a number or a truth there [C]."""
    import pyarrow as pa

    column = table.column(schema.target)
    classes_N = typed(column.to_pandas(), "categorical", schema.classes)
    rows = [int(np.flatnonzero(classes_N == number)[0]) for number in range(len(schema.classes))]
    return column.take(pa.array(rows)).combine_chunks()


def soft_folds(folds: Sequence[Fold], sources: NDArray[np.int64], num_real: int) -> list[Fold]:
    """Return the same folds, fitted on the written rows of their fit rows, scored on their own real rows."""
    places = num_real + np.arange(len(sources), dtype=np.int64)
    return [
        Fold(number=fold.number, fit_rows=places[np.isin(sources, fold.fit_rows)], score_rows=fold.score_rows)
        for fold in folds
    ]
