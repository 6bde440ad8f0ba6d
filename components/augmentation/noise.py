"""Gaussian noise: each copy of a row has its numbers moved a little, in units of the part's own standard deviation.

An old regulariser (Bishop 1995: training with noise is Tikhonov regularisation). Missing numbers stay missing, and all
that is no number (categories, dates, the target) stays as it is in the row that was copied.
"""

import numpy as np
from numpy.typing import NDArray


def noisy_copies(
    numbers_nM: NDArray[np.float64], copies: int, noise: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the position of the copied row [copies * n] and its moved numbers [copies * n, M], copy after copy."""
    num_rows = len(numbers_nM)
    source_m = np.tile(np.arange(num_rows), copies)
    steps = random.standard_normal((len(source_m), numbers_nM.shape[1]))
    return source_m, numbers_nM[source_m] + noise * deviations(numbers_nM) * steps


def deviations(numbers_nM: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of the present values per column [M]; 0 for a column without values."""
    present = [column[~np.isnan(column)] for column in numbers_nM.T]
    return np.array([column.std() if len(column) else 0.0 for column in present])
