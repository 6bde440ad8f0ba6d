"""Regularised linear models: softmax regression and ridge regression, their strength chosen inside the fit rows.

Both minimise mean loss + strength/2 x sum of squared weights, in float64, the intercept free. Ridge is solved exactly
for all strengths by one eigendecomposition; softmax regression by L-BFGS, each strength starting where the stronger
one ended. The strength is the one with the least loss on parts of the fit rows that stood aside: the parts that the
other folds score, so that groups and copies of a row stay on one side here too.

Legend: n rows, F columns, C outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.ensembles.fold_member import FoldMember, Saved, read_member

STRENGTHS = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)  # strongest first; of the mean loss, so n does not matter
MOST_STEPS = 200
USUAL_CURVATURE = 0.1  # of log loss where models are neither sure nor ignorant; any value near it will do

Weights = tuple[NDArray[np.float64], NDArray[np.float64]]  # [F, C], [C]


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """One linear model: values = x @ weights + intercept; classes by softmax."""

    weight_FC: NDArray[np.float64]
    intercept_C: NDArray[np.float64]
    strength: float

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict probabilities, or values when there is one output [N, C]."""
        answers = features.numeric_NF.astype(np.float64) @ self.weight_FC + self.intercept_C
        return (answers if answers.shape[1] == 1 else softmax(answers)).astype(np.float32)

    def cost(self) -> int:
        """Multiply-adds per row."""
        return int(self.weight_FC.size)

    def saved(self) -> Saved:
        """Return weights and strength."""
        strength = np.array([self.strength])
        return Saved(
            arrays={"weight_FC": self.weight_FC, "intercept_C": self.intercept_C, "strength": strength}, json={}
        )

    @classmethod
    def read(cls, saved: Saved) -> "LinearModel":
        """Take back what `saved` returned."""
        arrays = saved.arrays
        return cls(
            weight_FC=arrays["weight_FC"], intercept_C=arrays["intercept_C"], strength=float(arrays["strength"][0])
        )


def fit_linear(
    numeric_nF: NDArray[np.float32],
    target_n: NDArray[Any],
    num_outputs: int,
    inner: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> LinearModel:
    """Fit on all rows, with the strength that does best on `inner`: pairs of positions (fit, score) into the rows."""
    x_nF = numeric_nF.astype(np.float64)
    path = ridge_path if num_outputs == 1 else softmax_path
    weaker = [path(x_nF[fit], target_n[fit], num_outputs) for fit, _ in inner]
    losses: list[float] = []
    for each in zip(*weaker, strict=False):
        answers = [
            x_nF[score] @ weight + intercept for (weight, intercept), (_, score) in zip(each, inner, strict=True)
        ]
        losses.append(sum(loss(values, target_n[score]) for values, (_, score) in zip(answers, inner, strict=True)))
        if losses[-1] > min(losses):  # weaker ones would be worse still, and take longest
            break
    best = int(np.argmin(losses)) if losses else STRENGTHS.index(0.01)
    weight_FC, intercept_C = next(path(x_nF, target_n, num_outputs, STRENGTHS[best:]))
    return LinearModel(weight_FC=weight_FC, intercept_C=intercept_C, strength=STRENGTHS[best])


def ridge_path(
    x_nF: NDArray[np.float64], target_n: NDArray[Any], num_outputs: int, strengths: Sequence[float] = STRENGTHS
) -> Iterator[Weights]:
    """Yield what minimises mean squared error / 2 + strength/2 x squared weights, for each strength."""
    assert num_outputs == 1
    centre_F, centre = x_nF.mean(axis=0), float(target_n.mean())
    x = x_nF - centre_F
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    projected = vectors.T @ (x.T @ (target_n - centre) / len(x))
    for strength in strengths:
        weight_F = vectors @ (projected / (np.maximum(values, 0.0) + strength))
        yield weight_F[:, None], np.array([centre - centre_F @ weight_F])


def softmax_path(
    x_nF: NDArray[np.float64], target_n: NDArray[Any], num_outputs: int, strengths: Sequence[float] = STRENGTHS
) -> Iterator[Weights]:
    """Yield what minimises log loss + strength/2 x squared weights, for each strength in turn.

    The columns are centred, turned to their principal axes and stretched so that the loss is about equally curved in
    every direction: L-BFGS then needs tens of steps where it would need hundreds.
    """
    from scipy.optimize import minimize

    rows, num_columns = np.arange(len(x_nF)), x_nF.shape[1]
    centre_F = x_nF.mean(axis=0)
    values, axes = np.linalg.eigh((x_nF - centre_F).T @ (x_nF - centre_F) / len(x_nF))
    turned_nF = (x_nF - centre_F) @ axes
    weight_FC, intercept_C = np.zeros((num_columns, num_outputs)), np.zeros(num_outputs)
    for strength in strengths:
        stretch_F = 1.0 / np.sqrt(USUAL_CURVATURE * np.maximum(values, 0.0) + strength)[:, None]
        z_nF = turned_nF * stretch_F.T
        penalty_F = strength * stretch_F**2

        def value_and_slope(
            flat: NDArray[np.float64], z_nF: NDArray[np.float64] = z_nF, penalty_F: NDArray[np.float64] = penalty_F
        ) -> tuple[float, NDArray[np.float64]]:
            weights = flat.reshape(num_columns + 1, num_outputs)
            logs_nC = log_softmax(z_nF @ weights[:-1] + weights[-1])
            error_nC = np.exp(logs_nC)
            error_nC[rows, target_n] -= 1.0
            slope = np.vstack([z_nF.T @ error_nC, error_nC.sum(axis=0)]) / len(rows)
            slope[:-1] += penalty_F * weights[:-1]
            value = -logs_nC[rows, target_n].mean() + (penalty_F * weights[:-1] ** 2).sum() / 2
            return float(value), slope.ravel()

        start = np.vstack([weight_FC / stretch_F, intercept_C]).ravel()
        options = {"maxiter": MOST_STEPS, "ftol": 1e-7, "gtol": 1e-5}
        found = minimize(value_and_slope, start, method="L-BFGS-B", jac=True, options=options).x
        weight_FC = found.reshape(num_columns + 1, num_outputs)[:-1] * stretch_F
        intercept_C = found[-num_outputs:]
        yield axes @ weight_FC, intercept_C - centre_F @ (axes @ weight_FC)


def loss(answers_nC: NDArray[np.float64], target_n: NDArray[Any]) -> float:
    """Return the mean log loss, or the mean squared error when there is one output."""
    if answers_nC.shape[1] == 1:
        return float(np.mean((answers_nC[:, 0] - target_n) ** 2))
    return float(-log_softmax(answers_nC)[np.arange(len(target_n)), target_n].mean())


def log_softmax(answers_nC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithms of softmax, without overflow."""
    shifted = answers_nC - answers_nC.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(answers_nC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities."""
    return np.exp(log_softmax(answers_nC))


def load_linear(folder: Path) -> FoldMember:
    """Load a member of the family "linear"."""
    return read_member(folder, LinearModel.read)
