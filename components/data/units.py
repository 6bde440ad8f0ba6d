"""What a split must not tear apart: copies of a row, the rows of a group, and groups that share copies of a row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text
from components.core.errors import UserMistake
from components.core.raw_rows import RawRows
from components.data.duplicates import groups_of, row_hashes


def units_of(raw: RawRows, rows: NDArray[np.int64], features: Sequence[str], group: str | None) -> NDArray[np.int64]:
    """Number the units of the rows [n], from 0 without gaps. Raises UserMistake where a row has no group."""
    copies_n = groups_of(row_hashes((raw.column(name) for name in features), len(raw))[rows])
    if group is None:
        return copies_n
    groups = as_text(raw.column(group)).iloc[rows]
    if groups.isna().any():
        number = int(groups.isna().sum())
        raise UserMistake(
            f"split.column: '{group}' is missing in {number} of {len(rows)} rows. Every row needs a group."
        )
    return _joined(copies_n, groups_of(row_hashes([groups], len(groups))))


def _joined(a_n: NDArray[np.int64], b_n: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the connected pieces: rows with equal `a` or equal `b` are in one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    num_a, num_b = int(a_n.max()) + 1, int(b_n.max()) + 1
    size = num_a + num_b
    links = coo_array((np.ones(len(a_n), dtype=np.int8), (a_n, num_a + b_n)), shape=(size, size))
    _, pieces = connected_components(links, directed=False)
    return groups_of(pieces[a_n].astype(np.uint64))
