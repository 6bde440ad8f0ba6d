"""Numbers of one size: standard, [0, 1], [-1, 1], robust, quantile. Missing values stay missing and have no say.

The affine ones are (value - centre) / width, one pair per column:

    standard    mean, standard deviation
    unit        smallest, range: the rows of the fit lie in [0, 1]
    symmetric   middle of the range, half of it: in [-1, 1]
    robust      median, distance between the quartiles; where these coincide (many zeros) half of the range, so that
                the few others do not explode (pytabkit's RealMLP does so; scikit-learn leaves such a column as it is)

`robust_smooth` is `robust`, then x / sqrt(1 + (x / 3)^2): near 0 nothing changes, and nothing goes beyond 3 (RealMLP,
Holzmüller et al. 2024).

A column that does not vary is only centred. Values far outside what the fit saw are held at 1e6 widths: beyond that a
float32 network answers NaN, and they are outliers anyway.

`quantile` maps ranks to a standard normal, as scikit-learn's `QuantileTransformer` where no values are tied. Tied ones
get their middle rank, also those at an end: scikit-learn puts the zeros of a column of zeros and ones at -5.2.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Affine = Literal["standard", "unit", "symmetric", "robust", "robust_smooth"]
FURTHEST = 1e6
SMOOTH_END = 3.0  # what robust_smooth stays within
MOST_QUANTILES = 1000
END_OF_NORMAL = 1e-7  # ranks are kept this far from 0 and 1: results lie in ±5.2
NO_NUMBER = 1e-290


def centre_and_width(values_n: NDArray[Any], scale: Affine) -> tuple[float, float]:
    """Return what is taken away and what is divided by, from the present values of one column; width is never 0."""
    if not len(values_n):
        return 0.0, 1.0
    low, high = float(values_n.min()), float(values_n.max())
    if low == high:
        return low, 1.0
    if scale == "standard":
        centre, width = float(values_n.mean()), float(values_n.std())
    elif scale == "unit":
        centre, width = low, high - low
    elif scale == "symmetric":
        centre, width = (low + high) / 2, (high - low) / 2
    else:
        lower, centre, upper = (float(q) for q in np.quantile(values_n, [0.25, 0.5, 0.75]))
        width = upper - lower or (high - low) / 2
    return centre, width or 1.0  # the deviation of subnormal numbers underflows to 0


def scaled(values_nM: NDArray[np.float64], centre_M: NDArray[Any], width_M: NDArray[Any]) -> NDArray[np.float64]:
    """Apply affine scales to M columns."""
    with np.errstate(over="ignore"):  # a division by a tiny width; the clip is the answer
        return np.clip((values_nM - centre_M) / width_M, -FURTHEST, FURTHEST)


def smoothly_clipped(values_n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hold numbers within ±3 by a curve: their order stays, and near 0 their value."""
    return values_n / np.sqrt(1 + (values_n / SMOOTH_END) ** 2)


def num_quantiles(num_rows: int) -> int:
    """Return how many quantiles are kept: a row in thirty, at least 10, at most 1000 (pytabkit, tabm)."""
    return max(10, min(num_rows // 30, MOST_QUANTILES))


def quantiles(values_n: NDArray[Any], count: int) -> NDArray[np.float64]:
    """Return `count` evenly spaced quantiles of the present values of one column, rising [count].

    As numpy's, but for the places, which are counted in whole numbers: a quantile between two equal values is that
    value to the last bit, or ties would be torn.
    """
    if not len(values_n):
        return np.zeros(count)
    sorted_n = np.sort(values_n)
    place_q, rest_q = np.divmod(np.arange(count) * (len(sorted_n) - 1), count - 1)
    lower_q = sorted_n[place_q]
    upper_q = sorted_n[np.minimum(place_q + 1, len(sorted_n) - 1)]
    return np.maximum.accumulate(lower_q + (upper_q - lower_q) * (rest_q / (count - 1)))


def to_normal(values_n: NDArray[np.float64], quantiles_q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map one column through its quantiles to a standard normal."""
    from scipy.special import ndtri

    # differences of numbers this small have no reciprocal, and interpolation divides by them
    values_n, quantiles_q = (np.where(np.abs(part) < NO_NUMBER, 0.0, part) for part in (values_n, quantiles_q))
    ranks_q = np.arange(len(quantiles_q)) / (len(quantiles_q) - 1)
    from_below = np.interp(values_n, quantiles_q, ranks_q)
    from_above = 1 - np.interp(-values_n, -quantiles_q[::-1], ranks_q)
    ranks_n = np.clip((from_below + from_above) / 2, END_OF_NORMAL, 1 - END_OF_NORMAL)
    return np.where(np.isnan(values_n), np.nan, ndtri(ranks_n))


def all_to_normal(values_nM: NDArray[np.float64], quantiles_Mq: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map M columns, each through its own quantiles."""
    found_nM = np.empty_like(values_nM)
    for position, quantiles_q in enumerate(quantiles_Mq):
        found_nM[:, position] = to_normal(values_nM[:, position], quantiles_q)
    return found_nM
