"""Which rows are copies of each other: 64-bit hashes of rows, built column by column, so that no table is in memory.

Equal are values, not spellings: 1 and 1.0, "yes" and " yes ", and all words for missing.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text, to_numbers
from components.core.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio, as in Knuth's multiplicative hashing


def row_hashes(columns: "Iterable[pd.Series]", num_rows: int) -> NDArray[np.uint64]:
    """Hash the rows [num_rows] over the given raw columns, in their order."""
    hashes_N = np.full(num_rows, 1, dtype=np.uint64)
    for raw in columns:
        hashes_N = (hashes_N ^ _column_hashes(raw)) * MULTIPLIER
        hashes_N ^= hashes_N >> np.uint64(29)
    return hashes_N


def groups_of(hashes_N: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number groups of equal rows 0, 1, ... in order of their first row [N]."""
    return np.asarray(pd.factorize(hashes_N)[0], dtype=np.int64)


def first_of_each(hashes_N: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Mark the first row of each group of equal rows [N]."""
    return ~np.asarray(pd.Series(hashes_N).duplicated(keep="first"))


def _column_hashes(raw: "pd.Series") -> NDArray[np.uint64]:
    if pd.api.types.is_numeric_dtype(raw.dtype) and not pd.api.types.is_bool_dtype(raw.dtype):
        values = to_numbers(raw) + 0.0  # -0.0 and 0.0 are one value
        values[np.isnan(values)] = np.nan  # one NaN
        return np.asarray(pd.util.hash_array(values), dtype=np.uint64)
    codes, words = pd.factorize(as_text(raw))
    of_words = np.append(pd.util.hash_array(np.asarray(words, dtype=object)), np.uint64(0)).astype(np.uint64)
    return np.asarray(of_words[codes])
