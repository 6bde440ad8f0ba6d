"""A second layer of stacking: one more member, which sees the others' predictions beside the columns (Wolpert 1992).

It begins where the plain mean of the members that it sees ends, and learns what they leave over: few rounds of
shallow, strongly regularised XGBoost on top of their mean log-odds (or values). Its folds are the members': what
answers for a fold was fitted on the out-of-fold predictions of the other folds. How many rounds a fold gets is read
from the losses of the other folds, never from its own.

Its rows know a little of each other's folds all the same: the predictions for fold 1 come from models that saw fold 2
(the leakage that AutoGluon found in 63 of 244 public sets). So its score flatters it, and `stacking.py` asks more of
it than of other ways.

On disk it is a member like any other, with the names of those that it sees; it cannot be asked without them.

Legend: M members that are seen, n rows, C outputs, D columns (one per member and class, or per member).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Member, Predictions
from components.core.files import read_json
from components.core.lazy import lazy
from components.core.table import Table
from components.ensembles.combine import log_probabilities
from components.ensembles.fold_member import FoldMember, Saved, read_member

if TYPE_CHECKING:
    import xgboost
else:
    xgboost = lazy("xgboost")

NAME = FAMILY = "second_layer"
DEPTH = 3  # of its trees


@dataclass(frozen=True, kw_only=True)
class SecondModel:
    """The booster of one fold; its last columns are the members' predictions (`seen_columns`)."""

    content: bytes  # XGBoost's own format
    num_seen: int  # M
    num_outputs: int
    unit: float  # of numbers: what the booster counts in
    rounds: int

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict probabilities, or values [n, C]."""
        matrix = matrix_of(features, self.num_seen, self.num_outputs, self.unit)
        answers = np.asarray(self._booster.predict(matrix))
        if self.num_outputs == 1:
            return (answers.reshape(-1, 1).astype(np.float64) * self.unit).astype(np.float32)
        if self.num_outputs == 2:
            return np.column_stack([1 - answers, answers]).astype(np.float32)
        return answers.astype(np.float32)

    def cost(self) -> int:
        """Comparisons per row."""
        return self.rounds * DEPTH * (self.num_outputs if self.num_outputs > 2 else 1)

    def saved(self) -> Saved:
        """Return the booster's file and how it is asked."""
        words = ("num_seen", "num_outputs", "unit", "rounds")
        return Saved(arrays={}, json={word: getattr(self, word) for word in words}, own=("ubj", self.content))

    @classmethod
    def read(cls, saved: Saved) -> "SecondModel":
        """Take back what `saved` returned."""
        assert saved.own is not None, "a booster has a file of its own"
        return cls(content=saved.own[1], **saved.json)

    @cached_property
    def _booster(self) -> Any:
        booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
        booster.load_model(bytearray(self.content))
        return booster


@dataclass(frozen=True, kw_only=True)
class SecondLayer:
    """A `components.core.contracts.Member` on top of others."""

    above: FoldMember  # all that was fitted; cannot predict by itself
    first: tuple[Member, ...]  # whom it sees, in this order
    name: str = NAME
    family: str = FAMILY

    @property
    def oof(self) -> Predictions:
        """Its out-of-fold predictions."""
        return self.above.oof

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Ask the members, then predict [N, C]."""
        return self.answer(table, rows, np.stack([member.predict(table, rows) for member in self.first]))

    def answer(
        self, table: Table, rows: NDArray[np.int64] | None, first_MnC: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Predict from what the members have answered to the same rows: the mean of the folds [N, C]."""
        wanted = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
        answers = [
            part.model.predict(with_seen(part.preprocessor.transform(table, wanted), first_MnC)).astype(np.float64)
            for part in self.above.parts
        ]
        return (np.sum(answers, axis=0) / len(answers)).astype(np.float32)

    def cost(self) -> int:
        """Comparisons per row, without the members that it sees: they are members of the same ensemble."""
        return self.above.cost()

    def save(self, folder: Path) -> None:
        """Write what was fitted into an existing empty folder."""
        self.above.save(folder)


def load_second(folder: Path, first: Mapping[str, Member]) -> SecondLayer:
    """Load a second layer; `first` has the members of its ensemble by name."""
    seen: Sequence[str] = read_json(folder / "member.json")["spec"]["sees"]
    return SecondLayer(above=read_member(folder, SecondModel.read), first=tuple(first[name] for name in seen))


def alone(folder: Path) -> SecondLayer:
    """Load what was fitted, to be measured and counted: it sees nobody, and can only `answer`."""
    return SecondLayer(above=read_member(folder, SecondModel.read), first=())


def with_seen(features: Features, first_MnC: NDArray[np.float32]) -> Features:
    """Lay the members' predictions behind the numbers: log-odds, log-probabilities, or values."""
    return replace(features, numeric_NF=np.hstack([features.numeric_NF, seen_columns(first_MnC)]))


def seen_columns(first_MnC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the members' predictions as columns [n, D]."""
    num_outputs = first_MnC.shape[2]
    if num_outputs == 1:
        return np.ascontiguousarray(first_MnC[:, :, 0].T)
    logs_MnC = log_probabilities(first_MnC)
    if num_outputs == 2:
        return np.ascontiguousarray((logs_MnC[:, :, 1] - logs_MnC[:, :, 0]).T, dtype=np.float32)
    return np.hstack(list(logs_MnC)).astype(np.float32)


def matrix_of(features: Features, num_seen: int, num_outputs: int, unit: float, label: Any = None) -> Any:
    """Return XGBoost's matrix; it begins from the mean of the members."""
    codes_NG = features.codes_NG.astype(np.float32) - 1.0
    codes_NG[codes_NG < 0] = np.nan
    per_member = num_outputs if num_outputs > 2 else 1
    seen_nD = features.numeric_NF[:, -num_seen * per_member :]
    start = seen_nD.reshape(len(seen_nD), num_seen, per_member).mean(axis=1) / unit
    return xgboost.DMatrix(
        np.hstack([features.numeric_NF, codes_NG]),
        label=label,
        base_margin=start if per_member > 1 else start[:, 0],
        feature_types=["q"] * features.numeric_NF.shape[1] + ["c"] * codes_NG.shape[1],
        enable_categorical=True,
        nthread=1,
    )
