"""Flat trees against scikit-learn, and against files that somebody else wrote."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn import ensemble

from components.core.contracts import Features
from components.ensembles import flat_trees, forests
from components.ensembles.flat_trees import FlatTrees, from_sklearn, joined, places, rounded_down
from components.ensembles.forests import batches, columns_tried, grow_trees

RANDOM = np.random.default_rng(5)
NUMBERS = RANDOM.normal(size=(120, 4)).astype(np.float32).round(1)
NEW = RANDOM.normal(size=(77, 4)).astype(np.float32).round(1)
CLASSES = (NUMBERS[:, 0] + NUMBERS[:, 1] > 0).astype(np.int64) + (NUMBERS[:, 2] > 1)
VALUES = 1e6 + 100.0 * NUMBERS[:, 0] * NUMBERS[:, 1]

LEAF = 255
# x <= 0.5 ? (x <= -1 ? [1, 0] : [0.25, 0.75]) : [0, 1]
BY_HAND: dict[str, Any] = {
    "feature_M": np.array([0, 0, LEAF, LEAF, LEAF], dtype=np.uint8),
    "threshold_I": np.array([0.5, -1.0], dtype=np.float32),
    "answer_UC": np.array([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]], dtype=np.float32),
}


def features(numbers: Any) -> Features:
    codes = np.zeros((len(numbers), 0), dtype=np.int32)
    return Features(numeric_NF=numbers, codes_NG=codes, num_codes_G=(), names_F=(), names_G=(), arrays={})


def test_a_tree_by_hand() -> None:
    tree = FlatTrees.read(BY_HAND)
    rows = np.array([[-2.0], [-1.0], [0.0], [0.5], [0.6], [np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(tree.predict(rows)[:, 1], [0.0, 0.0, 0.75, 0.75, 1.0, 1.0])
    np.testing.assert_array_equal(tree.depths(), [2])
    twice = joined([tree, tree])
    np.testing.assert_array_equal(twice.predict(rows), tree.predict(rows))
    np.testing.assert_array_equal(twice.depths(), [2, 2])


@pytest.mark.parametrize("kind", ["RandomForest", "ExtraTrees"])
@pytest.mark.parametrize("task", ["Classifier", "Regressor"])
def test_equal_to_scikit_learn(kind: str, task: str) -> None:
    forest = getattr(ensemble, kind + task)(n_estimators=30, random_state=0)
    forest.fit(NUMBERS, CLASSES if task == "Classifier" else VALUES)
    trees = [tree.tree_ for tree in forest.estimators_]
    flat = from_sklearn(trees, forest.classes_ if task == "Classifier" else None, 3 if task == "Classifier" else 1)
    theirs = forest.predict_proba(NEW) if task == "Classifier" else forest.predict(NEW)[:, None]
    np.testing.assert_allclose(flat.predict(NEW), theirs, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(flat.depths(), [tree.max_depth for tree in trees])
    halves = [
        from_sklearn(part, forest.classes_ if task == "Classifier" else None, theirs.shape[1])
        for part in (trees[:11], trees[11:])
    ]
    np.testing.assert_array_equal(joined(halves).predict(NEW), flat.predict(NEW))


@pytest.mark.parametrize("most_rows", [50_000, 90])
@pytest.mark.parametrize("kind", ["random_forest", "extra_trees"])
@pytest.mark.parametrize("task", ["Classifier", "Regressor"])
def test_trees_are_those_of_scikit_learns_forests(
    monkeypatch: pytest.MonkeyPatch, kind: str, task: str, most_rows: int
) -> None:
    """Bit for bit, missing values too; without its warnings.resetwarnings, which threads would share."""
    is_regression = task == "Regressor"
    numbers, target = NUMBERS.copy(), VALUES if is_regression else CLASSES
    numbers[::9, 1] = np.nan
    drawn = {"bootstrap": True, "max_samples": most_rows} if most_rows < 120 else {}
    forest = getattr(ensemble, kind.title().replace("_", "") + task)(
        n_estimators=6, max_features=columns_tried(kind, 4, is_regression=is_regression), random_state=9, **drawn
    )
    forest.fit(numbers, target)
    num_outputs = 1 if is_regression else 3
    grown = [tree.tree_ for tree in forest.estimators_]
    theirs = from_sklearn(grown, None if is_regression else forest.classes_, num_outputs)
    monkeypatch.setattr(forests, "MOST_TREE_ROWS", most_rows)
    monkeypatch.setattr("warnings.resetwarnings", None)
    ours = grow_trees(kind, features(numbers), target, num_outputs=num_outputs, count=6, seed=9 + 2**32).trees
    for name, array in theirs.arrays().items():
        np.testing.assert_array_equal(ours.arrays()[name], array, err_msg=name)


def test_a_class_without_fit_rows_gets_probability_zero() -> None:
    seen = np.where(CLASSES == 1, 2, CLASSES)
    trees = grow_trees("random_forest", features(NUMBERS), seen, num_outputs=4, count=5, seed=1)
    values = trees.predict(features(NEW))
    assert values.shape == (77, 4)
    np.testing.assert_array_equal(values[:, [1, 3]], 0.0)
    np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-6)


def test_one_class_alone_is_certain() -> None:
    trees = grow_trees("extra_trees", features(NUMBERS), np.ones(120, dtype=np.int64), num_outputs=2, count=3, seed=1)
    np.testing.assert_array_equal(trees.predict(features(NEW)), np.tile([0.0, 1.0], (77, 1)))


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=50), st.floats(width=32, allow_nan=False))
def test_rounding_down_changes_no_answer(thresholds: list[float], x: float) -> None:
    with np.errstate(over="ignore"):
        rounded = rounded_down(np.array(thresholds))
    np.testing.assert_array_equal(np.float32(x) <= rounded, x <= np.array(thresholds))


@pytest.mark.parametrize("columns", [3, 300])
def test_arrays_come_back_and_are_short(columns: int) -> None:
    """Wide tables need two bytes for a column; equal answers are written once."""
    numbers = RANDOM.normal(size=(400, columns)).astype(np.float32)
    grown = grow_trees("random_forest", features(numbers), (numbers[:, 0] > 0) * 1, num_outputs=2, count=9, seed=3)
    arrays = grown.trees.arrays()
    again = FlatTrees.read(arrays)
    np.testing.assert_array_equal(again.predict(numbers), grown.trees.predict(numbers))
    assert arrays["feature_M"].dtype == (np.uint8 if columns < 255 else np.uint16)
    assert len(arrays["answer_UC"]) < len(arrays["which_L"]) / 3
    assert sum(array.nbytes for array in arrays.values()) < 12 * len(arrays["which_L"])


@given(
    values=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.sampled_from([0.0, 0.25, 1.0, -3.5, 1e30]),
    ),
    mixer=st.sampled_from([flat_trees.MIXER, np.uint64(0)]),
)
def test_rows_are_told_apart_as_numpy_does_it(values: NDArray[np.float32], mixer: np.uint64) -> None:
    """A mixer of zero gives rows that end alike the same number: then they are compared whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat_trees, "MIXER", mixer)
        found, which = flat_trees.unique_rows(values)
    wanted, wanted_which = np.unique(values, axis=0, return_inverse=True)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(which, wanted_which.ravel())


