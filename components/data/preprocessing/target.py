"""The target of a regression, standardised for training and brought back for predicting.

A network that starts near zero should not have to learn first that houses cost 300 000. Metrics and predictions are
always in the user's own units.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Arrays
from components.data.preprocessing.scale import centre_and_width


@dataclass(frozen=True, kw_only=True)
class TargetScaler:
    """(value - mean) / standard deviation; a target that does not vary is only centred."""

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def fit(cls, values_n: NDArray[Any]) -> Self:
        """Take mean and deviation of the fit rows' values, all finite."""
        mean, deviation = centre_and_width(values_n.astype(np.float64), "standard")
        return cls(mean=mean, deviation=deviation)

    def transform(self, values_n: NDArray[Any]) -> NDArray[np.float32]:
        """Return standardised values of the same shape."""
        return ((values_n.astype(np.float64) - self.mean) / self.deviation).astype(np.float32)

    def inverse(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return values of any shape in the target's own units."""
        return (values.astype(np.float64) * self.deviation + self.mean).astype(np.float32)

    def state(self) -> Arrays:
        """Return the two numbers as arrays [1]: exact, where JSON text would also do."""
        return {"mean": np.array([self.mean]), "deviation": np.array([self.deviation])}

    @classmethod
    def load(cls, arrays: Arrays) -> Self:
        """Make the scaler that `state` described."""
        return cls(mean=float(arrays["mean"][0]), deviation=float(arrays["deviation"][0]))
