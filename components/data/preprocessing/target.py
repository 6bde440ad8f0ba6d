"""The target of a regression as it is learned, and brought back for predicting.

    standard   (value - mean) / deviation. A network that starts near zero should not have to learn first that houses
               cost 300 000. `none`, the word of trees, is the same: no split depends on it, but L2 does
    log        sign x log(1 + |value|), then standard: for prices and counts, whose size is their scale. Negative values
               are welcome: the curve is the same on both sides of 0
    quantile   ranks to a standard normal: for targets of any odd shape. Equal values get their middle rank

Metrics and predictions are always in the user's own units; what is learned under `log` and `quantile` is nearer to a
median than to a mean. A curve that is undone stretches errors, so predictions of these two are held within the values
of the fit rows.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Arrays
from components.data.preprocessing.scale import MOST_QUANTILES, centre_and_width, quantiles

Learned = Literal["none", "standard", "log", "quantile"]


@dataclass(frozen=True, kw_only=True)
class TargetScaler:
    """A curve, if any, and then (value - mean) / deviation; a target that does not vary is only centred."""

    mean: float = 0.0
    deviation: float = 1.0
    held: tuple[float, float] | None = None  # log: the ends of what may come out, on the scale of what is learned
    quantiles_q: NDArray[np.float64] | None = None  # quantile: in the target's own units

    @classmethod
    def fit(cls, values_n: NDArray[Any], learned: Learned = "standard") -> Self:
        """Take what is needed from the fit rows' values, all finite."""
        values_n = values_n.astype(np.float64)
        if learned == "quantile":
            return cls(quantiles_q=quantiles(values_n, max(2, min(len(values_n), MOST_QUANTILES))))
        curved_n = _log(values_n) if learned == "log" else values_n
        mean, deviation = centre_and_width(curved_n, "standard")
        if learned != "log":
            return cls(mean=mean, deviation=deviation)
        ends = (np.array([curved_n.min(), curved_n.max()]) - mean) / deviation if len(curved_n) else np.zeros(2)
        return cls(mean=mean, deviation=deviation, held=(float(ends[0]), float(ends[1])))

    def transform(self, values_n: NDArray[Any]) -> NDArray[np.float32]:
        """Return what is learned, of the same shape."""
        values_n = values_n.astype(np.float64)
        if self.quantiles_q is not None:
            from_below = np.interp(values_n, self.quantiles_q, self._normal_q)
            from_above = -np.interp(-values_n, -self.quantiles_q[::-1], self._normal_q)  # the scores are symmetric
            return ((from_below + from_above) / 2).astype(np.float32)
        curved_n = values_n if self.held is None else _log(values_n)
        return ((curved_n - self.mean) / self.deviation).astype(np.float32)

    def inverse(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return values of any shape in the target's own units."""
        values = values.astype(np.float64)
        if self.quantiles_q is not None:
            return np.interp(values, self._normal_q, self.quantiles_q).astype(np.float32)
        if self.held is None:
            return (values * self.deviation + self.mean).astype(np.float32)
        curved = np.clip(values, *self.held) * self.deviation + self.mean
        return (np.sign(curved) * np.expm1(np.abs(curved))).astype(np.float32)

    def state(self) -> Arrays:
        """Return the numbers as arrays: exact, where JSON text would also do."""
        if self.quantiles_q is not None:
            return {"quantiles": self.quantiles_q}
        found = {"mean": np.array([self.mean]), "deviation": np.array([self.deviation])}
        return found if self.held is None else {**found, "held": np.array(self.held)}

    @classmethod
    def load(cls, arrays: Arrays) -> Self:
        """Make the scaler that `state` described."""
        if "quantiles" in arrays:
            return cls(quantiles_q=arrays["quantiles"])
        held = (float(arrays["held"][0]), float(arrays["held"][1])) if "held" in arrays else None
        return cls(mean=float(arrays["mean"][0]), deviation=float(arrays["deviation"][0]), held=held)

    @property
    def _normal_q(self) -> NDArray[np.float64]:
        """The standard normal at the middle of each of the q parts: the ends are no further out than n rows reach."""
        from scipy.special import ndtri

        assert self.quantiles_q is not None
        count = len(self.quantiles_q)
        return ndtri((np.arange(count) + 0.5) / count)


def _log(values_n: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sign(values_n) * np.log1p(np.abs(values_n))
