"""What the families share when a kept model grows again: on which rows, in what part of the time.

Boosters: `components/ensembles/boosting_refit.py`; forests and the others of bagging: `components/ensembles/refit.py`;
networks: `components/training/refit.py`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from components.core.contracts import Fold

HowMany = Literal["auto"] | Annotated[int, Field(ge=0)]
REFIT = "kept models that grow once more, on all train rows, to answer in their folds' place; auto = as time allows"
REFIT_SHARE = 0.25  # of a search's seconds is kept back for it, until it is known how long it takes


def every_row(folds: Sequence[Fold]) -> Fold:
    """Return one fold more, which fits all rows of these, the made ones too, and scores none."""
    rows = np.unique(np.concatenate([part for fold in folds for part in (fold.fit_rows, fold.score_rows)]))
    return Fold(number=1 + max(fold.number for fold in folds), fit_rows=rows, score_rows=rows[:0])
