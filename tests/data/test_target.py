"""The target decides the task; what cannot be learned is refused with a sentence."""

import numpy as np
import pandas as pd
import pytest

from components.core.errors import UserMistake
from components.data.target import read_target


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["no", "yes"] * 9, "binary", ("no", "yes")),
        ([0, 1] * 9, "binary", ("0", "1")),
        ([2.5, 7.5] * 9, "binary", ("2.5", "7.5")),
        ([True, False] * 9, "binary", ("false", "true")),
        (["a", "b", "c"] * 9, "multiclass", ("a", "b", "c")),
        ([1, 2, 10] * 9, "multiclass", ("1", "2", "10")),
        ([1.0, 2.0, None, 3.0] * 9, "multiclass", ("1", "2", "3")),
        ([0.5 * i for i in range(27)], "regression", ()),
        (list(range(27)), "regression", ()),
        ([1, 2, 3, 4, 5, 6], "regression", ()),
    ],
)
def test_auto(values, task, classes):
    target = read_target(pd.Series(values), "y", "auto")
    assert (target.task, target.classes) == (task, classes)


def test_class_numbers_and_missing():
    target = read_target(pd.Series(["yes", None, "no", "?"]), "y", "auto")
    np.testing.assert_array_equal(target.truth_N, [1, np.nan, 0, np.nan])


def test_the_task_can_be_overruled():
    numbers = pd.Series([1, 2, 3] * 9)
    assert read_target(numbers, "y", "regression").truth_N[2] == 3.0
    assert read_target(numbers, "y", "multiclass").classes == ("1", "2", "3")


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([None, None], "auto", "'y' is missing in all 2 rows"),
        (["no"] * 9, "auto", "'y' is 'no' in all 9 rows .* nothing to tell apart"),
        ([3.5] * 9, "regression", "'y' is '3.5' in all 9 rows"),
        (["a", "b", "c"] * 9, "binary", r"task is binary, but 'y' has 3 classes \(a, b, c\)"),
        (
            ["a", "b"] * 9,
            "regression",
            r"should hold numbers, but 18 of 18 values are words, the first 'a' in row 1 below",
        ),
        ([f"w{i}" for i in range(30)], "auto", r"30 classes in 30 rows .* Is it the right column\?"),
        ([i * 1.0 for i in range(30)], "multiclass", r"30 classes in 30 rows .* validate\.task: regression"),
        ([1.5, 2.5, float("inf")] * 9, "auto", "'y' is infinite in 9 rows, the first in row 3 below the header"),
        ([1.5, 2.5, -1e31] * 9, "auto", r"'y' is -1e\+31 in row 3 below the header: numbers beyond 1e\+30"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"] * 9).astype("datetime64[us]"), "auto", "holds dates"),
    ],
)
def test_what_cannot_be_learned(values, task, message):
    with pytest.raises(UserMistake, match=message):
        read_target(pd.Series(values), "y", task)
