"""SMOTE: fill up rare classes with rows between two neighbours of the same class (Chawla et al. 2002).

A made row starts at a real one and goes a random part of the way to one of its five nearest neighbours in the class;
its categories are those that most of the neighbours have, as in SMOTE-NC of the same paper. Distances are taken after
imputing and scaling by the part's own rows, a differing category counts as the median deviation of the class's
numbers; the values themselves never leave their own units. A number that is missing in the first row stays missing.
Written here and not taken from imbalanced-learn, which refuses missing values and does not tell the source rows.

Legend: n rows of one part, M numbers, G categories, m made rows, k neighbours.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.augmentation.noise import deviations

NEIGHBOURS = 5
MOST_COMPARED = 5000  # neighbours are looked for among so many rows of a class: work is linear in rows above
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Between:
    """Made rows of one part: all positions are those of the part's rows."""

    source_m: NDArray[np.int64]
    numbers_mM: NDArray[np.float64]
    category_from_mG: NDArray[np.int64]  # the row whose category is taken
    too_rare: tuple[int, ...]  # classes with one row: it has no neighbour


def smote(
    numbers_nM: NDArray[np.float64],
    codes_nG: NDArray[Any],
    class_n: NDArray[np.int64],
    times: int,
    random: np.random.Generator,
) -> Between:
    """Make rows until every class of the part is as frequent as its most frequent one, `times` over."""
    classes, counts = np.unique(class_n, return_counts=True)
    scaled_nM = _scaled(numbers_nM)
    sources, numbers, categories, too_rare = [], [], [], []
    for number, count in zip(classes.tolist(), counts.tolist(), strict=True):
        wanted = (int(counts.max()) - count) * times
        if wanted and count == 1:
            too_rare.append(number)
        elif wanted:
            own_c = np.flatnonzero(class_n == number)
            source_m = own_c[random.integers(0, count, wanted)]
            near_mk = _neighbours(source_m, own_c, scaled_nM, codes_nG, random)
            other_m = near_mk[np.arange(wanted), random.integers(0, near_mk.shape[1], wanted)]
            sources.append(source_m)
            numbers.append(_on_the_way(numbers_nM[source_m], numbers_nM[other_m], random))
            categories.append(_usual(near_mk, codes_nG))
    return Between(
        source_m=np.concatenate([np.empty(0, dtype=np.int64), *sources]),
        numbers_mM=np.concatenate([np.empty((0, numbers_nM.shape[1])), *numbers]),
        category_from_mG=np.concatenate([np.empty((0, codes_nG.shape[1]), dtype=np.int64), *categories]),
        too_rare=tuple(too_rare),
    )


def _scaled(numbers_nM: NDArray[np.float64]) -> NDArray[np.float64]:
    """Impute by the median, centre there, divide by the deviation; empty and constant columns become 0."""
    widths = deviations(numbers_nM)
    scaled = np.zeros_like(numbers_nM)
    for position in np.flatnonzero(widths > 0):
        column = numbers_nM[:, position]
        middle = np.median(column[~np.isnan(column)])
        scaled[:, position] = (np.where(np.isnan(column), middle, column) - middle) / widths[position]
    return scaled


def _neighbours(
    source_m: NDArray[np.int64],
    own_c: NDArray[np.int64],
    scaled_nM: NDArray[np.float64],
    codes_nG: NDArray[Any],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the rows of the class nearest to each source, nearest first, itself left out [m, k]."""
    from scipy.spatial.distance import cdist

    if len(own_c) > MOST_COMPARED:
        own_c = np.sort(random.choice(own_c, MOST_COMPARED, replace=False))
    num_neighbours = min(NEIGHBOURS, len(own_c) - 1)
    num_codes = codes_nG.shape[1]
    class_deviations = deviations(scaled_nM[own_c])
    differing = float(np.median(class_deviations)) ** 2 if len(class_deviations) else 1.0
    distinct_d, place_m = np.unique(source_m, return_inverse=True)
    near_dk = np.empty((len(distinct_d), num_neighbours), dtype=np.int64)
    for start in range(0, len(distinct_d), ROWS_AT_ONCE):
        part = distinct_d[start : start + ROWS_AT_ONCE]
        distance = cdist(scaled_nM[part], scaled_nM[own_c], "sqeuclidean")
        if num_codes:
            distance += cdist(codes_nG[part], codes_nG[own_c], "hamming") * num_codes * differing
        distance[part[:, None] == own_c[None, :]] = np.inf
        near_dk[start : start + ROWS_AT_ONCE] = own_c[np.argsort(distance, axis=1, kind="stable")[:, :num_neighbours]]
    return near_dk[place_m]


def _on_the_way(
    from_mM: NDArray[np.float64], to_mM: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Go a random part of the way; where the neighbour has no number, stay."""
    way_m1 = random.random((len(from_mM), 1))
    return from_mM + way_m1 * (np.where(np.isnan(to_mM), from_mM, to_mM) - from_mM)


def _usual(near_mk: NDArray[np.int64], codes_nG: NDArray[Any]) -> NDArray[np.int64]:
    """Return for each category column a neighbour that has what most of them have; of a tie the nearest [m, G]."""
    usual = np.empty((len(near_mk), codes_nG.shape[1]), dtype=np.int64)
    for position in range(codes_nG.shape[1]):
        codes_mk = codes_nG[near_mk, position]
        alike_mk = (codes_mk[:, :, None] == codes_mk[:, None, :]).sum(axis=2)
        usual[:, position] = near_mk[np.arange(len(near_mk)), alike_mk.argmax(axis=1)]
    return usual
