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

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Fold, Member, Metric, Predictions
from components.core.files import read_json
from components.core.lazy import lazy
from components.core.seeds import derive, generator
from components.core.table import Table
from components.ensembles.combine import log_probabilities
from components.ensembles.fold_member import FoldMember, FoldPart, Saved, make_member, read_member
from components.ensembles.prepared import AnyPreprocess, Prepared, prepare

if TYPE_CHECKING:
    import xgboost
else:
    xgboost = lazy("xgboost")

NAME = FAMILY = "second_layer"
ROUNDS, DEPTH = 60, 3
MOST_FIT_ROWS = 10_000  # of a fold; what is left over is small and needs no more
SETTINGS: Mapping[str, Any] = {
    "learning_rate": 0.1,
    "max_depth": DEPTH,
    "min_child_weight": 10.0,
    "reg_lambda": 10.0,
    "subsample": 0.8,
    "colsample_bynode": 0.5,
    "max_bin": 64,
    "tree_method": "hist",
    "nthread": 1,
    "verbosity": 0,
}
OBJECTIVES = {1: "reg:squarederror", 2: "binary:logistic"}  # by C; more classes: multi:softprob


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
        matrix = _matrix(features, self.num_seen, self.num_outputs, self.unit)
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
            part.model.predict(_with_seen(part.preprocessor.transform(table, wanted), first_MnC)).astype(np.float64)
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


def grow_second(
    preprocess: AnyPreprocess,
    table: Table,
    folds: Sequence[Fold],
    oof_MnC: NDArray[np.float32],
    rows_n: NDArray[np.int64],
    sees: Sequence[str],
    *,
    metric: Metric,
    seed: int,
    cores: int,
    cut_off: Callable[[], bool],
) -> FoldMember | None:
    """Grow the second layer on members' out-of-fold predictions for `rows_n`; None when the clock said no first.

    `folds` are those that all members have; rows that augment made have no such predictions and are left out.
    """
    real = [
        Fold(number=fold.number, fit_rows=np.intersect1d(fold.fit_rows, rows_n), score_rows=fold.score_rows)
        for fold in folds
    ]
    kept = [replace(fold, fit_rows=_some(fold.fit_rows, derive(seed, "second", fold.number))) for fold in real]
    prepared = prepare(preprocess, table, kept, seed)
    unit = float(np.std(table.target()[rows_n])) or 1.0 if oof_MnC.shape[2] == 1 else 1.0
    place_of = np.zeros(int(rows_n.max()) + 1, dtype=np.int64)
    place_of[rows_n] = np.arange(len(rows_n))

    def one(part: Prepared) -> tuple[Any, NDArray[np.float64]] | None:
        seen = [oof_MnC[:, place_of[rows]] for rows in (part.fold.fit_rows, part.fold.score_rows)]
        return _grow(part, seen, unit, derive(seed, "second", "fold", part.fold.number), cut_off)

    with ThreadPoolExecutor(cores, thread_name_prefix="second") as pool:
        found = [grown for grown in pool.map(one, prepared) if grown is not None]
    if len(found) < len(prepared):
        return None
    parts = []
    for number, (part, (booster, _)) in enumerate(zip(prepared, found, strict=True)):
        others = [curve for other, (_, curve) in enumerate(found) if other != number]
        rounds = 1 + int(np.argmin(np.mean(others, axis=0)))
        first_MnC = oof_MnC[:, place_of[part.fold.score_rows]]
        parts.append(_finished(part, booster[:rounds], first_MnC, unit, rounds, metric))
    return make_member(
        name=NAME,
        family=FAMILY,
        spec={"sees": list(sees)},
        table=table.schema.table,
        facts={"trees": round(float(np.mean([part.model.saved().json["rounds"] for part in parts])), 1)},
        parts=parts,
    )


def _finished(
    part: Prepared, booster: Any, first_MnC: NDArray[np.float32], unit: float, rounds: int, metric: Metric
) -> FoldPart:
    content = bytes(booster.save_raw("ubj"))
    num_seen, _, num_outputs = first_MnC.shape
    model = SecondModel(content=content, num_seen=num_seen, num_outputs=num_outputs, unit=unit, rounds=rounds)
    values_nC = model.predict(_with_seen(part.scored, first_MnC))
    rows_n, number = part.fold.score_rows, part.fold.number
    oof = Predictions(rows_n=rows_n, fold_n=np.full(len(rows_n), number, dtype=np.int16), values_nC=values_nC)
    score = float(metric(part.score_target, values_nC[None])[0])
    return FoldPart(number=number, preprocessor=part.preprocessor, model=model, oof=oof, score=score)


def _grow(
    part: Prepared, seen: Sequence[NDArray[np.float32]], unit: float, seed: int, cut_off: Callable[[], bool]
) -> tuple[Any, NDArray[np.float64]] | None:
    """Grow all rounds of one fold; return the booster and the loss of the scored rows after each round."""
    num_seen, _, num_outputs = seen[0].shape
    sides = [(part.fit, part.fit_target, seen[0]), (part.scored, part.score_target, seen[1])]
    fit, scored = [
        _matrix(_with_seen(features, first_MnC), num_seen, num_outputs, unit, label=target_n / unit)
        for features, target_n, first_MnC in sides
    ]
    more: dict[str, Any] = {"objective": OBJECTIVES.get(num_outputs, "multi:softprob"), "seed": seed % 2**31}
    if num_outputs > 2:
        more["num_class"] = num_outputs
    booster = xgboost.Booster({**SETTINGS, **more}, [fit, scored])
    losses = []
    for number in range(ROUNDS):
        if cut_off():
            return None
        booster.update(fit, number)
        losses.append(float(booster.eval(scored).rsplit(":", 1)[1]))
    return booster, np.array(losses)


def _with_seen(features: Features, first_MnC: NDArray[np.float32]) -> Features:
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


def _matrix(features: Features, num_seen: int, num_outputs: int, unit: float, label: Any = None) -> Any:
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


def _some(rows_n: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    if len(rows_n) <= MOST_FIT_ROWS:
        return rows_n
    return np.sort(generator(seed, "rows").choice(rows_n, MOST_FIT_ROWS, replace=False))
