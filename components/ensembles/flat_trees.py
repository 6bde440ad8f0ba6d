"""A forest as a few flat arrays, and the one function that predicts with them. No library's object, no code in a file.

The nodes of a tree lie in the order in which a walk meets them, the left side first, tree after tree. So the left child
of a node is the next node, and the right one is where the walk is as deep again: a file needs to say of a node only
which column it asks about, or that it is a leaf. Inner nodes have a threshold, leaves an answer; equal answers are
written once. That is 8 to 12 bytes a leaf, where scikit-learn has 128.

Node m asks whether column feature[m] <= its threshold; then m + 1, else right[m] is next. Thresholds are rounded *down*
to float32: for inputs that are float32, as ours are, every answer to `x <= t` stays what it was in float64.

Legend: M nodes of all trees, I inner nodes, L leaves, T trees, U different answers, C outputs, N rows, F columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Arrays

PAIRS_AT_ONCE = 1 << 16  # of a row and a tree that are walked down together
ROWS_AT_ONCE = 8192
STEPS_AT_ONCE = 3  # down the trees, before pairs that have come to a leaf are laid aside
MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits without order: makes one number of a row's


@dataclass(frozen=True, kw_only=True)
class FlatTrees:
    """Many decision trees. Columns are numbers of one byte or two; the highest such number says "leaf"."""

    feature_M: NDArray[Any]  # uint8, uint16 or uint32
    threshold_I: NDArray[np.float32]
    answer_LC: NDArray[np.float32]

    def predict(self, numeric_NF: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean answer of all trees [N, C]; a missing value goes right."""
        total_NC = np.zeros((len(numeric_NF), self.answer_LC.shape[1]))
        for start in range(0, len(numeric_NF), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            self._walk.add_answers(numeric_NF[rows], total_NC[rows])
        return (total_NC / self.num_trees).astype(np.float32)

    @property
    def num_trees(self) -> int:
        """How many there are."""
        return len(self._walk.root_T)

    def depths(self) -> NDArray[np.int64]:
        """Return the longest path of every tree, in questions [T]."""
        depth_T = np.zeros(self.num_trees, dtype=np.int64)
        tree, node = np.arange(self.num_trees), self._walk.root_T
        while len(node):
            inner = self._walk.inner_M[node]
            tree, node = tree[inner], node[inner]
            depth_T[np.unique(tree)] += 1
            tree, node = np.tile(tree, 2), np.concatenate([node + 1, self._walk.child_M2[2 * node]])
        return depth_T

    def first(self, count: int) -> "FlatTrees":
        """Return the first so many trees; all where there are not more."""
        if count >= self.num_trees:
            return self
        end = int(self._walk.root_T[count])
        inner = int(self._walk.inner_M[:end].sum())
        return FlatTrees(
            feature_M=self.feature_M[:end],
            threshold_I=self.threshold_I[:inner],
            answer_LC=self.answer_LC[: end - inner],
        )

    def arrays(self) -> Arrays:
        """Return the arrays by name; answers once each, with the number of each leaf's, where that is shorter."""
        arrays: dict[str, NDArray[Any]] = {"feature_M": self.feature_M, "threshold_I": self.threshold_I}
        answer_UC, which_L = unique_rows(self.answer_LC)
        which_L = which_L.astype(smallest(len(answer_UC)))
        if answer_UC.nbytes + which_L.nbytes < self.answer_LC.nbytes:
            return {**arrays, "answer_UC": answer_UC, "which_L": which_L}
        return {**arrays, "answer_UC": self.answer_LC}

    @classmethod
    def read(cls, arrays: Arrays) -> "FlatTrees":
        """Take back what `arrays` returned. Raises ValueError where a walk would leave the arrays or never end."""
        answer_LC = arrays["answer_UC"]
        if "which_L" in arrays:
            if not (arrays["which_L"] < len(answer_LC)).all():
                raise ValueError("broken forest: a leaf has no answer")
            answer_LC = answer_LC[arrays["which_L"]]
        trees = cls(feature_M=arrays["feature_M"], threshold_I=arrays["threshold_I"], answer_LC=answer_LC)
        if not trees.num_trees:
            raise ValueError("broken forest: no tree")
        return trees

    @cached_property
    def _walk(self) -> "_Walk":
        return _Walk(self)


class _Walk:
    """The same trees, laid out for walking: leaves lead to themselves, numbers are as numpy indexes them."""

    def __init__(self, trees: FlatTrees) -> None:
        feature_M = trees.feature_M
        leaf_number = np.iinfo(feature_M.dtype).max
        self.inner_M = feature_M < leaf_number
        inner, leaves = np.flatnonzero(self.inner_M), np.flatnonzero(~self.inner_M)
        if len(trees.threshold_I) != len(inner) or len(trees.answer_LC) != len(leaves) or not len(leaves):
            raise ValueError("broken forest: arrays that do not go together")
        right_I, self.root_T = places(self.inner_M)
        self.feature_M = np.where(self.inner_M, feature_M, 0).astype(np.intp)
        self.threshold_M = np.full(len(feature_M), np.nan, dtype=np.float32)  # no number is <= it: a leaf stays
        self.threshold_M[inner] = trees.threshold_I
        here = np.arange(len(feature_M))
        right_M = here.copy()
        right_M[inner] = right_I
        self.child_M2 = np.stack([right_M, here + 1], axis=1).ravel()
        self.leaf_M = np.cumsum(~self.inner_M) - 1
        self.answer_LC = trees.answer_LC

    def add_answers(self, numeric_nF: NDArray[np.float32], total_nC: NDArray[np.float64]) -> None:
        """Walk every row down every tree; add the trees' answers, in their order, to `total_nC`."""
        num_rows = len(numeric_nF)
        flat = np.ascontiguousarray(numeric_nF).ravel()
        row_n = np.arange(num_rows) * numeric_nF.shape[1]
        together = max(1, PAIRS_AT_ONCE // num_rows)
        for start in range(0, len(self.root_T), together):
            roots = self.root_T[start : start + together]
            leaves = self._leaves(flat, np.tile(row_n, len(roots)), np.repeat(roots, num_rows))
            for leaf_n in leaves.reshape(len(roots), num_rows):
                total_nC += self.answer_LC.take(leaf_n, axis=0)

    def _leaves(self, flat: NDArray[np.float32], row: NDArray[np.intp], here: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the number of the leaf at which each pair of a row and a root ends.

        `take` with buffers and without a check of the bounds (they were checked when the trees were read): twice as
        fast as indexing.
        """
        leaves, pair = np.empty(len(here), dtype=np.intp), np.arange(len(here))
        index, value = np.empty(len(here), dtype=np.intp), np.empty((2, len(here)), dtype=np.float32)
        goes_left = np.empty(len(here), dtype=np.bool_)
        while len(here):
            at, (x, threshold), left = index[: len(here)], value[:, : len(here)], goes_left[: len(here)]
            for _ in range(STEPS_AT_ONCE):
                np.take(self.feature_M, here, out=at, mode="clip")
                at += row
                np.take(flat, at, out=x, mode="clip")
                np.take(self.threshold_M, here, out=threshold, mode="clip")
                np.less_equal(x, threshold, out=left)
                np.add(here, here, out=at)
                at += left
                here = np.take(self.child_M2, at, mode="clip")
            goes_on = np.flatnonzero(self.inner_M.take(here))
            if len(goes_on) < 0.75 * len(here):
                leaves[pair] = here
                pair, here, row = pair.take(goes_on), here.take(goes_on), row.take(goes_on)
        return self.leaf_M.take(leaves)


def places(inner_M: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the right child of each inner node [I] and the roots [T] of trees that lie in the order of a walk.

    An inner node leaves one more subtree open, a leaf ends one. The right child of a node is the next place at which
    as many are open as before it; a new tree begins whenever fewer are open than ever before.

    Raises:
        ValueError: the last tree is not whole.
    """
    open_M = np.concatenate([[0], np.cumsum(np.where(inner_M, 1, -1))])
    least_M = np.minimum.accumulate(open_M)
    if open_M[-1] != least_M[-1] or (len(least_M) > 1 and least_M[-1] == least_M[-2]):
        raise ValueError("broken forest: the last tree is not whole")
    roots = np.concatenate([[0], 1 + np.flatnonzero(np.diff(least_M[:-1]) < 0)])
    order = np.argsort(open_M[:-1], kind="stable")
    following = np.empty(len(order), dtype=np.intp)
    following[order[:-1]] = order[1:]
    return following[inner_M], roots.astype(np.intp)


def from_sklearn(trees: Sequence[Any], classes: NDArray[np.int64] | None, num_outputs: int) -> FlatTrees:
    """Flatten the fitted `tree_` objects of scikit-learn; `classes` are the class numbers that they have seen."""
    features, thresholds, answers = [], [], []
    number = smallest(max(tree.n_features for tree in trees) + 1)
    for tree in trees:
        is_leaf = tree.children_left < 0
        assert (tree.children_left[~is_leaf] == np.flatnonzero(~is_leaf) + 1).all(), "grown depth first"
        answer_LC = tree.value[is_leaf, 0, :]
        if classes is not None:
            seen = answer_LC / answer_LC.sum(axis=1, keepdims=True)
            answer_LC = np.zeros((len(seen), num_outputs))
            answer_LC[:, classes] = seen
        features.append(np.where(is_leaf, np.iinfo(number).max, tree.feature).astype(number))
        thresholds.append(rounded_down(tree.threshold[~is_leaf]))
        answers.append(answer_LC.astype(np.float32))
    return FlatTrees(
        feature_M=np.concatenate(features), threshold_I=np.concatenate(thresholds), answer_LC=np.concatenate(answers)
    )


def joined(forests: Sequence[FlatTrees]) -> FlatTrees:
    """Lay forests of the same columns and outputs together, in this order."""
    return FlatTrees(
        feature_M=np.concatenate([forest.feature_M for forest in forests]),
        threshold_I=np.concatenate([forest.threshold_I for forest in forests]),
        answer_LC=np.concatenate([forest.answer_LC for forest in forests]),
    )


def unique_rows(values_nC: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the different rows in order, and the number of each row's: `numpy.unique` along the first axis.

    That compares whole rows, of 60 classes for three quarters of the time that a forest took; here one number stands
    for a row while most of the copies are put aside.
    """
    bits_nC = np.ascontiguousarray(values_nC).view(np.uint32)
    mixed_n = np.zeros(len(values_nC), dtype=np.uint64)
    for column in range(values_nC.shape[1]):
        mixed_n = (mixed_n ^ (mixed_n >> np.uint64(29))) * MIXER + bits_nC[:, column]
    _, first, which_n = np.unique(mixed_n, return_index=True, return_inverse=True)
    if not np.array_equal(values_nC[first][which_n], values_nC):  # two different rows with one number: never seen
        first = which_n = np.arange(len(values_nC))
    answer_UC, which_U = np.unique(values_nC[first], axis=0, return_inverse=True)
    return answer_UC, which_U.ravel()[which_n]


def smallest(count: int) -> type[np.uint8 | np.uint16 | np.uint32]:
    """Return the shortest type for numbers below `count`."""
    return np.uint8 if count <= 1 << 8 else np.uint16 if count <= 1 << 16 else np.uint32


def rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each value."""
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)
