"""A forest as six flat arrays, and the one function that predicts with them. No library's object, no code in a file.

Node m asks whether feature[m] <= threshold[m]; then left[m], else right[m] is next. A leaf has feature -1, and left[m]
is the number of its answer. Thresholds are rounded *down* to float32: for inputs that are float32, as ours are, every
answer to `x <= t` stays what it was in float64, at half the size.

Legend: M nodes of all trees, T trees, L leaves, C outputs, N rows, F columns.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Arrays

NODES_AT_ONCE = 1 << 16  # of trees that are walked down together: what a core's cache holds
ROWS_AT_ONCE = 2048


@dataclass(frozen=True, kw_only=True)
class FlatTrees:
    """Many decision trees."""

    root_T: NDArray[np.int32]
    feature_M: NDArray[np.int32]
    threshold_M: NDArray[np.float32]
    left_M: NDArray[np.int32]
    right_M: NDArray[np.int32]
    answer_LC: NDArray[np.float32]

    def predict(self, numeric_NF: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean answer of all trees [N, C]; a missing value goes right."""
        total_NC = np.zeros((len(numeric_NF), self.answer_LC.shape[1]))
        for first, last in self._blocks():
            block = _Block(self, first, last)
            for start in range(0, len(numeric_NF), ROWS_AT_ONCE):
                rows = slice(start, start + ROWS_AT_ONCE)
                total_NC[rows] += block.sum_of_answers(numeric_NF[rows])
        return (total_NC / len(self.root_T)).astype(np.float32)

    def _blocks(self) -> list[tuple[int, int]]:
        """Cut the trees, in their order, into runs of so many nodes as stay in a core's cache."""
        ends_T = np.append(self.root_T[1:], len(self.feature_M))
        number_T = ends_T // NODES_AT_ONCE
        firsts = np.flatnonzero(np.diff(number_T, prepend=-1))
        return list(zip(firsts.tolist(), [*firsts[1:].tolist(), len(self.root_T)], strict=True))

    def depths(self) -> NDArray[np.int64]:
        """Return the longest path of every tree, in questions [T]."""
        depth_T = np.zeros(len(self.root_T), dtype=np.int64)
        tree, node = np.arange(len(self.root_T)), self.root_T
        while len(node):
            inner = self.feature_M[node] >= 0
            tree, node = tree[inner], node[inner]
            depth_T[np.unique(tree)] += 1
            tree, node = np.tile(tree, 2), np.concatenate([self.left_M[node], self.right_M[node]])
        return depth_T

    def arrays(self) -> Arrays:
        """Return the six arrays by name."""
        return {name: getattr(self, name) for name in NAMES}

    @classmethod
    def read(cls, arrays: Arrays) -> "FlatTrees":
        """Take back what `arrays` returned. Raises ValueError when an index leads out of the arrays or in a circle."""
        trees = cls(**{name: arrays[name] for name in NAMES})
        trees.check()
        return trees

    def check(self) -> None:
        """Refuse arrays on which `predict` would read elsewhere or never end."""
        nodes, leaves = len(self.feature_M), len(self.answer_LC)
        same_length = all(len(part) == nodes for part in (self.threshold_M, self.left_M, self.right_M))
        inner = np.flatnonzero(self.feature_M >= 0)
        leaf = np.flatnonzero(self.feature_M < 0)
        if not same_length or not (0 <= _least(self.root_T) <= _most(self.root_T) < nodes):
            raise ValueError("broken forest: arrays of different lengths, or a root that is no node")
        for children in (self.left_M[inner], self.right_M[inner]):
            if len(inner) and not ((children > inner).all() and _most(children) < nodes):
                raise ValueError("broken forest: a node leads out of the arrays or back to itself")
        if not (0 <= _least(self.left_M[leaf]) <= _most(self.left_M[leaf]) < leaves):
            raise ValueError("broken forest: a leaf has no answer")


