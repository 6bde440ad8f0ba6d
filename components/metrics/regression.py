"""MSE, RMSE, MAE, R2: how far predicted numbers are from true ones, in float64, weighted.

R2 compares with the mean of the same rows. When the truth does not vary it has nothing to compare with: then it is 1
for exact predictions and 0 for all others, as in scikit-learn; one row alone is such a case too.

Legend: K models, n rows, one value each (C = 1).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.metrics.sums import row_sums

Floats = NDArray[np.float64]


def mse(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Mean squared error, in squared units of the target [K]."""
    return row_sums(_errors(truth_n, values_KnC) ** 2 * weight_n) / weight_n.sum()


def rmse(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Root of the mean squared error, in units of the target [K]."""
    return np.sqrt(mse(truth_n, values_KnC, weight_n))


def mae(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Mean absolute error, in units of the target [K]."""
    return row_sums(np.abs(_errors(truth_n, values_KnC)) * weight_n) / weight_n.sum()


def r2(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> Floats:
    """Share of the truth's variance that is explained; below 0 is worse than the mean [K]."""
    truth = truth_n.astype(np.float64)
    left_K = row_sums(_errors(truth_n, values_KnC) ** 2 * weight_n)
    used = truth[weight_n > 0]
    if used.min() == used.max():
        return np.where(left_K == 0, 1.0, 0.0)
    mean = np.average(truth, weights=weight_n)
    whole = ((truth - mean) ** 2 * weight_n).sum()
    return 1 - left_K / whole


def _errors(truth_n: NDArray[Any], values_KnC: NDArray[Any]) -> Floats:
    return values_KnC[:, :, 0].astype(np.float64) - truth_n.astype(np.float64)
