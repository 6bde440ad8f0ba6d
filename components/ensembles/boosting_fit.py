"""What growing one booster on one fold asks of a library, and what it gets. One thread, always.

Each library is one file with one door, a `Library`: its own words for the settings, early stopping, the clock. Common
to all: regression learns the standardised target, so that L2 and float32 mean the same for house prices and for
milligrams; the round that is kept is the best one on the part that the fold scores, by log loss or squared error
whatever the metric: those are smooth, and the metric judges the finished model. Where nothing is scored, as
many rounds as are asked for are grown (`refit.py`). `device` is the GPU for XGBoost alone.

A booster grows in a thread and cannot be killed: it is asked to end after each round, so it holds a stage up by one
round at most, or by the building of its bins before the first.

Legend: n rows, F numeric columns, G coded columns, C outputs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Task
from components.ensembles.boosting import TreesSpec

CutOff = Callable[[], bool]
Part = tuple[Features, NDArray[Any]]  # columns and target of the same rows
Predict = Callable[[Features], NDArray[Any]]
"""Probability of the second class, or value [n]; of several classes the probabilities [n, C]."""
Start = Mapping[str, Any]  # settings of one booster by word: a configuration that is known to be strong


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What shall grow."""

    trees: TreesSpec
    task: Task
    num_outputs: int
    seed: int
    patience: int
    signs: tuple[int, ...] = ()  # by column: 1 the answer rises with it, -1 it falls, 0 anything; empty: all 0
    device: str = "cpu"  # or cuda


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A booster cut at its best round, and its losses round by round."""

    content: bytes  # of a file in the library's own format; the same booster gives the same bytes
    rounds: int
    levels: int  # questions that a tree asks a row, about
    curves: Mapping[str, NDArray[np.float32]]  # train, validation: [all rounds, also those after the best], or none


@dataclass(frozen=True, kw_only=True)
class Library:
    """The door of one library; nothing is imported before something is grown or read."""

    word: str
    ending: str  # of its file
    lacks: frozenset[str]  # words of `TreesSpec` that it has no counterpart for
    ranges: Mapping[str, Any]  # what it searches where a line of `trees` stands as by default, if not the same
    starts: Callable[[Task], list[Start]]  # known strong configurations, a quick one first
    grow: Callable[[Asked, Part, Part | None, CutOff], Grown | None]  # fit, scored part; None: `CutOff` said so first
    read: Callable[[bytes], Predict]


def matrix(features: Features) -> NDArray[np.float32]:
    """Lay numbers and codes side by side; missing and unknown are NaN [n, F + G]."""
    codes_NG = features.codes_NG.astype(np.float32) - 1.0
    codes_NG[codes_NG < 0] = np.nan
    return np.hstack([features.numeric_NF, codes_NG])


def drawn(part: Part, count: int, random: np.random.Generator) -> Part:
    """Return `count` rows of a part, in their order; all of them where there are no more."""
    features, target = part
    if count >= len(target):
        return part
    rows = np.sort(random.choice(len(target), count, replace=False))
    return replace(features, numeric_NF=features.numeric_NF[rows], codes_NG=features.codes_NG[rows]), target[rows]
