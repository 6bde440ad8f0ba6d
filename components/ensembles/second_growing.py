"""How the second layer of stacking is grown: a booster per fold, on the out-of-fold predictions of the others.

What it is, and why it is not trusted as other ways are, stands in `second_layer.py`.

Legend: M members that are seen, n rows, C outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Fold, Metric, Predictions
from components.core.lazy import lazy
from components.core.seeds import derive, generator
from components.core.table import Table
from components.ensembles.fold_member import FoldMember, FoldPart, make_member
from components.ensembles.prepared import AnyPreprocess, Prepared, prepare
from components.ensembles.second_layer import DEPTH, FAMILY, NAME, SecondModel, matrix_of, with_seen

if TYPE_CHECKING:
    import xgboost
else:
    xgboost = lazy("xgboost")

ROUNDS = 60
MOST_FIT_ROWS = 10_000  # of a fold; what is left over is small and needs no more
SCORED = 4  # times as many of its scored rows say after how many rounds it is best
MANY_CLASSES = 6  # of more classes, each of which has a tree in every round, fewer rows
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


def most_rows(num_outputs: int) -> int:
    """Return how many rows of a fold it is fitted on at most: fewer where every round has a tree for each of many."""
    return MOST_FIT_ROWS * MANY_CLASSES // max(MANY_CLASSES, num_outputs)


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
    most = most_rows(oof_MnC.shape[2])
    kept = [replace(fold, fit_rows=_some(fold.fit_rows, most, derive(seed, "second", fold.number))) for fold in real]
    prepared = prepare(preprocess, table, kept, seed)
    unit = float(np.std(table.target()[rows_n])) or 1.0 if oof_MnC.shape[2] == 1 else 1.0
    place_of = np.zeros(int(rows_n.max()) + 1, dtype=np.int64)
    place_of[rows_n] = np.arange(len(rows_n))

    def one(part: Prepared) -> tuple[Any, NDArray[np.float64]] | None:
        seen = [oof_MnC[:, place_of[rows]] for rows in (part.fold.fit_rows, part.fold.score_rows)]
        every = -(-len(part.fold.score_rows) // (SCORED * most))
        return _grow(part, seen, every, unit, derive(seed, "second", "fold", part.fold.number), cut_off)

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
    values_nC = model.predict(with_seen(part.scored, first_MnC))
    rows_n, number = part.fold.score_rows, part.fold.number
    oof = Predictions(rows_n=rows_n, fold_n=np.full(len(rows_n), number, dtype=np.int16), values_nC=values_nC)
    score = float(metric(part.score_target, values_nC[None])[0])
    return FoldPart(number=number, preprocessor=part.preprocessor, model=model, oof=oof, score=score)


def _grow(
    part: Prepared,
    seen: Sequence[NDArray[np.float32]],
    every: int,
    unit: float,
    seed: int,
    cut_off: Callable[[], bool],
) -> tuple[Any, NDArray[np.float64]] | None:
    """Grow all rounds of one fold; return the booster and the loss of every so many scored rows after each round."""
    num_seen, _, num_outputs = seen[0].shape
    some = replace(part.scored, numeric_NF=part.scored.numeric_NF[::every], codes_NG=part.scored.codes_NG[::every])
    sides = [(part.fit, part.fit_target, seen[0]), (some, part.score_target[::every], seen[1][:, ::every])]
    fit, scored = [
        matrix_of(with_seen(features, first_MnC), num_seen, num_outputs, unit, label=target_n / unit)
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


def _some(rows_n: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    if len(rows_n) <= most:
        return rows_n
    return np.sort(generator(seed, "rows").choice(rows_n, most, replace=False))
