"""Temperature scaling (Guo et al. 2017): one number that makes all probabilities of an ensemble surer or less sure.

It is the power that has the least log loss on out-of-fold predictions. The labels are smoothed as Laplace would (one
more row of every class in all), so that a perfect ensemble of few rows does not become infinitely sure.

Legend: n rows, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.ensembles.combine import log_probabilities
from components.ensembles.linear import log_softmax

COLDEST, HOTTEST = 0.2, 5.0
SETTLED = 1e-4
MOST_ROWS = 10_000  # one number needs no more: of more rows every second, third ...


def temperature(values_nC: NDArray[np.float32], truth_n: NDArray[Any]) -> float:
    """Return the temperature with the least log loss of these rows, between 0.2 and 5; above 1 is less sure."""
    from scipy.optimize import minimize_scalar

    every = max(1, len(values_nC) // MOST_ROWS)
    values_nC, truth_n = values_nC[::every], truth_n[::every]
    num_rows, num_classes = values_nC.shape
    logs_nC = log_probabilities(values_nC)
    smooth = num_classes / (num_rows + num_classes)  # of the labels' weight, spread over all classes
    truth_n = truth_n.astype(np.int64)
    rows = np.arange(num_rows)

    def loss(log_temperature: float) -> float:
        cooled_nC = log_softmax(logs_nC / np.exp(log_temperature))
        return float(-(1 - smooth) * cooled_nC[rows, truth_n].mean() - smooth * cooled_nC.mean())

    ends = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": SETTLED})
    return float(np.exp(found.x))