class _Block:
    """A run of trees, laid out for walking: both children of a node side by side, numbers as numpy indexes them."""

    def __init__(self, trees: FlatTrees, first: int, last: int) -> None:
        begin = int(trees.root_T[first])
        end = int(trees.root_T[last]) if last < len(trees.root_T) else len(trees.feature_M)
        nodes = slice(begin, end)
        self.root_T = trees.root_T[first:last].astype(np.intp) - begin
        self.feature_M = trees.feature_M[nodes].astype(np.intp)
        self.threshold_M = trees.threshold_M[nodes]
        self.leaf_M = trees.left_M[nodes]  # of leaves: the number of the answer
        inner = self.feature_M >= 0
        children = [np.where(inner, side[nodes] - begin, 0) for side in (trees.right_M, trees.left_M)]
        self.child_M2 = np.stack(children, axis=1).astype(np.intp).ravel()
        self.answer_LC = trees.answer_LC

    def sum_of_answers(self, numeric_nF: NDArray[np.float32]) -> NDArray[np.float64]:
        """Walk every row down every tree; return the sum over the trees [n, C]."""
        num_rows, num_columns = numeric_nF.shape
        flat = np.ascontiguousarray(numeric_nF).ravel()
        here = np.repeat(self.root_T, num_rows)
        row = np.tile(np.arange(num_rows) * num_columns, len(self.root_T))
        pair = np.arange(len(here))
        answer = np.empty(len(here), dtype=np.intp)
        while len(here):
            feature = self.feature_M.take(here)
            inner = feature >= 0
            if not inner.all():
                answer[pair[~inner]] = self.leaf_M.take(here[~inner])
                here, row, pair, feature = here[inner], row[inner], pair[inner], feature[inner]
            goes_left = flat.take(row + feature) <= self.threshold_M.take(here)
            here = self.child_M2.take(2 * here + goes_left)
        return self.answer_LC[answer].reshape(len(self.root_T), num_rows, -1).sum(axis=0, dtype=np.float64)


NAMES = ("root_T", "feature_M", "threshold_M", "left_M", "right_M", "answer_LC")


def from_sklearn(trees: list[Any], classes: NDArray[np.int64] | None, num_outputs: int) -> FlatTrees:
    """Flatten the fitted `tree_` objects of scikit-learn; `classes` are the class numbers that they have seen."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in NAMES}
    nodes = leaves = 0
    for tree in trees:
        is_leaf = tree.children_left < 0
        answers = tree.value[is_leaf, 0, :]
        if classes is not None:
            seen = answers / answers.sum(axis=1, keepdims=True)
            answers = np.zeros((len(seen), num_outputs))
            answers[:, classes] = seen
        number = leaves + np.cumsum(is_leaf) - 1
        parts["root_T"].append(np.array([nodes]))
        parts["feature_M"].append(np.where(is_leaf, -1, tree.feature))
        parts["threshold_M"].append(np.where(is_leaf, 0.0, rounded_down(tree.threshold)))
        parts["left_M"].append(np.where(is_leaf, number, tree.children_left + nodes))
        parts["right_M"].append(np.where(is_leaf, 0, tree.children_right + nodes))
        parts["answer_LC"].append(answers)
        nodes, leaves = nodes + len(is_leaf), leaves + len(answers)
    return _typed(parts)


def joined(forests: list[FlatTrees]) -> FlatTrees:
    """Lay forests of the same columns and outputs together, in this order."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in NAMES}
    nodes = leaves = 0
    for forest in forests:
        is_leaf = forest.feature_M < 0
        parts["root_T"].append(forest.root_T + nodes)
        parts["feature_M"].append(forest.feature_M)
        parts["threshold_M"].append(forest.threshold_M)
        parts["left_M"].append(forest.left_M + np.where(is_leaf, leaves, nodes))
        parts["right_M"].append(np.where(is_leaf, 0, forest.right_M + nodes))
        parts["answer_LC"].append(forest.answer_LC)
        nodes, leaves = nodes + len(is_leaf), leaves + len(forest.answer_LC)
    return _typed(parts)


def rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each value."""
    nearest = values.astype(np.float32)
    return np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def _typed(parts: dict[str, list[NDArray[Any]]]) -> FlatTrees:
    arrays = {name: np.concatenate(found) for name, found in parts.items()}
    return FlatTrees(
        root_T=arrays["root_T"].astype(np.int32),
        feature_M=arrays["feature_M"].astype(np.int32),
        threshold_M=arrays["threshold_M"].astype(np.float32),
        left_M=arrays["left_M"].astype(np.int32),
        right_M=arrays["right_M"].astype(np.int32),
        answer_LC=arrays["answer_LC"].astype(np.float32),
    )


def _least(values: NDArray[Any]) -> int:
    return int(values.min()) if len(values) else -1


def _most(values: NDArray[Any]) -> int:
    return int(values.max()) if len(values) else -1
