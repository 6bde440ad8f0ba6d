"""The second layer of stacking as a stage needs it: grown from the members that greedy selection uses, and measured."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.core.contracts import JSON
from components.core.predictions import read_member_oof
from components.data.preprocessing.images import PixelFeatures
from components.data.preprocessing.spec import TreePreprocess
from components.data.splits import read_folds
from components.ensembles.greedy import greedy
from components.ensembles.prepared import AnyPreprocess
from components.ensembles.second_growing import grow_second
from components.ensembles.second_layer import SecondLayer, alone
from components.ensembles.speed import MEASURED_ROWS, milliseconds_per_row
from components.ensembles.tries import Second
from pipelines.engine.answering import answering
from pipelines.engine.ground import Ground
from pipelines.engine.stage import Stage

LEAST_MEMBERS = 2
MOST_MEMBERS = 8  # that the second layer sees: each of them stays in the ensemble
MOST_AUTO_ROWS = 200_000  # above, `auto` does not try it: reading and preparing all rows would take longest


@dataclass(frozen=True, kw_only=True)
class Grown:
    """The second layer's member folder, outside the outs, and what it offers."""

    folder: Path
    offered: Second
    ms_per_row: float | None


def grow(stage: Stage, ground: Ground, described: Sequence[JSON], ms_left: float | None) -> Grown | None:
    """Grow it where the method asks for it; None where it is not asked for, or cannot be.

    It needs two folds, for its own predictions must be out-of-fold, and time. `ms_left`: milliseconds per row that the
    limit leaves to it; None is no limit.
    """
    spec, aligned = stage.spec, ground.aligned
    is_asked = spec.method == "two_layers" or (spec.method == "auto" and _is_worth_a_try(ground))
    if not is_asked or len(np.unique(aligned.fold_n)) < 2 or (ms_left is not None and ms_left <= 0):
        return None
    weight_M = greedy(aligned.values_MnC, ground.scores(), ground.cost_M).weight_M
    seen = np.sort(np.argsort(-weight_M, kind="stable")[: min(MOST_MEMBERS, max(1, int((weight_M > 0).sum())))])
    names = [str(described[m]["name"]) for m in seen]
    _, folds = read_folds(stage.input("split"))
    member = grow_second(
        _preprocess(ground),
        ground.table,
        [fold for fold in folds if fold.number in aligned.fold_n],
        aligned.values_MnC[seen],
        aligned.rows_n,
        names,
        metric=ground.metric,
        seed=stage.seed,
        cores=stage.cores,
        cut_off=stage.deadline.over,
    )
    if member is None:
        return None
    folder = stage.studies / "second_layer" / member.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    member.save(folder)
    folder = answering(stage, folder)
    layer = alone(folder)
    ms = None
    if ms_left is not None:
        asked = ground.table.taken(aligned.rows_n[:MEASURED_ROWS])
        ms = milliseconds_per_row(_Measured(layer, aligned.values_MnC[seen]), asked)
        if ms > ms_left:
            return None
    oof = read_member_oof(folder)
    assert (oof.rows_n == aligned.rows_n).all(), "a second layer answers the rows that its members do"
    cost = layer.cost() + int(ground.cost_M[seen].sum())
    return Grown(folder=folder, offered=Second(values_nC=oof.values_nC, cost=cost), ms_per_row=ms)


class _Measured:
    """The second layer alone, its members' answers known, to be measured."""

    def __init__(self, layer: SecondLayer, values_MnC: Any) -> None:
        self._layer = layer
        self._values_MnC = values_MnC

    def predict(self, table: Any, rows: Any = None) -> Any:
        return self._layer.answer(table, rows, self._values_MnC[:, : table.num_rows])


def _is_worth_a_try(ground: Ground) -> bool:
    """Whether `auto` tries it: pictures have too many columns, one member nobody to look at beside."""
    is_small = len(ground.truth_n) <= MOST_AUTO_ROWS
    return is_small and ground.schema.picture is None and len(ground.cost_M) >= LEAST_MEMBERS


def _preprocess(ground: Ground) -> AnyPreprocess:
    return TreePreprocess() if ground.schema.picture is None else PixelFeatures(features="pixels")
