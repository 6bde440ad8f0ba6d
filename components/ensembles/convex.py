"""Convex weights: none negative, summing to 1, with the least loss of the mean; a smooth way beside greedy selection.

Classes: log loss of a mixture. What it weighs is known exactly from expectation-maximisation (Dempster et al. 1977),
a multiplicative update as in exponentiated gradient (Kivinen and Warmuth 1997) but without a step size: a member's new
weight is its share in the probability of what happened. Numbers: squared error, by non-negative least squares with
the sum as one more, heavy, row. Both are drawn towards equal shares by some rows' worth of belief, so the fewer
rows, the nearer to the plain mean. No chance in it: the same rows give the same weights.

Legend: M members, n rows, C outputs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.ensembles.combine import LEAST_PROBABILITY, LEAST_WEIGHT, Combiner, weighted_mean

PULL = 1.0  # rows' worth of belief in equal shares; 5, 20 and 60 were worse on fresh rows of 8 small tables
MOST_ROUNDS = 200
SETTLED = 1e-4  # the largest change of a weight that ends the rounds
HEAVY = 1e3


def convex(values_MnC: NDArray[np.float32], truth_n: NDArray[Any]) -> Combiner:
    """Fit the weights, and once more without the members that came out with little weight."""
    num_members, _, num_outputs = values_MnC.shape
    fit: Callable[[NDArray[Any]], NDArray[np.float64]] = _fit_values if num_outputs == 1 else _fit_classes
    inputs: NDArray[Any] = (_errors if num_outputs == 1 else _given)(values_MnC, truth_n)
    weight_M = fit(inputs)
    used = np.flatnonzero(weight_M >= LEAST_WEIGHT * weight_M.max())
    if len(used) < num_members:
        weight_M = np.zeros(num_members)
        weight_M[used] = fit(inputs[used])
    return weighted_mean(weight_M, num_outputs)


def _given(values_MnC: NDArray[np.float32], truth_n: NDArray[Any]) -> NDArray[np.float32]:
    """Return the probability that each member gave to what happened [M, n]."""
    index_1n1 = truth_n.astype(np.int64)[None, :, None]
    return np.maximum(np.take_along_axis(values_MnC, index_1n1, axis=2)[:, :, 0], np.float32(LEAST_PROBABILITY))


def _fit_classes(given_Mn: NDArray[np.float32]) -> NDArray[np.float64]:
    """Minimise log loss of the mixture by expectation-maximisation."""
    num_members, num_rows = given_Mn.shape
    weight_M = np.full(num_members, 1 / num_members)
    for _ in range(MOST_ROUNDS):
        mixed_n = weight_M.astype(np.float32) @ given_Mn
        share_M = weight_M * (given_Mn @ (1 / mixed_n)).astype(np.float64)
        new_M = (share_M + PULL / num_members) / (num_rows + PULL)
        new_M /= new_M.sum()
        change = float(np.abs(new_M - weight_M).max())
        weight_M = new_M
        if change < SETTLED:
            break
    return weight_M


def _errors(values_MnC: NDArray[np.float32], truth_n: NDArray[Any]) -> NDArray[np.float64]:
    """Return each member's errors, in standard deviations of the best member's [M, n]."""
    error_Mn = values_MnC[:, :, 0].astype(np.float64) - truth_n
    return np.asarray(error_Mn / (np.sqrt((error_Mn**2).mean(axis=1)).min() or 1.0))


def _fit_values(error_Mn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise squared error of the mean; the error of a mean is the mean of the errors, for weights of sum 1."""
    from scipy.optimize import nnls

    num_members, num_rows = error_Mn.shape
    values, axes = np.linalg.eigh(error_Mn @ error_Mn.T)  # M x M stand for all rows
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * axes.T
    heavy = HEAVY * np.sqrt(num_rows)
    left = np.vstack([root, np.sqrt(PULL) * np.eye(num_members), np.full((1, num_members), heavy)])
    right = np.concatenate([np.zeros(num_members), np.full(num_members, np.sqrt(PULL) / num_members), [heavy]])
    weight_M, _ = nnls(left, right)
    return np.asarray(weight_M / weight_M.sum())
