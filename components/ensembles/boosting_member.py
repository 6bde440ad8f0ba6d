"""A finished booster of one fold: predicts features, is saved in its library's own format, comes back without the rest.

`load_booster` is what the project's table of loaders names for the family "boosting".

Legend: N rows, C outputs.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.data.preprocessing.pipeline import load
from components.data.preprocessing.target import TargetScaler
from components.ensembles.boosting_fit import Predict
from components.ensembles.boosting_libraries import LIBRARIES
from components.ensembles.fold_member import FoldMember, LoadPreprocessor, Saved, read_member


@dataclass(frozen=True, kw_only=True)
class BoosterModel:
    """One booster, and for regression the scale on which it learned the target."""

    library: str
    content: bytes
    task: str
    num_outputs: int
    trees: int
    depth: int  # questions that a tree asks a row, about
    scaler: TargetScaler | None
    by_row: ClassVar[bool] = True

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict probabilities, or values in the target's own units [N, C]."""
        answers = self._predict(features)
        if self.task == "multiclass":
            return answers.reshape(len(features.numeric_NF), self.num_outputs).astype(np.float32)
        if self.task == "binary":
            return np.column_stack([1.0 - answers, answers]).astype(np.float32)
        assert self.scaler is not None, "regression has a scale"
        return self.scaler.inverse(answers)[:, None]

    def cost(self) -> int:
        """Comparisons per row, about one a level of every tree."""
        return self.trees * self.depth

    def saved(self) -> Saved:
        """Return the booster's own bytes and the few numbers beside it."""
        arrays = {} if self.scaler is None else self.scaler.state()
        words = ("library", "task", "num_outputs", "trees", "depth")
        own = (LIBRARIES[self.library].ending, self.content)
        return Saved(arrays=arrays, json={word: getattr(self, word) for word in words}, own=own)

    @classmethod
    def read(cls, saved: Saved) -> "BoosterModel":
        """Take back what `saved` returned."""
        assert saved.own is not None, "a booster has a file of its own"
        scaler = TargetScaler.load(saved.arrays) if saved.arrays else None
        return cls(content=saved.own[1], scaler=scaler, **saved.json)

    @cached_property
    def _predict(self) -> Predict:
        return LIBRARIES[self.library].read(self.content)


def load_booster(folder: Path, load_preprocessor: LoadPreprocessor = load) -> FoldMember:
    """Load a member of the family "boosting"."""
    return read_member(folder, BoosterModel.read, load_preprocessor)
