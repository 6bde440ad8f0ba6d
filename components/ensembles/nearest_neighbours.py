"""Nearest neighbours: a row is answered by the stored rows most like it, the nearer ones counting more.

Exact, by Euclidean distance over the columns as the member's preprocessing makes them, held within +-8 so that one
strange number does not decide alone. A neighbour's weight is 1 / distance (Dudani 1976). Classes get one vote more,
shared out as the classes are among the stored rows: without it a row among neighbours of one class would be certain.
How many neighbours are asked is chosen inside the fit rows, on the parts that the other folds score.

Nothing is learned but the rows themselves, so a member holds them: at most `MOST_ROWS` of a fold, drawn by seed. That
bounds its size and the time of an answer, which is one product with the stored rows.

Legend: n rows asked, R stored rows, F columns, C outputs, k neighbours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.data.preprocessing.pipeline import load
from components.ensembles.fold_member import FoldMember, FoldModel, LoadPreprocessor, Saved, read_member
from components.ensembles.linear import loss

MOST_ROWS = 20_000  # that are stored of one fold
FARTHEST = 8.0  # of any column from 0
COUNTS = (3, 6, 12, 25, 50, 100)  # of neighbours, among which is chosen
SPARE = 8  # neighbours more than are asked for are looked at exactly: a product is too coarse for near distances
DISTANCES_AT_ONCE = 1 << 22
MOST_ASKED = 500  # rows of one part on which the number of neighbours is chosen
LEAST_DISTANCE = 1.0e-3

Parts = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


@dataclass(frozen=True, kw_only=True)
class NeighboursModel:
    """The stored rows of one fold; each repeat has rows and a number of neighbours of its own."""

    rows_RF: tuple[NDArray[np.float32], ...]
    answers_RC: tuple[NDArray[np.float32], ...]  # one-hot classes, or values [R, 1]
    counts: tuple[int, ...]

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict probabilities, or values when there is one output [N, C]."""
        asked_NF = held(features.numeric_NF)
        parts = [
            answered(asked_NF, rows_RF, answers_RC, (count,))[0]
            for rows_RF, answers_RC, count in zip(self.rows_RF, self.answers_RC, self.counts, strict=True)
        ]
        return np.asarray(np.mean(parts, axis=0), dtype=np.float32)

    def cost(self) -> int:
        """Multiply-adds per row: one product with all stored rows."""
        return sum(rows_RF.size for rows_RF in self.rows_RF)

    def saved(self) -> Saved:
        """Return the rows, their answers, and how many neighbours are asked."""
        arrays = {f"rows_RF.{number}": rows_RF for number, rows_RF in enumerate(self.rows_RF)}
        arrays |= {f"answers_RC.{number}": answers_RC for number, answers_RC in enumerate(self.answers_RC)}
        return Saved(arrays={**arrays, "counts": np.array(self.counts, dtype=np.int64)}, json={})

    @classmethod
    def read(cls, saved: Saved) -> "NeighboursModel":
        """Take back what `saved` returned."""
        counts = tuple(int(count) for count in saved.arrays["counts"])
        repeats = range(len(counts))
        return cls(
            rows_RF=tuple(saved.arrays[f"rows_RF.{number}"] for number in repeats),
            answers_RC=tuple(saved.arrays[f"answers_RC.{number}"] for number in repeats),
            counts=counts,
        )


