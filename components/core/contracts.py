"""The values and the interfaces that flow between tiers; read this file first.

Everything here is either a frozen value or a Protocol that nobody instantiates. Families (networks, boosters, forests)
meet the stages only through these, so that a new family changes no stage.

Legend: N rows, n rows of one fold, F numeric columns, G coded columns, C outputs, K models, S folds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from components.core.deadlines import Deadline
from components.core.table import Table

JSON = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]  # names -> arrays; what safetensors stores
Task = Literal["binary", "multiclass", "regression"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@dataclass(frozen=True, kw_only=True)
class Features:
    """Model-ready columns of some rows: what a fitted `Preprocessor` returns."""

    numeric_NF: NDArray[np.float32]  # numbers first, then flags (booleans, indicators, one-hot levels)
    codes_NG: NDArray[np.int32]  # 0 = missing or a level that the train rows do not have
    num_codes_G: tuple[int, ...]  # codes of column g lie in [0, num_codes_G[g])
    names_F: tuple[str, ...]
    names_G: tuple[str, ...]
    arrays: Arrays  # image, series, tokens; empty for tables
    num_numbers: int = 0  # how many of the F columns, the first ones, are measured numbers


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A scored part of the train rows, and the rows fitted for it. Written by split, completed by augment."""

    number: int  # 0..S-1
    fit_rows: NDArray[np.int64]  # may hold made rows (ids >= the number of real rows)
    score_rows: NDArray[np.int64]  # real train rows only, disjoint from fit_rows and from the sources of its made rows


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Out-of-fold, test or new rows alike. Row ids are explicit: never assume that n is N."""

    rows_n: NDArray[np.int64]
    fold_n: NDArray[np.int16]
    values_nC: NDArray[np.float32]  # probabilities in schema.classes order; regression: C = 1, own units


class Preprocessor(Protocol):
    """Turns typed columns into `Features`. Fitted once per (spec, fold) on that fold's fit_rows alone."""

    def fit(self, table: Table, rows: NDArray[np.int64]) -> "Preprocessor":
        """Return a fitted copy; `self` stays as it is."""
        ...

    def fit_transform(self, table: Table, rows: NDArray[np.int64]) -> "tuple[Preprocessor, Features]":
        """Return a fitted copy, and the features of these rows as a model is to be fitted on them.

        They may differ from what `transform` makes of the same rows: what is learned from the target (`encode: target`)
        is out-of-fold here, so that no row is told its own answer. Whoever fits a model calls this.
        """
        ...

    def transform(self, table: Table, rows: NDArray[np.int64]) -> Features:
        """Return the same columns in the same order in every fold: F is fixed by the schema, never by the rows."""
        ...

    def state(self) -> tuple[Arrays, JSON]:
        """Return all that `load` needs to predict as this one does."""
        ...


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One point of a search space, planned and numbered by `search`."""

    number: int
    spec: JSON  # settled settings: no range is left in it
    structure: str  # equal structure = may share a population
    protected: bool = False  # a known strong start: trained to its end at once, part of no rung
    rungs: Mapping[int, int] = field(default_factory=dict)
    """Rung -> the epoch after which this candidate reports there (a schedule with cycles: at the end of one)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a candidate. Nothing in it is measured in seconds."""

    number: int
    state: Literal["complete", "pruned", "failed"]
    cause: str | None  # diverged | out_of_memory | deadline | error: ...; None unless failed
    fold_scores_S: tuple[float, ...]  # in the metric's own direction; empty when failed
    curves: Mapping[str, NDArray[np.float32]]  # "train", "validation": [epochs], mean over folds
    rungs: Mapping[int, float]  # step -> score that was reported there
    folder: Path | None  # the finished member: weights, state, out-of-fold Parquet; None unless complete
    facts: Mapping[str, int | float | str]  # epochs, parameters, ...: counted, never measured: shown, and objectives
    notes: Mapping[str, int] = field(default_factory=dict)  # how it was trained here: in the study, never in an out


def failure(number: int, cause: str) -> Outcome:
    """Return the outcome of a candidate that came to nothing."""
    return Outcome(
        number=number, state="failed", cause=cause, fold_scores_S=(), curves={}, rungs={}, folder=None, facts={}
    )


Report = Callable[[int, Mapping[int, float]], frozenset[int]]
"""(step, score by candidate) -> the candidates to drop. Called once per rung, for the whole generation."""


class Evaluate(Protocol):
    """The one thing that `search` drives: networks (a population) and boosters (one by one) alike."""

    def __call__(
        self,
        generations: Iterator[Sequence[Candidate]],
        folds: Sequence[Fold],
        *,
        report: Report,
        deadline: Deadline,
        checkpoint: Path,
    ) -> Iterator[Outcome]:
        """Train each candidate on the folds; yield its outcome as soon as it is certain.

        The next generation is pulled only when the one before the current is finished; it may be empty, where an
        earlier call left nothing to do. Finished members are written to `checkpoint/<number, five digits>/`; a second
        call with other folds adds these folds to the same folder.
        A candidate that the deadline cuts off has no outcome.
        """
        ...


class Metric(Protocol):
    """A score of predictions, in numpy only: K models cost one call."""

    name: str
    title: str  # as it is written in a sentence: "ROC AUC"
    greater_is_better: bool
    needs: Literal["probability", "label", "value"]
    tasks: tuple[Task, ...]

    def __call__(
        self, truth_n: NDArray[Any], values_KnC: NDArray[np.float32], weight_n: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Score K models on the same n rows; truth is class numbers or values. Returns [K]."""
        ...

    def on(
        self, truth_n: NDArray[Any], values_KnC: NDArray[np.float32]
    ) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """Return weights [n] -> scores [K] of these rows, for many weights: what needs none is worked out once."""
        ...


@runtime_checkable
class Member(Protocol):
    """S fold models of one configuration. On new rows it predicts their mean."""

    @property
    def name(self) -> str:
        """The name that tables show and folders carry."""
        ...

    @property
    def family(self) -> str:
        """Who can load it: network, boosting, ..., ensemble."""
        ...

    @property
    def oof(self) -> Predictions:
        """Its out-of-fold predictions of train rows."""
        ...

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict rows of a table (all of them by default): [N, C]."""
        ...

    def cost(self) -> int:
        """Multiply-adds per row: counted, not measured, so that choices by cost are reproducible."""
        ...

    def save(self, folder: Path) -> None:
        """Write the member into an existing empty folder: safetensors, JSON, Parquet, boosters' own formats."""
        ...


Loaders = Mapping[str, Callable[[Path], Member]]
"""family -> loader; made by `components.project.families`, handed to serving and stacking."""
