"""Out-of-fold predictions on disk: one form for networks, boosters, forests, linear models."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from components.core.contracts import Predictions
from components.core.files import read_parquet, write_parquet


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write Parquet with the columns rows, fold, value_0, value_1, ..."""
    values = {f"value_{c}": predictions.values_nC[:, c] for c in range(predictions.values_nC.shape[1])}
    write_parquet(path, {"rows": predictions.rows_n, "fold": predictions.fold_n, **values})


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote."""
    columns = read_parquet(path)
    values = [columns[f"value_{c}"] for c in range(len(columns) - 2)]
    return Predictions(
        rows_n=columns["rows"].astype(np.int64),
        fold_n=columns["fold"].astype(np.int16),
        values_nC=np.column_stack(values).astype(np.float32),
    )


def joined(parts: Iterable[Predictions]) -> Predictions:
    """Lay the predictions of several folds together, in order of row id; folds that have none say nothing."""
    given = list(parts)
    found = [part for part in given if len(part.rows_n)] or given
    rows_n = np.concatenate([part.rows_n for part in found])
    order = np.argsort(rows_n, kind="stable")
    return Predictions(
        rows_n=rows_n[order],
        fold_n=np.concatenate([part.fold_n for part in found])[order],
        values_nC=np.concatenate([part.values_nC for part in found])[order],
    )


def read_member_oof(folder: Path) -> Predictions:
    """Join the out-of-fold predictions of all folds that a member folder holds."""
    return joined(read_predictions(path) for path in sorted(folder.glob("oof-*.parquet")))
