"""What a metric says of a fold's outputs, in the target's own units.

Legend: n scored rows of one fold, C outputs.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.contracts import Metric, Task
from components.training import losses
from components.training.prepared import Prepared


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Scores outputs of the folds of one preprocessing."""

    prepared: Prepared
    metric: Metric
    task: Task

    def values(self, fold: int, outputs_nC: torch.Tensor) -> NDArray[np.float32]:
        """Return probabilities, or values in their own units."""
        values = losses.predictions(outputs_nC.unsqueeze(0), self.task)[0].numpy()
        scaler = self.prepared.folds[fold].scaler
        return values.astype(np.float32) if scaler is None else scaler.inverse(values)

    def score(self, fold: int, values_nC: NDArray[np.float32]) -> float:
        """Return the metric of what `values` returned."""
        return float(self.metric(self.prepared.folds[fold].truth_n, values_nC[None])[0])

    def error(self, fold: int, outputs_nC: torch.Tensor) -> float:
        """Return the metric of outputs, turned so that smaller is better."""
        score = self.score(fold, self.values(fold, outputs_nC))
        return -score if self.metric.greater_is_better else score
