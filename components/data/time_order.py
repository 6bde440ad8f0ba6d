"""Splits by time: the test rows are the last ones, and every fold is fitted on rows before those that it is scored on.

The train rows are cut into one block more than there are folds. Fold s is scored on block s + 1 and fitted on the
blocks 0 to s: an expanding window (Tashman 2000, "rolling origin"). Nobody is scored on the first block, because nobody
could be fitted before it. Rows of one moment stand on one side: which of them came first, nobody knows.
"""

import numpy as np
from numpy.typing import NDArray

from components.core.columns import to_numbers, to_seconds
from components.core.errors import UserMistake
from components.core.raw_rows import RawRows


def moments_of(raw: RawRows, rows: NDArray[np.int64], name: str) -> NDArray[np.float64]:
    """Return the moment of each of these rows [n]: numbers as they are, dates as seconds. Raises UserMistake."""
    column = raw.column(name).iloc[rows]
    moments_n = to_numbers(column)
    if np.isnan(moments_n).all():
        moments_n = to_seconds(column)
    number = int((~np.isfinite(moments_n)).sum())
    if number == len(rows):
        raise UserMistake(
            f"split.column: '{name}' holds neither dates nor numbers. With split.by: time it says when a row was "
            "known: name the column that does."
        )
    if number:
        raise UserMistake(
            f"split.column: '{name}' is missing, or no date, in {number} of {len(rows)} rows. Every row needs a time."
        )
    return moments_n


def cut_in_order(moments_n: NDArray[np.float64], shares_P: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the part of each row [n]: the first share of the rows is part 0, and so on; equal moments are not torn."""
    _, moment_n, counts = np.unique(moments_n, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(moments_n)
    inner = np.cumsum(shares_P / shares_P.sum())[:-1]
    return np.asarray(np.searchsorted(inner - 1e-12, middle, side="right")[moment_n], dtype=np.int64)


def blocks_of(moments_n: NDArray[np.float64], folds: int, validation_share: float) -> NDArray[np.int16]:
    """Return the fold that scores each train row [n]; -1 is the first block."""
    shares = np.full(folds + 1, 1.0) if folds > 1 else np.array([1 - validation_share, validation_share])
    return (cut_in_order(moments_n, shares) - 1).astype(np.int16)


def refuse_few_moments(moments_n: NDArray[np.float64], folds: int, name: str) -> None:
    """Refuse fewer moments than blocks."""
    found, needed = len(np.unique(moments_n)), folds + 1
    if found < needed:
        can = found - 1
        way_out = f"Write split.folds: {can}." if can >= 1 else "Name a column with more of them."
        raise UserMistake(
            f"split.folds is {folds}, but the train rows have {found} different moments in '{name}': {folds} folds in "
            f"order of time need {needed}. {way_out}"
        )
