"""Why one row got its answer: what each member says, which columns moved it, which train rows are most like it.

A column's part is how far the answer moves, on average, when its value is replaced by those of train rows (the change
in prediction of Štrumbelj and Kononenko 2010, one column at a time). Likeness is Gower's (1971): the mean over
columns of the distance as a share of the train rows' range, or 0 and 1 for levels; over pixels for pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.core.contracts import Member
from components.core.table import IMAGE, Table

AT_ONCE = 1024  # pictures compared at a time
REPLACED_BY = 30  # train rows whose values take the place of the row's own
ALIKE = 5


@dataclass(frozen=True, kw_only=True)
class RowStory:
    """What is known about one answer; `output` is the class it is about (0 for numbers)."""

    output: int
    answer: float  # probability of that class, or the number
    votes: tuple[tuple[str, float], ...]  # each member's own answer
    columns: tuple[tuple[str, str, float], ...]  # name, value, by how much it moved the answer; largest first
    alike: tuple[tuple[int, float], ...]  # train row, distance 0..1; nearest first


def tell_row(
    ensemble: Member,
    members: Sequence[Member],
    table: Table,
    row: int,
    train_rows: NDArray[np.int64],
    rng: np.random.Generator,
) -> RowStory:
    """Tell about row id `row` of the table; `train_rows` are those that values and neighbours are taken from."""
    here = np.array([row])
    answer_C = ensemble.predict(table, here)[0]
    output = int(np.argmax(answer_C))
    votes = [(member.name, float(member.predict(table, here)[0, output])) for member in members]
    return RowStory(
        output=output,
        answer=float(answer_C[output]),
        votes=tuple(votes),
        columns=tuple(_columns(ensemble, table, row, train_rows, rng, output, float(answer_C[output]))),
        alike=tuple(_alike(table, row, train_rows[train_rows != row])),
    )


def _columns(
    ensemble: Member,
    table: Table,
    row: int,
    train_rows: NDArray[np.int64],
    rng: np.random.Generator,
    output: int,
    answer: float,
) -> list[tuple[str, str, float]]:
    if table.schema.picture is not None:  # no columns to tell apart
        return []
    names = [column.name for column in table.schema.features]
    own = table.raw(np.array([row]))
    others = table.raw(rng.choice(train_rows, size=min(REPLACED_BY, len(train_rows)), replace=False))
    blocks = []
    for name in names:
        block = pd.concat([own] * len(others), ignore_index=True)
        block[name] = others[name].to_numpy()
        blocks.append(block)
    values_NC = ensemble.predict(Table.of(table.schema, pd.concat(blocks, ignore_index=True)))
    moved = answer - values_NC[:, output].reshape(len(names), len(others)).mean(axis=1, dtype=np.float64)
    texts = ["missing" if pd.isna(own[name].iloc[0]) else str(own[name].iloc[0]) for name in names]
    order = sorted(range(len(names)), key=lambda c: (-abs(moved[c]), names[c]))
    return [(names[c], texts[c], float(moved[c])) for c in order]


def _alike(table: Table, row: int, train_rows: NDArray[np.int64]) -> list[tuple[int, float]]:
    if table.schema.picture is not None:
        return _alike_pictures(table, row, train_rows)
    total = np.zeros(len(train_rows))
    for column in table.schema.features:
        values = table.column(column.name)
        mine, others = values[row], values[train_rows]
        if column.kind in ("categorical", "text"):
            total += others != mine
            continue
        width = (column.high - column.low) if column.low is not None and column.high is not None else 1.0
        apart = np.minimum(1.0, np.abs(others - mine) / (width or 1.0))
        both_missing = np.isnan(others) & np.isnan(mine)
        total += np.where(both_missing, 0.0, np.where(np.isnan(apart), 1.0, apart))
    mean = total / max(1, len(table.schema.features))
    order = np.argsort(mean, kind="stable")[:ALIKE]
    return [(int(train_rows[i]), float(mean[i])) for i in order]


def _alike_pictures(table: Table, row: int, train_rows: NDArray[np.int64]) -> list[tuple[int, float]]:
    """Find the pictures whose pixels differ least, on average, as a share of full brightness."""
    own = table.array(IMAGE, np.array([row])).astype(np.float32)
    apart = [
        np.abs(table.array(IMAGE, train_rows[start : start + AT_ONCE]) - own).mean(axis=(1, 2, 3)) / 255.0
        for start in range(0, len(train_rows), AT_ONCE)
    ]
    mean = np.concatenate(apart) if apart else np.zeros(0)
    order = np.argsort(mean, kind="stable")[:ALIKE]
    return [(int(train_rows[i]), float(mean[i])) for i in order]
