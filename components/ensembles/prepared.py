"""The rows of one fold as one preprocessor sees them, and the model that was fitted on them, judged.

Shared by boosting and bagging: everything that is fitted is fitted on `fit_rows`, everything that is scored on
`score_rows`, and this is the one place that lays the two side by side.

Legend: n rows of one call, C outputs, S folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Fold, Metric, Predictions, Preprocessor
from components.core.table import Table
from components.data.preprocessing.images import PixelFeatures
from components.data.preprocessing.pipeline import build
from components.data.preprocessing.spec import PreprocessSpec
from components.ensembles.fold_member import FoldModel, FoldPart


@runtime_checkable
class ByFold(Protocol):
    """A preprocessor for each fold, made elsewhere: what a fold's network sees (`components/project/embedding.py`)."""

    def of_fold(self, number: int) -> Preprocessor:
        """Return the preprocessor of one fold, not yet fitted."""
        ...


AnyPreprocess = PreprocessSpec | PixelFeatures | ByFold


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """One fold, model-ready."""

    fold: Fold
    preprocessor: Preprocessor  # fitted on the fit rows
    fit: Features
    scored: Features
    fit_target: NDArray[Any]  # class numbers, or values
    score_target: NDArray[Any]


def prepare(spec: AnyPreprocess, table: Table, folds: Sequence[Fold], seed: int = 0) -> list[Prepared]:
    """Fit a preprocessor on every fold and transform both sides of it; `seed` is for what it draws."""
    target = table.target()
    found = []
    for fold in folds:
        unfitted = spec.of_fold(fold.number) if isinstance(spec, ByFold) else build(spec, table.schema, seed)
        fitted, fit = unfitted.fit_transform(table, fold.fit_rows)
        found.append(
            Prepared(
                fold=fold,
                preprocessor=fitted,
                fit=fit,
                scored=fitted.transform(table, fold.score_rows),
                fit_target=target[fold.fit_rows],
                score_target=target[fold.score_rows],
            )
        )
    return found


def judged(prepared: Prepared, model: FoldModel, metric: Metric) -> FoldPart:
    """Predict and score the rows that the model was not fitted on."""
    values_nC = model.predict(prepared.scored)
    rows_n = prepared.fold.score_rows
    oof = Predictions(
        rows_n=rows_n, fold_n=np.full(len(rows_n), prepared.fold.number, dtype=np.int16), values_nC=values_nC
    )
    score = float(metric(prepared.score_target, values_nC[None])[0])
    return FoldPart(number=prepared.fold.number, preprocessor=prepared.preprocessor, model=model, oof=oof, score=score)
