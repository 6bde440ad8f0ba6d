"""How a category enters a model: one_hot, ordinal, or native.

    one_hot   an input per level; missing, and levels that the train rows do not have, are zero in all of them
    ordinal   the number of the level in sorted order as one input; missing and unknown are missing numbers
    native    a code: 0 for missing and unknown, 1 for the first level: for models that split sets of levels
    auto      one_hot up to 16 levels, ordinal above

The levels are those of all train rows (the schema), never those of a fold: a level that a fold did not see is a column
of zeros there. So every fold has the same columns.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Encode = Literal["auto", "native", "one_hot", "ordinal"]
MOST_ONE_HOT = 16


def encoding(encode: Encode, num_levels: int) -> Literal["native", "one_hot", "ordinal"]:
    """Return what `auto` means for a column with so many levels."""
    if encode == "auto":
        return "one_hot" if num_levels <= MOST_ONE_HOT else "ordinal"
    return encode


def one_hot(codes_n: NDArray[Any], num_levels: int) -> NDArray[np.float32]:
    """Return [n, num_levels]; a negative code (missing, unknown) is a row of zeros."""
    return (codes_n[:, None] == np.arange(num_levels)).astype(np.float32)


def ordinal(codes_n: NDArray[Any]) -> NDArray[np.float64]:
    """Return level numbers from 0 as numbers; a negative code is NaN."""
    return np.where(codes_n < 0, np.nan, codes_n.astype(np.float64))


def native(codes_n: NDArray[Any]) -> NDArray[np.int32]:
    """Return codes from 1; a negative code is 0."""
    return np.maximum(codes_n.astype(np.int32) + 1, 0)
