"""A finished booster of one fold: predicts features, is saved as XGBoost's UBJSON, comes back without the project.

`load_booster` is what the project's table of loaders names for the family "boosting".

Legend: N rows, C outputs.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.core.lazy import lazy
from components.data.preprocessing.target import TargetScaler
from components.ensembles.boosting_fit import column_types, matrix
from components.ensembles.fold_member import FoldMember, Saved, read_member

if TYPE_CHECKING:
    import xgboost
else:
    xgboost = lazy("xgboost")


@dataclass(frozen=True, kw_only=True)
class BoosterModel:
    """One booster, and for regression the scale on which it learned the target."""

    ubj: bytes
    task: str
    num_outputs: int
    trees: int
    depth: int  # of any tree, at most
    scaler: TargetScaler | None

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict probabilities, or values in the target's own units [N, C]."""
        rows = xgboost.DMatrix(
            matrix(features), feature_types=column_types(features), enable_categorical=True, nthread=1
        )
        answers = self._booster.predict(rows)
        if self.task == "multiclass":
            return answers.reshape(len(features.numeric_NF), self.num_outputs)
        if self.task == "binary":
            return np.column_stack([1.0 - answers, answers]).astype(np.float32)
        assert self.scaler is not None, "regression has a scale"
        return self.scaler.inverse(answers)[:, None]

    def cost(self) -> int:
        """Comparisons per row, at most one a level of every tree."""
        return self.trees * self.depth

    def saved(self) -> Saved:
        """Return the booster's own bytes and the few numbers beside it."""
        arrays = {} if self.scaler is None else self.scaler.state()
        words = ("task", "num_outputs", "trees", "depth")
        return Saved(arrays=arrays, json={word: getattr(self, word) for word in words}, ubj=self.ubj)

    @classmethod
    def read(cls, saved: Saved) -> "BoosterModel":
        """Take back what `saved` returned."""
        assert saved.ubj is not None, "a booster has a .ubj file"
        scaler = TargetScaler.load(saved.arrays) if saved.arrays else None
        return cls(ubj=saved.ubj, scaler=scaler, **saved.json)

    @cached_property
    def _booster(self) -> Any:
        booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
        booster.load_model(bytearray(self.ubj))
        return booster


def load_booster(folder: Path) -> FoldMember:
    """Load a member of the family "boosting"."""
    return read_member(folder, BoosterModel.read)
