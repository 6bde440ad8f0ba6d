"""Intervals by resampling the scored rows, for all models at once, so that their differences are paired.

Rows are drawn anew within each fold and, where there are classes, within each class: a drawing never lacks a class,
and the shares of the classes count as known (the usual form for ROC AUC; pROC, Robin et al. 2011). The interval holds
the middle of the drawings (percentile bootstrap, Efron 1979). A drawing is a vector of weights, so a metric is called
once per drawing for K models. Metrics of labels see each pattern (truth, what every model says) once, with the weight
of all its rows: there are a few hundred patterns where there are 10 000 rows.

Where nothing is wrong in any row, no drawing differs and the bootstrap would promise certainty. Then the lower end is
the exact one for m right answers in m rows: (alpha / 2) ** (1 / m), m the rows of the rarest class.

Legend: K models, n rows, C outputs, B drawings, M metrics.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric
from components.evaluation.layout import Estimate


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Predictions of K models for the same rows, with the truth and the parts that are scored one by one."""

    names: tuple[str, ...]
    truth_n: NDArray[Any]
    values_KnC: NDArray[np.float32]
    parts: tuple[NDArray[np.int64], ...]  # positions in 0..n-1: all of them for a test, one part per fold otherwise
    classes: bool  # whether the truth is a class number


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What `score` found: values and drawings per metric."""

    judged: Judged
    values: Mapping[str, NDArray[np.float64]]  # metric -> [K]
    drawings: Mapping[str, NDArray[np.float64]]  # metric -> [B, K]
    interval: float

    def estimate(self, metric: Metric, name: str) -> Estimate:
        """Return the score of one model."""
        k = self.judged.names.index(name)
        value = float(self.values[metric.name][k])
        low, high = ends(self.drawings[metric.name][:, k], self.interval)
        if self.judged.classes and metric.greater_is_better and low == value == 1.0:
            low = _exact_low(self.judged.truth_n, self.interval)
        return Estimate(value=value, low=low, high=high, rows=len(self.judged.truth_n))

    def gain(self, metric: Metric, name: str, over: str) -> Estimate:
        """Return how much better `name` is than `over` on the same drawings: above 0 is better, whatever the metric."""
        k, base = self.judged.names.index(name), self.judged.names.index(over)
        sign = 1.0 if metric.greater_is_better else -1.0
        values, drawings = self.values[metric.name], self.drawings[metric.name]
        low, high = ends(sign * (drawings[:, k] - drawings[:, base]), self.interval)
        return Estimate(
            value=float(sign * (values[k] - values[base])), low=low, high=high, rows=len(self.judged.truth_n)
        )


def score(
    metrics: Sequence[Metric], judged: Judged, *, interval: float, resamples: int, rng: np.random.Generator
) -> Scored:
    """Score all models by all metrics (mean over the parts), as they are and in `resamples` drawings."""
    parts = [_Part.of(judged, rows, metrics) for rows in judged.parts if len(rows)]
    whole = np.ones(len(judged.truth_n))
    values = {metric.name: _mean_over(parts, metric, whole) for metric in metrics}
    found: dict[str, list[NDArray[np.float64]]] = {metric.name: [] for metric in metrics}
    for weight_n in _drawings(judged, resamples, rng):
        for metric in metrics:
            found[metric.name].append(_mean_over(parts, metric, weight_n))
    return Scored(
        judged=judged,
        values=values,
        drawings={name: np.stack(rows) for name, rows in found.items()},
        interval=interval,
    )


def ends(drawings_B: NDArray[np.float64], interval: float) -> tuple[float, float]:
    """Return the two ends of the middle `interval` of the drawings."""
    low, high = np.quantile(drawings_B, [(1 - interval) / 2, (1 + interval) / 2])
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The rows of one part, the patterns among them, and each metric on them."""

    rows: NDArray[np.int64]
    pattern_n: NDArray[np.int64]  # row -> pattern
    num_patterns: int
    scores: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]  # metric -> weights -> [K]

    @classmethod
    def of(cls, judged: Judged, rows: NDArray[np.int64], metrics: Sequence[Metric]) -> "_Part":
        truth_n, values_KnC = judged.truth_n[rows], judged.values_KnC[:, rows]
        called_nK = values_KnC.argmax(axis=2).T
        patterns, pattern_n = np.unique(np.column_stack([truth_n, called_nK]), axis=0, return_inverse=True)
        called_KpC = np.eye(values_KnC.shape[2], dtype=np.float32)[patterns[:, 1:].T.astype(np.int64)]
        scores = {
            metric.name: metric.on(patterns[:, 0], called_KpC)
            if metric.needs == "label"
            else metric.on(truth_n, values_KnC)
            for metric in metrics
        }
        return cls(rows=rows, pattern_n=pattern_n.ravel(), num_patterns=len(patterns), scores=scores)

    def score(self, metric: Metric, weight_N: NDArray[np.float64]) -> NDArray[np.float64]:
        weight_n = weight_N[self.rows]
        if metric.needs == "label":
            weight_n = np.bincount(self.pattern_n, weight_n, self.num_patterns).astype(np.float64)
        return self.scores[metric.name](weight_n)


def _mean_over(parts: Sequence[_Part], metric: Metric, weight_n: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.mean([part.score(metric, weight_n) for part in parts], axis=0)


def _drawings(judged: Judged, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield weights [n]: how often each row was drawn, within its part and class."""
    strata = []
    for rows in judged.parts:
        labels = judged.truth_n[rows] if judged.classes else np.zeros(len(rows))
        strata += [rows[labels == label] for label in np.unique(labels)]
    for _ in range(resamples):
        weight_n = np.zeros(len(judged.truth_n))
        for rows in strata:
            weight_n[rows] = np.bincount(rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        yield weight_n


def _exact_low(truth_n: NDArray[Any], interval: float) -> float:
    rarest = int(np.unique(truth_n, return_counts=True)[1].min())
    return float(((1 - interval) / 2) ** (1 / rarest))
