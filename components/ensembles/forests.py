"""Random forests (Breiman 2001) and extra trees (Geurts et al. 2006): grown by scikit-learn, kept as flat arrays.

A forest is grown in batches of a few trees, each with a seed of its own. So forests of one fold can share the cores
with the others, the clock can end them between two batches, and the first 200 trees are the same whether 200 or 500
were asked for. Of very many rows every tree sees a part that is drawn for it: it takes bounded time, and the trees
differ more. Settings are in `bagging.py`, prediction in `flat_trees.py`.

Legend: N rows, C outputs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.data.preprocessing.pipeline import load
from components.ensembles import flat_trees
from components.ensembles.flat_trees import FlatTrees, from_sklearn
from components.ensembles.fold_member import FoldMember, FoldModel, LoadPreprocessor, Saved, read_member

TREES_AT_ONCE = 20
LARGE_TREES_AT_ONCE = 5
MOST_TREE_ROWS = 50_000  # that one tree is grown on
BATCH_VALUES = 20_000_000  # rows times columns that the trees of a batch look at for their first question: some seconds
ROWS_PER_LEAF_ROW = 10_000  # one more row in every leaf for so many of a tree's rows: keeps forests small


@dataclass(frozen=True, kw_only=True)
class ForestModel:
    """The forest of one fold."""

    trees: FlatTrees
    by_row: ClassVar[bool] = True

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict the mean over trees [N, C]."""
        return self.trees.predict(features.numeric_NF)

    def cost(self) -> int:
        """Comparisons per row: the longest path of every tree."""
        return int(self.trees.depths().sum())

    def saved(self) -> Saved:
        """Return the trees' arrays."""
        return Saved(arrays=self.trees.arrays(), json={})

    def share(self, parts: int) -> "ForestModel":
        """Return the first of so many equal parts of the forest, at least one tree."""
        return ForestModel(trees=self.trees.first(-(-self.trees.num_trees // parts)))

    @classmethod
    def read(cls, saved: Saved) -> "ForestModel":
        """Take back what `saved` returned; broken arrays raise ValueError."""
        return cls(trees=FlatTrees.read(saved.arrays))


def grow_trees(
    kind: str, features: Features, target_n: NDArray[Any], *, num_outputs: int, count: int, seed: int
) -> ForestModel:
    """Grow `count` trees in one thread; `kind` is random_forest or extra_trees. Values are learned when C is 1.

    They are the trees, bit for bit, of scikit-learn's forests. Those set and reset the process's list of warnings for
    each tree, where forests of two threads trip over one another; single trees do not.
    """
    from sklearn import tree

    is_regression = num_outputs == 1
    names = {
        "random_forest": ("DecisionTreeClassifier", "DecisionTreeRegressor"),
        "extra_trees": ("ExtraTreeClassifier", "ExtraTreeRegressor"),
    }
    columns = columns_tried(kind, features.numeric_NF.shape[1], is_regression=is_regression)
    num_rows = len(target_n)
    rows = min(num_rows, MOST_TREE_ROWS)
    draws = np.random.RandomState(seed % 2**32)  # as scikit-learn draws
    trees = []
    for _ in range(count):
        own = int(draws.randint(np.iinfo(np.int32).max))
        weights_n = None
        if kind == "random_forest" or rows < num_rows:
            drawn = np.random.RandomState(own).randint(0, num_rows, rows)
            weights_n = np.bincount(drawn, minlength=num_rows)
        grown = getattr(tree, names[kind][is_regression])(
            max_features=columns, min_samples_leaf=1 + rows // ROWS_PER_LEAF_ROW, random_state=own
        )
        trees.append(grown.fit(features.numeric_NF, target_n, sample_weight=weights_n))
    classes = None if is_regression else trees[0].classes_.astype(np.int64)
    return ForestModel(trees=from_sklearn([it.tree_ for it in trees], classes, num_outputs))


def columns_tried(kind: str, num_columns: int, *, is_regression: bool) -> int:
    """Return how many columns a question is looked for in.

    A third of them is Breiman's choice for regression forests; extra trees need all of them there.
    """
    tried = math.sqrt(num_columns) if not is_regression else num_columns if kind == "extra_trees" else num_columns / 3
    return max(1, int(tried))


def batches(trees: int, num_rows: int, num_columns: int) -> list[int]:
    """Return how many trees each batch grows, of so many rows of which each looks at so many columns.

    Fewer trees are a beginning of the same list. Of large trees, a few: the clock can end them only between batches.
    """
    most = TREES_AT_ONCE if num_rows < MOST_TREE_ROWS else LARGE_TREES_AT_ONCE
    at_once = max(1, min(most, BATCH_VALUES // max(1, min(num_rows, MOST_TREE_ROWS) * num_columns)))
    return [at_once] * (trees // at_once) + ([trees % at_once] if trees % at_once else [])


def joined(forests: Sequence[FoldModel]) -> ForestModel:
    """Lay batches of one forest together, in this order."""
    parts = [forest.trees for forest in forests if isinstance(forest, ForestModel)]
    assert len(parts) == len(forests), "batches of forests only"
    return ForestModel(trees=flat_trees.joined(parts))


def load_forest(folder: Path, load_preprocessor: LoadPreprocessor = load) -> FoldMember:
    """Load a member of the families "random_forest" and "extra_trees"."""
    return read_member(folder, ForestModel.read, load_preprocessor)