def fit_neighbours(
    numeric_nF: NDArray[np.float32],
    target_n: NDArray[Any],
    num_outputs: int,
    inner: Parts,
    rows: NDArray[np.int64],
) -> NeighboursModel:
    """Store `rows`, with the number of neighbours that does best on `inner`: pairs of positions (fit, score)."""
    held_nF = held(numeric_nF)
    answers_nC = as_answers(target_n, num_outputs)
    losses_K = np.zeros(len(COUNTS))
    for fit, score in inner:
        chosen = fit[:: 1 + len(fit) // MOST_ROWS]
        asked = score[:: 1 + len(score) // MOST_ASKED]
        found = answered(held_nF[asked], held_nF[chosen], answers_nC[chosen], COUNTS)
        losses_K += [_loss(values_nC, target_n[asked]) for values_nC in found]
    count = COUNTS[int(np.argmin(losses_K))] if len(inner) else 12
    return NeighboursModel(rows_RF=(held_nF[rows],), answers_RC=(answers_nC[rows],), counts=(count,))


def joined(models: Sequence[FoldModel]) -> NeighboursModel:
    """Lay the repeats of one fold together."""
    parts = [model for model in models if isinstance(model, NeighboursModel)]
    return NeighboursModel(
        rows_RF=tuple(rows for part in parts for rows in part.rows_RF),
        answers_RC=tuple(answers for part in parts for answers in part.answers_RC),
        counts=tuple(count for part in parts for count in part.counts),
    )


def answered(
    asked_nF: NDArray[np.float32],
    rows_RF: NDArray[np.float32],
    answers_RC: NDArray[np.float32],
    counts: Sequence[int],
) -> list[NDArray[np.float64]]:
    """Answer rows by so many neighbours, for each of `counts` [n, C]."""
    usual_C = answers_RC.mean(axis=0, dtype=np.float64)
    is_value = answers_RC.shape[1] == 1
    found: list[list[NDArray[np.float64]]] = [[] for _ in counts]
    for near_nk, distance_nk in neighbours(asked_nF, rows_RF, max(counts)):
        weight_nk = 1.0 / np.maximum(distance_nk, LEAST_DISTANCE)
        answer_nkC = answers_RC[near_nk].astype(np.float64)
        for position, count in enumerate(counts):
            weight = weight_nk[:, :count]
            total_nC = np.einsum("nk,nkc->nc", weight, answer_nkC[:, :count])
            whole_n1 = weight.sum(axis=1, keepdims=True)
            if not is_value:
                vote_n1 = whole_n1 / weight.shape[1]
                total_nC, whole_n1 = total_nC + vote_n1 * usual_C, whole_n1 + vote_n1
            found[position].append(total_nC / whole_n1)
    empty = np.zeros((0, answers_RC.shape[1]))
    return [np.concatenate([empty, *blocks]) for blocks in found]


def neighbours(
    asked_nF: NDArray[np.float32], rows_RF: NDArray[np.float32], count: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield, for a block of rows after another, the positions of the nearest `count` rows and their distances [n, k].

    The nearest first, of equally near ones the one stored first. `count` is cut to the rows that there are.
    """
    count = min(count, len(rows_RF))
    candidates = min(count + SPARE, len(rows_RF))
    size_R = np.einsum("rf,rf->r", rows_RF, rows_RF)
    at_once = max(
        1, min(DISTANCES_AT_ONCE // len(rows_RF), DISTANCES_AT_ONCE // (candidates * max(1, rows_RF.shape[1])))
    )
    for start in range(0, len(asked_nF), at_once):
        asked = asked_nF[start : start + at_once]
        rough_nR = asked @ rows_RF.T
        rough_nR *= -2.0
        rough_nR += size_R
        near_nk = np.argpartition(rough_nR, candidates - 1, axis=1)[:, :candidates]
        near_nk.sort(axis=1)
        difference_nkF = rows_RF[near_nk] - asked[:, None, :]
        square_nk = np.einsum("nkf,nkf->nk", difference_nkF, difference_nkF, dtype=np.float64)
        order_nk = np.argsort(square_nk, axis=1, kind="stable")[:, :count]
        yield np.take_along_axis(near_nk, order_nk, axis=1), np.sqrt(np.take_along_axis(square_nk, order_nk, axis=1))


def held(numeric_nF: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hold every column within what may decide."""
    return np.clip(numeric_nF, -FARTHEST, FARTHEST)


def as_answers(target_n: NDArray[Any], num_outputs: int) -> NDArray[np.float32]:
    """Return what a row votes for: its class as one-hot [n, C], or its value [n, 1]."""
    if num_outputs == 1:
        return target_n.astype(np.float32)[:, None]
    return np.eye(num_outputs, dtype=np.float32)[target_n]


def _loss(values_nC: NDArray[np.float64], target_n: NDArray[Any]) -> float:
    """Return the mean squared error, or log loss; `linear.loss` takes what softmax would, so logarithms."""
    return loss(values_nC if values_nC.shape[1] == 1 else np.log(np.maximum(values_nC, 1e-12)), target_n)


def load_neighbours(folder: Path, load_preprocessor: LoadPreprocessor = load) -> FoldMember:
    """Load a member of the family "nearest_neighbours"."""
    return read_member(folder, NeighboursModel.read, load_preprocessor)
