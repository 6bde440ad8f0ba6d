"""Regularised linear models: softmax regression and ridge regression, their strength chosen inside the fit rows.

Both minimise mean loss + strength/2 x sum of squared weights, in float64, the intercept free. Ridge is solved exactly
for all strengths by one eigendecomposition; softmax regression by L-BFGS, each strength starting where the stronger
one ended. The strength is the one with the least loss on parts of the fit rows that stood aside: the parts that the
other folds score, so that groups and copies of a row stay on one side here too. With repeats a fold has several such
models, on rows drawn anew, and answers with their mean (Breiman, "Bagging predictors", 1996).

Legend: n rows, F columns, C outputs, R repeats.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.data.preprocessing.pipeline import load
from components.ensembles.fold_member import FoldMember, FoldModel, LoadPreprocessor, Saved, read_member

STRENGTHS = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5)  # strongest first; of the mean loss, so n does not matter
MOST_STEPS = 200
USUAL_CURVATURE = 0.1  # of log loss where models are neither sure nor ignorant; any value near it will do

Weights = tuple[NDArray[np.float64], NDArray[np.float64]]  # [F, C], [C]


class OutOfTimeError(Exception):
    """The clock ended a fit between two steps; nothing of it is kept."""


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """Linear models, one a repeat: values = x @ weights + intercept; classes by softmax; the mean of the repeats."""

    weight_RFC: NDArray[np.float64]
    intercept_RC: NDArray[np.float64]
    strength_R: NDArray[np.float64]

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict probabilities, or values when there is one output [N, C]."""
        x_NF = features.numeric_NF.astype(np.float64)
        answers = [
            x_NF @ weight_FC + intercept_C
            for weight_FC, intercept_C in zip(self.weight_RFC, self.intercept_RC, strict=True)
        ]
        own = answers if self.weight_RFC.shape[2] == 1 else [softmax(one) for one in answers]
        return np.asarray(np.mean(own, axis=0), dtype=np.float32)

    def cost(self) -> int:
        """Multiply-adds per row."""
        return int(self.weight_RFC.size)

    def saved(self) -> Saved:
        """Return weights and strength."""
        names = ("weight_RFC", "intercept_RC", "strength_R")
        return Saved(arrays={name: getattr(self, name) for name in names}, json={})

    @classmethod
    def read(cls, saved: Saved) -> "LinearModel":
        """Take back what `saved` returned."""
        return cls(**saved.arrays)


def fit_linear(
    numeric_nF: NDArray[np.float32],
    target_n: NDArray[Any],
    num_outputs: int,
    inner: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    rows: NDArray[np.int64] | None = None,
    cut_off: Callable[[], bool] = lambda: False,
) -> LinearModel:
    """Fit on `rows` (all), with the strength that does best on `inner`: pairs of positions (fit, score).

    Fewer rows want a stronger hand: what is best for the parts is best for all rows at the same sum, not the same mean
    (the penalty is a prior, which does not grow with the data). Raises OutOfTimeError when `cut_off` says so.
    """
    x_nF, y_n = (numeric_nF, target_n) if rows is None else (numeric_nF[rows], target_n[rows])
    path = ridge_path if num_outputs == 1 else partial(softmax_path, cut_off=cut_off)
    weaker = [path(numeric_nF[fit].astype(np.float64), target_n[fit], num_outputs) for fit, _ in inner]
    losses: list[float] = []
    for each in zip(*weaker, strict=False):
        answers = [
            numeric_nF[score].astype(np.float64) @ weight + intercept
            for (weight, intercept), (_, score) in zip(each, inner, strict=True)
        ]
        losses.append(sum(loss(values, target_n[score]) for values, (_, score) in zip(answers, inner, strict=True)))
        if losses[-1] > min(losses):  # weaker ones would be worse still, and take longest
            break
    best = STRENGTHS[int(np.argmin(losses))] if losses else 0.01
    fewer = float(np.mean([len(fit) for fit, _ in inner])) if inner else float(len(x_nF))
    strength = best * min(1.0, fewer / len(x_nF))
    weight_FC, intercept_C = next(path(x_nF.astype(np.float64), y_n, num_outputs, (strength,)))
    return LinearModel(weight_RFC=weight_FC[None], intercept_RC=intercept_C[None], strength_R=np.array([strength]))


def joined(models: Sequence[FoldModel]) -> LinearModel:
    """Lay the repeats of one fold together."""
    parts = [model for model in models if isinstance(model, LinearModel)]
    return LinearModel(
        weight_RFC=np.concatenate([part.weight_RFC for part in parts]),
        intercept_RC=np.concatenate([part.intercept_RC for part in parts]),
        strength_R=np.concatenate([part.strength_R for part in parts]),
    )


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
    x_nF: NDArray[np.float64],
    target_n: NDArray[Any],
    num_outputs: int,
    strengths: Sequence[float] = STRENGTHS,
    cut_off: Callable[[], bool] = lambda: False,
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
            if cut_off():
                raise OutOfTimeError
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


def load_linear(folder: Path, load_preprocessor: LoadPreprocessor = load) -> FoldMember:
    """Load a member of the family "linear"."""
    return read_member(folder, LinearModel.read, load_preprocessor)
