"""How an ensemble makes one answer out of its members' answers: a weighted mean, or a weighted linear model of them.

Both have one weight per member, none negative, so that a weight of zero means that the member is not needed. For
classes the linear form is the logarithmic opinion pool: a softmax over weighted log-probabilities and an intercept;
unlike the mean it can be surer, or less sure, than every member. A temperature (`temperature.py`) may make either one
less sure, or surer.

Legend: M members, n rows, C outputs, P parts of the rows, K combinations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Metric
from components.ensembles.linear import softmax

LEAST_PROBABILITY = 1e-5  # what a member can say for "never", before the logarithm
LEAST_WEIGHT = 0.1  # of the largest: with less a member stays behind, and the others are fitted once more. On 21 trees
# of 7 tables a tenth for a hundredth left the scores (0.08 % better to 0.06 % worse) and took a seventh of the members.


@dataclass(frozen=True, kw_only=True)
class Combiner:
    """Weights over members, and how they are applied."""

    form: Literal["mean", "linear"]
    weight_M: NDArray[np.float64]
    intercept_C: NDArray[np.float64]
    temperature: float = 1.0  # of classes: above 1 the answer is less sure than the members

    def __call__(self, values_MnC: NDArray[np.float32]) -> NDArray[np.float32]:
        """Combine the members' answers to the same rows [n, C]."""
        is_plain = self.form == "mean" or values_MnC.shape[2] == 1
        answers_nC = np.zeros(values_MnC.shape[1:])
        for member in np.flatnonzero(self.weight_M):
            inputs_nC = values_MnC[member] if is_plain else log_probabilities(values_MnC[member])
            answers_nC += np.multiply(inputs_nC, self.weight_M[member], dtype=np.float64)
        answers_nC += self.intercept_C
        if is_plain:
            return cooled(answers_nC.astype(np.float32), self.temperature)
        return softmax(answers_nC / self.temperature).astype(np.float32)

    def only(self, members: NDArray[np.int64]) -> "Combiner":
        """Return the same for a selection of the members."""
        return replace(self, weight_M=self.weight_M[members])

    def to_json(self) -> JSON:
        """Return plain JSON."""
        return {
            "form": self.form,
            "weights": self.weight_M.tolist(),
            "intercept": self.intercept_C.tolist(),
            "temperature": self.temperature,
        }

    @classmethod
    def from_json(cls, value: JSON) -> "Combiner":
        """Read what `to_json` returned."""
        weights, intercept = np.array(value["weights"]), np.array(value["intercept"])
        return cls(form=value["form"], weight_M=weights, intercept_C=intercept, temperature=value["temperature"])


def weighted_mean(weight_M: NDArray[np.float64], num_outputs: int) -> Combiner:
    """Return the weighted mean of the members; weights are made to sum to 1."""
    return Combiner(form="mean", weight_M=weight_M / weight_M.sum(), intercept_C=np.zeros(num_outputs))


def cooled(values_nC: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return probabilities to the power 1 / temperature, summing to 1 again; those of temperature 1 as they are."""
    if temperature == 1.0:
        return values_nC
    return softmax(log_probabilities(values_nC) / temperature).astype(np.float32)


def log_probabilities(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return logarithms, none below that of `LEAST_PROBABILITY`."""
    return np.log(np.maximum(values.astype(np.float64), LEAST_PROBABILITY))


@dataclass(frozen=True)
class PartScores:
    """The metric as folds judge: on each part of the rows alone, then the mean. Turned so that greater is better."""

    metric: Metric
    truth_n: NDArray[Any]
    parts: Sequence[NDArray[np.int64]]  # sorted positions, each row in one part

    def by_part(self, values_KnC: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score K combinations on every part, in the metric's own direction [K, P]."""
        cuts = [self.cut(part) for part in range(len(self.parts))]
        return np.stack([self.metric(self.truth_n[cut], values_KnC[:, cut]) for cut in cuts], axis=1)

    def cut(self, part: int) -> "slice | NDArray[np.int64]":
        """Return what takes a part out of all rows: of neighbouring rows a slice, which numpy takes without copying."""
        rows = self.parts[part]
        is_run = len(rows) > 0 and int(rows[-1]) - int(rows[0]) + 1 == len(rows)
        return slice(int(rows[0]), int(rows[-1]) + 1) if is_run else rows

    def __call__(self, values_KnC: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score K combinations: greater is better, no score is the worst [K]."""
        return self.turned(self.by_part(values_KnC)).mean(axis=1)

    def turned(self, score_KP: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn scores in the metric's own direction so that greater is better; no score is the worst."""
        turned_KP = score_KP if self.metric.greater_is_better else -score_KP
        return np.where(np.isnan(turned_KP), -np.inf, turned_KP)

    def only(self, seen_n: NDArray[np.bool_]) -> "PartScores":
        """Return the same for some of the rows; parts that lose all of theirs are left out."""
        place_n = np.cumsum(seen_n) - 1
        parts = [place_n[rows[seen_n[rows]]] for rows in self.parts]
        return PartScores(self.metric, self.truth_n[seen_n], [rows for rows in parts if len(rows)])

    def without(self, part: int) -> tuple["PartScores", NDArray[np.int64]]:
        """Return the same without one part, and the positions of the rows that stay."""
        stay = [rows for number, rows in enumerate(self.parts) if number != part]
        kept = np.sort(np.concatenate(stay))
        moved = [np.searchsorted(kept, rows) for rows in stay]
        return PartScores(self.metric, self.truth_n[kept], moved), kept


def nearly(score: float, best: float) -> bool:
    """Whether a score is as good as the best one, but for rounding: such scores are tied."""
    return score >= best - 1e-6 * abs(best)
