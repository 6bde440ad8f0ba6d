"""One sum for all metrics: a model's score has the same bits alone and among others.

numpy adds a row in blocks when it lies together in memory, and column by column when it does not; which of the two a
sliced array has depends on how many models there are. So rows are laid together first.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def row_sums(each_Kn: NDArray[Any]) -> NDArray[np.float64]:
    """Sum each model's row in float64 [K]."""
    return np.ascontiguousarray(each_Kn, dtype=np.float64).sum(axis=1)
