"""What stands in for a missing number: the median, the mean, the most frequent value, or a constant.

One number per column, from the values that are there in the rows of the fit. A column that is empty in these rows has
none: it gets 0. (The same answers as scikit-learn's `SimpleImputer`, of equally frequent values the smallest; ours is
a number in an array, saved as data.) Missing categories are not imputed: see `encode.py`.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Impute = Literal["none", "median", "mean", "most_frequent", "constant"]


def stand_in(values_n: NDArray[Any], impute: Impute, constant: float) -> float:
    """Return the number to put where one is missing; NaN for `none`. `values_n` are the present values, all finite."""
    if impute == "none":
        return float("nan")
    if impute == "constant":
        return constant
    if not len(values_n):
        return 0.0
    if impute == "median":
        return float(np.median(values_n))
    if impute == "mean":
        return float(np.mean(values_n))
    values, counts = np.unique(values_n, return_counts=True)
    return float(values[counts.argmax()])


def filled(values_nM: NDArray[np.float64], number_M: NDArray[Any]) -> NDArray[np.float64]:
    """Put each column's number where its value is missing."""
    return np.where(np.isnan(values_nM), number_M, values_nM)
