"""`outliers: clip`: a number outside the middle 99 % of the fold's rows is moved to the nearer end.

For columns with a few values that would otherwise decide the scale of all others, or pull a linear model. A column
whose middle 99 % is one value (a rare event) is left as it is: clipping would empty it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARES = (0.005, 0.995)


def bounds(values_n: NDArray[Any]) -> tuple[float, float]:
    """Return the ends of the middle 99 % of the present values of one column; infinite where there is no middle."""
    if len(values_n):
        low, high = (float(end) for end in np.quantile(values_n, SHARES))
        if low < high:
            return low, high
    return -np.inf, np.inf
