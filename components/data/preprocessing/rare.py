"""Rare levels: those with fewer than so many of the fold's rows count as one level, which also stands for new ones.

A level with two rows teaches nothing about itself; all such levels together say what a level that nobody knows is like.
A fold finds them among its own rows, so which levels are rare may differ from fold to fold; the columns do not.

Legend: n rows, L levels of one column.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NONE_OF_THESE = -1  # missing, or of no level that was learned


def level_map(
    codes_n: NDArray[Any], num_levels: int, least: int, *, nobody: int = NONE_OF_THESE, keep_unseen: bool = False
) -> NDArray[np.int32]:
    """Return what each code becomes [L + 2]: its own number, or L when it has fewer than `least` of these rows.

    Index it with the codes of `components.core.columns`: -1 (missing) and -2 (unknown) are its last two places. A level
    that nobody of these rows has, and an unknown one, become L when there are rare rows, else `nobody`; with
    `keep_unseen` and `least` 1 they keep their number (which then means something: its place in the order).
    """
    counts_L = np.bincount(codes_n[codes_n >= 0], minlength=num_levels)
    few_L = counts_L < least
    shared = num_levels if counts_L[few_L].sum() else nobody
    becomes = np.arange(num_levels + 2, dtype=np.int32)
    if least > 1 or not keep_unseen:
        becomes[:num_levels][few_L] = shared
    becomes[-1], becomes[-2] = NONE_OF_THESE, shared
    return becomes
