"""Intervals by resampling the scored rows, for all models at once, so that their differences are paired.

Rows are drawn anew within each fold and, where there are classes, within each class: a drawing never lacks a class,
and the shares of the classes count as known (the usual form for ROC AUC; pROC, Robin et al. 2011). The interval holds
the middle of the drawings (percentile bootstrap, Efron 1979). A drawing is a vector of weights; many of them are scored
at once (`components/metrics/many_weights.py`), so that a thousand drawings of 10 000 rows take a second or two. Metrics
of labels see the labels that the threshold names.

Where nothing is wrong in any row, no drawing differs and the bootstrap would promise certainty. Then the lower end is
the exact one for m right answers in m rows: (alpha / 2) ** (1 / m), m the rows of the rarest class.

Legend: K models, n rows, C outputs, B drawings, M metrics.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric
from components.core.thresholds import as_if_half
from components.evaluation.layout import Estimate
from components.metrics.many_weights import under_many

MOST_WEIGHTS = 4_000_000  # that are drawn and scored at once: 32 MB


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Predictions of K models for the same rows, with the truth and the parts that are scored one by one."""

    names: tuple[str, ...]
    truth_n: NDArray[Any]
    values_KnC: NDArray[np.float32]
    parts: tuple[NDArray[np.int64], ...]  # positions in 0..n-1: all of them for a test, one part per fold otherwise
    classes: bool  # whether the truth is a class number
    threshold: float | None = None  # from which probability of the event on the answer is yes; None: the likelier

    def only(self, names: Sequence[str]) -> "Judged":
        """Return the same for some of the models, in this order."""
        places = [self.names.index(name) for name in names]
        return replace(self, names=tuple(names), values_KnC=self.values_KnC[places])

    def called(self) -> NDArray[np.float32]:
        """Return values whose largest names the class that each model calls: what metrics of labels see [K, n, C]."""
        if self.threshold is None:
            return self.values_KnC
        return np.stack([as_if_half(values_nC, self.threshold) for values_nC in self.values_KnC])


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
    called_KnC = judged.called()
    parts = [rows for rows in judged.parts if len(rows)]
    values = {}
    for metric in metrics:
        seen_KnC = called_KnC if metric.needs == "label" else judged.values_KnC
        values[metric.name] = np.mean([metric(judged.truth_n[rows], seen_KnC[:, rows]) for rows in parts], axis=0)
    found: dict[str, list[NDArray[np.float64]]] = {metric.name: [] for metric in metrics}
    scorers = [_scorer(metrics, judged, called_KnC, rows) for rows in parts]
    at_once = max(1, min(resamples, MOST_WEIGHTS // max(1, len(judged.truth_n))))
    drawn = _drawings(judged, resamples, rng)
    for first in range(0, resamples, at_once):
        weight_BN = np.stack([next(drawn) for _ in range(min(at_once, resamples - first))])
        scored = [scorer(weight_BN[:, rows]) for rows, scorer in zip(parts, scorers, strict=True)]
        for name in found:
            found[name].append(np.mean([one[name] for one in scored], axis=0))
    return Scored(
        judged=judged,
        values=values,
        drawings={name: np.concatenate(blocks) for name, blocks in found.items()},
        interval=interval,
    )


Scorer = Callable[[NDArray[np.float64]], dict[str, NDArray[np.float64]]]


def _scorer(
    metrics: Sequence[Metric], judged: Judged, called_KnC: NDArray[np.float32], rows: NDArray[np.int64]
) -> Scorer:
    """Return what scores one part under weights [B, n]: metric -> [B, K]."""
    truth_n = judged.truth_n[rows]
    of_labels = under_many([metric for metric in metrics if metric.needs == "label"], truth_n, called_KnC[:, rows])
    of_values = under_many(
        [metric for metric in metrics if metric.needs != "label"], truth_n, judged.values_KnC[:, rows]
    )
    return lambda weight_Bn: {**of_labels(weight_Bn), **of_values(weight_Bn)}


def ends(drawings_B: NDArray[np.float64], interval: float) -> tuple[float, float]:
    """Return the two ends of the middle `interval` of the drawings."""
    low, high = np.quantile(drawings_B, [(1 - interval) / 2, (1 + interval) / 2])
    return float(low), float(high)


def _drawings(judged: Judged, resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Yield weights [n]: how often each row was drawn, within its part and class."""
    strata = []
    for rows in judged.parts:
        labels = judged.truth_n[rows] if judged.classes else np.zeros(len(rows))
        strata += [rows[labels == label] for label in np.unique(labels)]
    place_n = np.concatenate(strata)
    size_S = [len(rows) for rows in strata]
    size_n = np.repeat(size_S, size_S)
    first_n = np.repeat(np.cumsum(size_S) - size_S, size_S)
    for _ in range(resamples):
        weight_n = np.zeros(len(judged.truth_n))
        weight_n[place_n] = np.bincount(first_n + rng.integers(size_n), minlength=len(place_n))
        yield weight_n


def _exact_low(truth_n: NDArray[Any], interval: float) -> float:
    rarest = int(np.unique(truth_n, return_counts=True)[1].min())
    return float(((1 - interval) / 2) ** (1 / rarest))
