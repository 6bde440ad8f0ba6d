"""Is it right when it is sure? Predictions in ten bins against what was observed there.

Two classes: probability of the event against its share. More classes: probability of the answer against the share of
right answers. Numbers: mean prediction against mean truth in ten bins of equal size. Shares have Wilson's interval
(1927), which stays inside 0 and 1 and is honest for few rows; means have the normal one.
"""

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 10


def bins(truth_n: NDArray[Any], values_nC: NDArray[np.float32], task: str, interval: float) -> list[dict[str, Any]]:
    """Return the bins that hold rows, in order, in the form of scores.json `calibration`."""
    z = NormalDist().inv_cdf((1 + interval) / 2)
    if task == "regression":
        return _number_bins(truth_n.astype(np.float64), values_nC[:, 0].astype(np.float64), z)
    if task == "binary":
        sure_n, right_n = values_nC[:, 1].astype(np.float64), truth_n == 1
    else:
        sure_n, right_n = values_nC.max(axis=1).astype(np.float64), values_nC.argmax(axis=1) == truth_n
    found = []
    bin_n = np.clip((sure_n * NUM_BINS).astype(int), 0, NUM_BINS - 1)
    for b in range(NUM_BINS):
        inside = bin_n == b
        rows = int(inside.sum())
        if rows:
            right = int(right_n[inside].sum())
            low, high = wilson(right, rows, z)
            found.append(_bin(b / NUM_BINS, (b + 1) / NUM_BINS, sure_n[inside].mean(), right / rows, low, high, rows))
    return found


def wilson(right: int, rows: int, z: float) -> tuple[float, float]:
    """Return Wilson's interval of the share `right / rows`; z is 1.96 for 95 %."""
    share = right / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    return max(0.0, middle - half), min(1.0, middle + half)


def expected_error(found: list[dict[str, Any]]) -> float:
    """Return the mean distance between predicted and observed, weighted by rows (expected calibration error)."""
    rows = sum(one["rows"] for one in found)
    return sum(one["rows"] * abs(one["predicted"] - one["observed"]) for one in found) / rows


def certainly_off(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the bins whose interval of the observed does not hold what was predicted."""
    return [one for one in found if not one["observed_low"] <= one["predicted"] <= one["observed_high"]]


def _number_bins(truth_n: NDArray[np.float64], predicted_n: NDArray[np.float64], z: float) -> list[dict[str, Any]]:
    order = np.argsort(predicted_n, kind="stable")
    found = []
    for rows in np.array_split(order, min(NUM_BINS, len(order))):
        observed, predicted = truth_n[rows], predicted_n[rows]
        half = z * float(observed.std(ddof=1)) / math.sqrt(len(rows)) if len(rows) > 1 else 0.0
        middle = float(observed.mean())
        found.append(
            _bin(predicted.min(), predicted.max(), predicted.mean(), middle, middle - half, middle + half, len(rows))
        )
    return found


def _bin(
    low: float, high: float, predicted: float, observed: float, observed_low: float, observed_high: float, rows: int
) -> dict[str, Any]:
    values = {
        "low": low,
        "high": high,
        "predicted": predicted,
        "observed": observed,
        "observed_low": observed_low,
        "observed_high": observed_high,
    }
    return {**{name: round(float(value), 6) for name, value in values.items()}, "rows": rows}
