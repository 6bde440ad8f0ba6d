"""What stacking stands on: the members that were kept, their predictions side by side, and the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components import metrics
from components.core.table import Schema, Table
from components.ensembles.combine import PartScores
from components.ensembles.stacking import Aligned


@dataclass(frozen=True, kw_only=True)
class Source:
    """A member that may become part of the ensemble."""

    stage: str
    folder: Path
    described: Any  # member.json
    ms_per_row: float | None = None  # measured only under a limit

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.described["name"])


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What the choice stands on."""

    schema: Schema
    table: Table
    metric: metrics.Score
    aligned: Aligned
    truth_n: NDArray[Any]
    cost_M: NDArray[np.int64]

    def scores(self) -> PartScores:
        """Return the metric as folds judge."""
        fold_n = self.aligned.fold_n
        return PartScores(self.metric, self.truth_n, [np.flatnonzero(fold_n == number) for number in np.unique(fold_n)])

    def only(self, members: Sequence[int]) -> "Ground":
        """Return the same for some of the members."""
        kept = Aligned(
            rows_n=self.aligned.rows_n, fold_n=self.aligned.fold_n, values_MnC=self.aligned.values_MnC[members]
        )
        return replace(self, aligned=kept, cost_M=self.cost_M[members])
