"""Deals units of rows to parts, like cards: in order of their stratum, each next card to the next part.

A unit is what must not be torn apart: a row, all copies of a row, a group of the user's. Dealing in order of stratum
keeps the classes' shares in every part to within a row or two, with no table of quotas. Units of several rows are dealt
first, the largest first, each to the part that lacks most of what it brings (as StratifiedGroupKFold does).
"""

import numpy as np
from numpy.typing import NDArray


def strata_of(truth_N: NDArray[np.float64], num_classes: int, num_parts: int) -> NDArray[np.int64]:
    """Number the strata [N]: the classes, or ranges of values with a few rows for each part."""
    if num_classes:
        return truth_N.astype(np.int64)
    ranks_N = np.argsort(np.argsort(truth_N, kind="stable"), kind="stable")
    num_strata = max(1, min(20, len(truth_N) // (2 * num_parts)))
    return np.asarray(ranks_N * num_strata // len(truth_N), dtype=np.int64)


def deal(
    units_N: NDArray[np.int64], strata_N: NDArray[np.int64], shares_P: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the part of each row [N]; rows of one unit get one part, parts get rows in proportion to their shares.

    Units are numbered from 0 without gaps; shares are equal, or those of two parts.
    """
    shares_P = shares_P / shares_P.sum()
    size_U = np.bincount(units_N)
    part_U = np.full(len(size_U), -1, dtype=np.int64)
    _deal_large(part_U, units_N, strata_N, size_U, shares_P, rng)
    single_N = np.flatnonzero(size_U[units_N] == 1)
    if len(single_N):
        shuffled = rng.permutation(single_N)
        order = shuffled[np.argsort(strata_N[shuffled], kind="stable")]
        part_U[units_N[order]] = _sequence(len(order), shares_P, rng)
    return np.asarray(part_U[units_N])


def _sequence(length: int, shares_P: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return parts such that every stretch of them has each part in proportion to its share, to within one."""
    num_parts = len(shares_P)
    if np.allclose(shares_P, shares_P[0]):
        return np.asarray(rng.permutation(num_parts)[np.arange(length) % num_parts], dtype=np.int64)
    assert num_parts == 2, "unequal shares are those of two parts"
    due = np.floor(np.arange(length + 1) * shares_P[1] + 0.5)  # rows that the second part should have by now
    return np.diff(due).astype(np.int64)


def _deal_large(
    part_U: NDArray[np.int64],
    units_N: NDArray[np.int64],
    strata_N: NDArray[np.int64],
    size_U: NDArray[np.int64],
    shares_P: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Give each unit of several rows to the part where it leaves the smallest surplus and lack."""
    large = np.flatnonzero(size_U > 1)
    if len(large) == 0:
        return
    large = rng.permutation(large)
    large = large[np.argsort(-size_U[large], kind="stable")]
    num_strata = int(strata_N.max()) + 1
    rows = np.flatnonzero(size_U[units_N] > 1)
    rows = rows[np.argsort(units_N[rows], kind="stable")]
    ends = np.cumsum(size_U[np.unique(units_N[rows])])
    place = {int(unit): i for i, unit in enumerate(np.unique(units_N[rows]))}
    # the last column counts rows of any stratum, so that parts are of one size too
    counts_S = np.append(np.bincount(strata_N[rows], minlength=num_strata), len(rows))
    wanted_PS = shares_P[:, None] * counts_S
    have_PS = np.zeros_like(wanted_PS)
    weight_S = 1.0 / np.maximum(1.0, counts_S)  # rare classes count as much
    for unit in large:
        i = place[int(unit)]
        own_S = np.bincount(strata_N[rows[ends[i] - size_U[unit] : ends[i]]], minlength=num_strata)
        brings_S = np.append(own_S, size_U[unit])
        lack_P = ((wanted_PS - have_PS) * (weight_S * brings_S)).sum(axis=1) / shares_P
        part = int(np.argmax(lack_P))
        have_PS[part] += brings_S
        part_U[unit] = part
