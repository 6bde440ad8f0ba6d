"""Log loss and Brier's score: how good the probabilities themselves are. Both are proper: honesty is the best policy.

Probabilities arrive as float32, so log loss never takes the logarithm of less than float32's epsilon (1.2e-7): what
is nearer to 0 or 1 cannot be told from it. scikit-learn clips float32 in the same way. Rows are taken as they come:
they should sum to one, and are not made to.

Legend: K models, n rows, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.metrics.sums import row_sums

SMALLEST = float(np.finfo(np.float32).eps)


def log_loss(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of -log(probability given to what happened), in nats [K]."""
    given_Kn = np.take_along_axis(values_KnC, truth_n.astype(np.int64)[None, :, None], axis=2)[:, :, 0].astype(
        np.float64
    )
    return -row_sums(np.log(np.clip(given_Kn, SMALLEST, 1 - SMALLEST)) * weight_n) / weight_n.sum()


def brier(truth_n: NDArray[Any], values_KnC: NDArray[Any], weight_n: NDArray[Any]) -> NDArray[np.float64]:
    """Mean squared distance from the probabilities to what happened; for two classes that of the event alone [K]."""
    num_classes = values_KnC.shape[2]
    happened_nC = np.arange(num_classes) == truth_n[:, None]
    distance_Kn = ((values_KnC.astype(np.float64) - happened_nC) ** 2).sum(axis=2)
    return row_sums(distance_Kn * weight_n) / weight_n.sum() / (2 if num_classes == 2 else 1)
