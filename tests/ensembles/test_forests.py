"""Flat trees against scikit-learn, and against files that somebody else wrote."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import ensemble

from components.core.contracts import Features
from components.ensembles.flat_trees import FlatTrees, from_sklearn, joined, rounded_down
from components.ensembles.forests import grow_trees

RANDOM = np.random.default_rng(5)
NUMBERS = RANDOM.normal(size=(120, 4)).astype(np.float32).round(1)
NEW = RANDOM.normal(size=(77, 4)).astype(np.float32).round(1)
CLASSES = (NUMBERS[:, 0] + NUMBERS[:, 1] > 0).astype(np.int64) + (NUMBERS[:, 2] > 1)
VALUES = 1e6 + 100.0 * NUMBERS[:, 0] * NUMBERS[:, 1]

# x <= 0.5 ? (x <= -1 ? [1, 0] : [0.25, 0.75]) : [0, 1]
BY_HAND: dict[str, Any] = {
    "root_T": np.array([0], dtype=np.int32),
    "feature_M": np.array([0, 0, -1, -1, -1], dtype=np.int32),
    "threshold_M": np.array([0.5, -1.0, 0.0, 0.0, 0.0], dtype=np.float32),
    "left_M": np.array([1, 2, 0, 1, 2], dtype=np.int32),
    "right_M": np.array([4, 3, 0, 0, 0], dtype=np.int32),
    "answer_LC": np.array([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]], dtype=np.float32),
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


@pytest.mark.parametrize(
    ("name", "position", "value", "message"),
    [
        ("root_T", 0, 5, "a root that is no node"),
        ("root_T", 0, -1, "a root that is no node"),
        ("left_M", 0, 0, "back to itself"),
        ("left_M", 1, 99, "leads out"),
        ("right_M", 1, -3, "leads out"),
        ("left_M", 3, 3, "a leaf has no answer"),
        ("left_M", 4, -1, "a leaf has no answer"),
    ],
)
def test_broken_files_are_refused(name: str, position: int, value: int, message: str) -> None:
    broken = {key: array.copy() for key, array in BY_HAND.items()}
    broken[name][position] = value
    with pytest.raises(ValueError, match=message):
        FlatTrees.read(broken)


@given(st.data())
def test_what_is_read_can_be_predicted_with(data: st.DataObject) -> None:
    """Whatever the arrays hold: refused, or safe to walk."""
    numbers = st.lists(st.integers(-3, 6), min_size=5, max_size=5)
    arrays = {
        **BY_HAND,
        "root_T": np.array([data.draw(st.integers(-2, 6))], dtype=np.int32),
        "feature_M": np.array(data.draw(st.lists(st.integers(-1, 0), min_size=5, max_size=5)), dtype=np.int32),
        "left_M": np.array(data.draw(numbers), dtype=np.int32),
        "right_M": np.array(data.draw(numbers), dtype=np.int32),
    }
    try:
        tree = FlatTrees.read(arrays)
    except ValueError:
        return
    assert tree.predict(np.zeros((3, 1), dtype=np.float32)).shape == (3, 2)
