"""From which probability on the answer is yes: the threshold that an F1 or a balanced accuracy asks for.

Both are judged at labels, and the likeliest class is seldom the label that they want: with few events the best F1
lies far below one half. The threshold is the middle of the gap between two out-of-fold probabilities at which the
metric is best; all of them are tried at once, by one sort.

Legend: K models, n rows.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric, Task

WANTING = ("f1", "f1_macro", "balanced_accuracy")


def wanted(metric: Metric, num_outputs: int) -> bool:
    """Whether this metric, for so many outputs, is better off with a threshold of its own."""
    return metric.name in WANTING and num_outputs == 2


def best_threshold(metric: Metric, truth_n: NDArray[Any], event_n: NDArray[np.float32]) -> float | None:
    """Return the best threshold of these rows; None where they are all of one class or say all the same."""
    order = np.argsort(-event_n, kind="stable")
    sorted_n = event_n[order].astype(np.float64)
    is_end_n = np.append(sorted_n[1:] != sorted_n[:-1], True)  # between equal ones there is no threshold
    score_n = _sorted_scores(metric.name, truth_n[order] == 1)
    if score_n is None or is_end_n.sum() < 2:
        return None
    ends = np.flatnonzero(is_end_n)[:-1]
    best = ends[int(np.argmax(score_n[ends]))]
    return float((sorted_n[best] + sorted_n[best + 1]) / 2)


def at_each_end(name: str, right_T: NDArray[np.float64], called_T: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Score T thresholds by how many rows each calls the event and how many of them it is; the last one calls all.

    None where there are rows of one class alone.
    """
    events, rows = float(right_T[-1]), float(called_T[-1])
    if events in (0.0, rows):
        return None
    left_T = (rows - events) - (called_T - right_T)  # others that are not called
    if name == "balanced_accuracy":
        return (right_T / events + left_T / (rows - events)) / 2
    f1_T = 2 * right_T / (called_T + events)
    if name == "f1":
        return f1_T
    return (f1_T + 2 * left_T / ((rows - called_T) + (rows - events))) / 2


def _sorted_scores(name: str, is_event_n: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Score calling the first 1, 2, ..., n rows the event [n]."""
    return at_each_end(name, np.cumsum(is_event_n).astype(np.float64), np.arange(1.0, len(is_event_n) + 1))


class AtBestThreshold:
    """A metric of labels as the threshold that suits each model best would have it: to choose members by."""

    needs: Literal["probability", "label", "value"] = "probability"
    greater_is_better = True

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.name = f"{metric.name}_at_best_threshold"
        self.title = f"{metric.title} at the best threshold"
        self.tasks: tuple[Task, ...] = ("binary",)

    def __call__(
        self, truth_n: NDArray[Any], values_KnC: NDArray[np.float32], weight_n: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Score K models at their best thresholds [K]; weights are counts."""
        return np.array([self._score(truth_n, values_nC[:, 1], weight_n) for values_nC in values_KnC])

    def _score(self, truth_n: NDArray[Any], event_n: NDArray[Any], weight_n: NDArray[Any] | None) -> float:
        if weight_n is not None:
            times = weight_n.astype(np.int64)
            truth_n, event_n = np.repeat(truth_n, times), np.repeat(event_n, times)
        if not np.isfinite(event_n).all() or not len(event_n):
            return float("nan")
        order = np.argsort(-event_n, kind="stable")
        score_n = _sorted_scores(self.metric.name, truth_n[order] == 1)
        sorted_n = event_n[order]
        is_end_n = np.append(sorted_n[1:] != sorted_n[:-1], True)
        return 0.0 if score_n is None else float(score_n[is_end_n].max())

    def on(
        self, truth_n: NDArray[Any], values_KnC: NDArray[np.float32]
    ) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """Return weights -> scores of these rows."""
        return lambda weight_n: self(truth_n, values_KnC, weight_n)
