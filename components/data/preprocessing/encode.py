"""How a category enters a model: one_hot, ordinal, as a code (native, embedding), or as the target's mean.

    one_hot     an input per level; missing, and levels that the fold's rows do not have, are zero in all of them
    ordinal     the number of the level in sorted order as one input; missing and unknown are missing numbers
    native      a code: 0 for missing and unknown, 1 for the first level: for trees that split sets of levels
    embedding   the same codes, for networks, which learn what stands for each; a level that the fold's rows do not have
                is 0, because nobody would learn its embedding
    target      the mean of the target in the rows of the level: `target_encoding.py`
    auto        one_hot up to 16 levels; above, networks take embedding, bagging's members target, trees native

The levels are those of all train rows (the schema), never those of a fold: a level that a fold did not see is a column
of zeros there. So every fold has the same columns. Rare levels count as one more level behind the others (`rare.py`).
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

How = Literal["native", "embedding", "one_hot", "ordinal", "target"]
CODED: tuple[How, ...] = ("native", "embedding")
MOST_ONE_HOT = 16


def encoding(encode: How | Literal["auto"], num_levels: int, above: How) -> How:
    """Return what `auto` means for a column with so many levels; `above`: what the model takes with more than 16."""
    if encode == "auto":
        return "one_hot" if num_levels <= MOST_ONE_HOT else above
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
