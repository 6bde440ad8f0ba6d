"""The linear meta-learner (Wolpert 1992; Breiman 1996, "stacked regressions"): a model of the members' answers.

Weights are never negative, as Breiman advises, and drawn a little towards an equal share of all members, the more the
fewer rows there are; the intercept is free. So most members get none and stay behind, and a weight is a share that
people can read. Free signs were measured: on fresh rows of six small tables of two classes ROC AUC was 0.000 to 0.002
better in five and 0.016 in one, whose members were all poor. Numbers: least squares. Classes:
log loss of the logarithmic opinion pool (`combine.py`); of two classes only the log-odds matter, and Newton's steps on
them replace the general search. A member with little weight stays behind (`LEAST_WEIGHT`).

Legend: M members, n rows, C outputs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.ensembles.combine import LEAST_WEIGHT, Combiner, log_probabilities
from components.ensembles.linear import log_softmax

PULL = 1.0  # rows' worth of belief in equal shares
MOST_NUMBERS = 1_000_000  # predictions that three classes or more are fitted on; of more rows every second, third ...
MOST_STEPS = 30  # of Newton
SETTLED = 1e-5  # the largest change of a weight that ends them


def linear(values_MnC: NDArray[np.float32], truth_n: NDArray[Any]) -> Combiner:
    """Fit the meta-learner, and once more without the members that came out with little weight."""
    fit = {1: _fit_values, 2: _fit_two_classes}.get(values_MnC.shape[2], _fit_classes)
    if values_MnC.shape[2] > 2:
        every = -(-values_MnC.size // MOST_NUMBERS)
        values_MnC, truth_n = values_MnC[:, ::every], truth_n[::every]
    weight_M, _ = fit(values_MnC, truth_n)
    used = np.flatnonzero(weight_M >= LEAST_WEIGHT * weight_M.max())
    weight_M = np.zeros(len(values_MnC))
    weight_M[used], intercept_C = fit(values_MnC[used], truth_n)
    return Combiner(form="linear", weight_M=weight_M, intercept_C=intercept_C)


def _fit_values(
    values_MnC: NDArray[np.float32], truth_n: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise squared error, weights >= 0: non-negative least squares on centred columns."""
    from scipy.optimize import nnls

    x_nM = values_MnC[:, :, 0].T.astype(np.float64)
    centre_M, centre = x_nM.mean(axis=0), float(truth_n.mean())
    spread = float(np.std(truth_n)) or 1.0
    num_members = x_nM.shape[1]
    pull = np.sqrt(PULL) * np.eye(num_members)
    left = np.vstack([(x_nM - centre_M) / spread, pull])
    right = np.concatenate([(truth_n - centre) / spread, np.full(num_members, np.sqrt(PULL) / num_members)])
    weight_M, _ = nnls(left, right)
    return weight_M, np.array([centre - centre_M @ weight_M])


def _fit_two_classes(
    values_MnC: NDArray[np.float32], truth_n: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise log loss of the pooled log-odds, weights >= 0: Newton's steps, each a bounded least squares of M + 1."""
    from scipy.optimize import lsq_linear

    logs_Mn2 = log_probabilities(values_MnC)
    x_Dn = np.vstack([logs_Mn2[:, :, 1] - logs_Mn2[:, :, 0], np.ones(len(truth_n))])
    num_members = len(values_MnC)
    goal_D = np.append(np.full(num_members, 1 / num_members), 0.0)
    bounds = (np.append(np.zeros(num_members), -np.inf), np.full(num_members + 1, np.inf))

    def loss(flat_D: NDArray[np.float64]) -> float:
        odds_n = flat_D @ x_Dn
        return float(np.logaddexp(0, odds_n).sum() - odds_n @ truth_n + PULL / 2 * ((flat_D - goal_D) ** 2).sum())

    flat_D, least = goal_D, loss(goal_D)
    for _ in range(MOST_STEPS):
        event_n = 1 / (1 + np.exp(-(flat_D @ x_Dn)))
        slope_D = x_Dn @ (event_n - truth_n) + PULL * (flat_D - goal_D)
        curve_DD = (x_Dn * (event_n * (1 - event_n))) @ x_Dn.T + PULL * np.eye(num_members + 1)
        root_DD = np.linalg.cholesky(curve_DD).T
        wanted_D = np.linalg.solve(root_DD.T, curve_DD @ flat_D - slope_D)
        step_D = lsq_linear(root_DD, wanted_D, bounds=bounds, method="bvls").x - flat_D
        length = 1.0
        while (found := loss(flat_D + length * step_D)) > least and length > 1e-3:
            length /= 2
        if found > least or np.abs(length * step_D).max() < SETTLED:
            break
        flat_D, least = flat_D + length * step_D, found
    weight_M = np.where(flat_D[:num_members] > SETTLED, flat_D[:num_members], 0.0)
    return weight_M, np.array([0.0, flat_D[num_members]])


def _fit_classes(
    values_MnC: NDArray[np.float32], truth_n: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Minimise log loss, weights >= 0, by bounded L-BFGS."""
    from scipy.optimize import minimize

    logs_MnC = log_probabilities(values_MnC)
    num_members, num_rows, num_outputs = logs_MnC.shape
    rows, equal = np.arange(num_rows), 1 / num_members

    def value_and_slope(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight_M, intercept_C = flat[:num_members], flat[num_members:]
        pooled_nC = log_softmax(np.tensordot(weight_M, logs_MnC, axes=1) + intercept_C)
        error_nC = np.exp(pooled_nC)
        error_nC[rows, truth_n] -= 1.0
        value = -pooled_nC[rows, truth_n].sum() + PULL / 2 * (((weight_M - equal) ** 2).sum() + (intercept_C**2).sum())
        slope = np.concatenate(
            [
                np.tensordot(logs_MnC, error_nC, axes=([1, 2], [0, 1])) + PULL * (weight_M - equal),
                error_nC.sum(axis=0) + PULL * intercept_C,
            ]
        )
        return float(value) / num_rows, slope / num_rows

    start = np.concatenate([np.full(num_members, equal), np.zeros(num_outputs)])
    bounds = [(0.0, None)] * num_members + [(None, None)] * num_outputs
    options = {"maxiter": 100, "ftol": 1e-10, "gtol": 1e-7}
    flat = minimize(value_and_slope, start, method="L-BFGS-B", jac=True, bounds=bounds, options=options).x
    return flat[:num_members], flat[num_members:]
