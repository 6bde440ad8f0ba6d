"""Which class an answer names: the likeliest, or, of two classes, the event from a chosen probability on.

One place for all who name classes (metrics of labels at a chosen threshold, exported models, the report), so that a row
is called the same everywhere.

Legend: N rows, C classes.
"""

import numpy as np
from numpy.typing import NDArray


def called(values_NC: NDArray[np.float32], threshold: float | None = None) -> NDArray[np.int64]:
    """Return class numbers [N]: the event (1) where its probability is at least `threshold`; None: the likeliest."""
    if threshold is None or values_NC.shape[1] != 2:
        return values_NC.argmax(axis=1)
    return (values_NC[:, 1] >= threshold).astype(np.int64)


def as_if_half(values_NC: NDArray[np.float32], threshold: float | None) -> NDArray[np.float32]:
    """Return probabilities whose larger one names the class that `threshold` does: for metrics that take the largest.

    The odds are divided by those of the threshold: the order of the rows stays.
    """
    if threshold is None:
        return values_NC
    event_N = values_NC[:, 1].astype(np.float64)
    moved_N = event_N * (1 - threshold)
    against_N = (1 - event_N) * threshold
    share_N = moved_N / np.maximum(moved_N + against_N, 1e-300)
    share_N = np.where(called(values_NC, threshold) == 1, np.maximum(share_N, 0.5 + 1e-6), np.minimum(share_N, 0.5))
    return np.column_stack([1 - share_N, share_N]).astype(np.float32)
