"""`encode: target`: a level becomes the mean of the target in its rows, smoothed (Micci-Barreca 2001).

    (sum of the level's answers + smoothing x mean of all) / (rows of the level + smoothing)

For two classes the answer is being the second one; for more, one column for each class but the first; for a number it
is the number. Missing values are a level of their own; a level that nobody knows gets the mean of all.

A row that helped to make its own encoding would be told its answer, and the more so the rarer its level. So the fit
rows get means of the other parts of an inner cut in five; new and scored rows get those of all fit rows. Which part a
row is in depends on its id and the seed alone; a made row is in the part of the row that it was made from. Where new
rows bring new groups (`split.by: group`) it depends on the row's group instead: else the others of a patient would tell
in the fit rows what nobody will tell about a new one.

Legend: n rows, V numbers of levels (missing, levels, rare), K columns that come out, P parts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.seeds import derive
from components.core.table import Schema, Table
from components.data.duplicates import row_hashes

PARTS = 5
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # splitmix64 (Steele et al. 2014)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the fit rows answer, and in which part each of them is."""

    values_nK: NDArray[np.float64]
    part_n: NDArray[np.int64]

    @classmethod
    def of(cls, table: Table, rows_n: NDArray[np.int64], seed: int) -> "Answers":
        """Read the target of these rows."""
        truth_n: NDArray[Any] = table.target()[rows_n]
        if table.schema.task == "regression":
            values_nK = truth_n.astype(np.float64)[:, None]
        else:
            values_nK = (truth_n[:, None] == np.arange(1, table.schema.num_outputs)).astype(np.float64)
        return cls(values_nK=values_nK, part_n=parts(_together(table, rows_n), seed))


def _together(table: Table, rows_n: NDArray[np.int64]) -> NDArray[Any]:
    """Return for each row a number that it shares with those of its part: its own, its source's, or its group's."""
    source_n, name = table.sources(rows_n), table.schema.group
    if name is None:
        return source_n
    real = np.arange(table.num_real)
    group_N = table.kept("groups", lambda: row_hashes([table.raw(real, [name])[name]], table.num_real))
    return np.asarray(group_N[source_n])


def names(schema: Schema) -> tuple[str, ...]:
    """Name the K columns that a category becomes."""
    if schema.task == "regression":
        return (f"mean of {schema.target}",)
    return tuple(f"share of {name}" for name in schema.classes[1:])


def parts(rows_n: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Return the part of each row id (or hash of a group), 0 to 4: the same whatever rows stand beside it."""
    state = rows_n.astype(np.uint64) + np.uint64(derive(seed, "target encoding"))
    state = (state ^ (state >> np.uint64(30))) * MIX[0]
    state = (state ^ (state >> np.uint64(27))) * MIX[1]
    return ((state ^ (state >> np.uint64(31))) % np.uint64(PARTS)).astype(np.int64)


def encoded(
    codes_n: NDArray[Any], num_levels: int, answers: Answers, smoothing: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of every level from all rows [V, K], and for each row those of the other parts [n, K].

    Codes: -1 missing, 0.. levels, `num_levels` rare or unknown; V = num_levels + 2, in this order from missing on.
    """
    num_values, columns = num_levels + 2, answers.values_nK.shape[1]
    place_n = answers.part_n * num_values + codes_n + 1
    counts_PV = np.bincount(place_n, minlength=PARTS * num_values).reshape(PARTS, num_values).astype(np.float64)
    sums_PVK = np.empty((PARTS, num_values, columns))
    for column in range(columns):
        sums = np.bincount(place_n, weights=answers.values_nK[:, column], minlength=PARTS * num_values)
        sums_PVK[:, :, column] = sums.reshape(PARTS, num_values)
    all_VK = _means(sums_PVK.sum(axis=0), counts_PV.sum(axis=0), smoothing)
    others_PVK = np.stack(
        [
            _means(
                np.delete(sums_PVK, part, axis=0).sum(axis=0), np.delete(counts_PV, part, axis=0).sum(axis=0), smoothing
            )
            for part in range(PARTS)
        ]
    )
    return all_VK, others_PVK[answers.part_n, codes_n + 1]


def looked_up(codes_n: NDArray[Any], means_VK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of each row's level [n, K]."""
    return means_VK[codes_n + 1]


def _means(sums_VK: NDArray[np.float64], counts_V: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    mean_K = sums_VK.sum(axis=0) / max(1.0, counts_V.sum())
    weight_V1 = counts_V[:, None] + smoothing
    mixed_VK = (sums_VK + smoothing * mean_K) / np.where(weight_V1 > 0, weight_V1, 1.0)
    return np.where(weight_V1 > 0, mixed_VK, mean_K)