def test_the_first_trees_are_a_forest() -> None:
    grown = grow_trees("extra_trees", features(NUMBERS), VALUES, num_outputs=1, count=7, seed=3)
    trees = grown.trees
    parts = [from_sklearn_again(trees, number) for number in range(7)]
    np.testing.assert_array_equal(trees.first(3).predict(NEW), joined(parts[:3]).predict(NEW))
    assert trees.first(7) is trees
    assert (grown.share(5).trees.num_trees, grown.share(7).trees.num_trees, grown.share(100).trees.num_trees) == (
        2,
        1,
        1,
    )


def from_sklearn_again(trees: FlatTrees, number: int) -> FlatTrees:
    """Return one tree of a forest, cut out by hand."""
    _, roots = places(trees.feature_M != LEAF)
    nodes = slice(roots[number], [*roots[1:], None][number])
    inner = trees.feature_M != LEAF
    before, within = inner[: roots[number]].sum(), inner[nodes].sum()
    leaves = slice(roots[number] - before, roots[number] - before + (~inner[nodes]).sum())
    return FlatTrees(
        feature_M=trees.feature_M[nodes],
        threshold_I=trees.threshold_I[before : before + within],
        answer_LC=trees.answer_LC[leaves],
    )


def test_a_tree_of_a_large_table_sees_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded time: of 120 rows at most 40 are drawn for each tree, for extra trees too."""
    monkeypatch.setattr(forests, "MOST_TREE_ROWS", 40)
    for kind in ("random_forest", "extra_trees"):
        grown = grow_trees(kind, features(NUMBERS), VALUES, num_outputs=1, count=4, seed=1)
        assert len(grown.trees.answer_LC) <= 4 * 40
        whole = grown.trees.predict(NUMBERS)[:, 0]
        assert np.mean((whole - VALUES) ** 2) < np.var(VALUES)
    assert batches(23, 39, 4) == [20, 3]
    assert batches(23, 40, 4) == [5, 5, 5, 5, 3]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("feature_M", [0, 0, LEAF, LEAF, 0], "do not go together"),
        ("feature_M", [0, LEAF, LEAF, 0, LEAF], "the last tree is not whole"),
        ("feature_M", [], "do not go together"),
        ("threshold_I", [0.5], "do not go together"),
        ("answer_UC", [[1.0, 0.0]], "do not go together"),
        ("which_L", [0, 1, 3], "a leaf has no answer"),
    ],
)
def test_broken_files_are_refused(name: str, values: list[Any], message: str) -> None:
    types = {"feature_M": np.uint8, "which_L": np.uint8}
    with pytest.raises(ValueError, match=message):
        FlatTrees.read({**BY_HAND, name: np.array(values, dtype=types.get(name, np.float32))})


@given(st.lists(st.sampled_from([0, 1, LEAF]), min_size=1, max_size=9))
def test_what_is_read_can_be_predicted_with(columns: list[int]) -> None:
    """Whatever the arrays hold: refused, or safe to walk."""
    feature_M = np.array(columns, dtype=np.uint8)
    leaves = int((feature_M == LEAF).sum())
    arrays = {
        "feature_M": feature_M,
        "threshold_I": np.zeros(len(columns) - leaves, dtype=np.float32),
        "answer_UC": np.ones((leaves, 2), dtype=np.float32),
    }
    try:
        tree = FlatTrees.read(arrays)
    except ValueError:
        return
    np.testing.assert_array_equal(tree.predict(np.zeros((3, 2), dtype=np.float32)), 1.0)
    assert tree.depths().max() <= leaves


def test_batches_of_a_wide_regression_are_small_because_each_question_looks_at_all_columns() -> None:
    assert columns_tried("extra_trees", 640, is_regression=True) == 640
    assert columns_tried("random_forest", 640, is_regression=True) == 213
    assert columns_tried("extra_trees", 640, is_regression=False) == 25
    assert batches(7, 16_000, 640) == [1, 1, 1, 1, 1, 1, 1]
    assert batches(7, 5_000, 640) == [6, 1]
    assert batches(20, 16_000, 25) == [20]
