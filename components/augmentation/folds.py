"""The folds of split, completed by the rows that augment made. Every stage that trains reads its folds through this.

A row made inside part p, from rows of p alone, is fitted on by the folds that fit the rows of p: then no fold is scored
on a row that one of its own fit rows was made from, and with a split by time none learns from a later part. Part -1
(train rows that no fold scores) gives its rows to all folds. Made rows
have the ids behind the real ones, as `components.core.table.Table.open(schema, table, made)` numbers them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Fold
from components.core.files import read_json, read_parquet


def parts_of(folds: Sequence[Fold]) -> dict[int, NDArray[np.int64]]:
    """Return the parts in which rows are made: the scored rows of each fold, and -1 for the train rows of no fold.

    Of a single fold nothing is made in the scored part: nobody could fit on it.
    """
    parts = {fold.number: fold.score_rows for fold in folds}
    train = np.unique(np.concatenate([rows for fold in folds for rows in (fold.fit_rows, fold.score_rows)]))
    rest = np.setdiff1d(train, np.concatenate(list(parts.values())))
    if len(folds) == 1:
        return {-1: rest}
    return {-1: rest, **parts} if len(rest) else parts


def made_file(augment_folder: Path) -> Path | None:
    """Return the file of made rows, to open the table with; None when augment made none."""
    path = augment_folder / "made.parquet"
    return path if path.exists() else None


def read_folds_with_made(folds: Sequence[Fold], augment_folder: Path, table_hash: str) -> list[Fold]:
    """Return the folds of split with the ids of made rows behind their fit_rows; the same folds when there are none.

    `table_hash` is that of the table the folds' row ids are for (`Schema.table`); augment must have seen the same.
    """
    facts = read_json(augment_folder / "augment.json")
    assert facts["table"] == table_hash, f"made rows are for table {facts['table']}, the folds for {table_hash}"
    if not facts["made"]:
        return list(folds)
    part_m = read_parquet(augment_folder / "made_rows.parquet")["fold"]
    ids_m = facts["rows"] + np.arange(len(part_m), dtype=np.int64)
    found = []
    for fold in folds:
        others = [one.number for one in folds if np.isin(one.score_rows[:1], fold.fit_rows).all()]
        found.append(replace(fold, fit_rows=np.concatenate([fold.fit_rows, ids_m[np.isin(part_m, [-1, *others])]])))
    return found
