"""Raw columns become typed ones: the same for a few rows, which plain Python types, as for many, which pandas does."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.columns import FEW_ROWS, MISSING_CODE, UNKNOWN_CODE, as_text, to_codes

LEVELS = ["a", "b", "None", "1"]
WORDS = st.one_of(
    st.text(max_size=4), st.sampled_from([*LEVELS, " a ", "NA", "\tnull\n", "?", "nan", None, np.nan, pd.NA])
)


@given(st.lists(WORDS, min_size=1, max_size=20))
def test_a_few_rows_are_typed_as_many(words):
    few = pd.Series(words, dtype=object)
    many = pd.Series(words * (1 + FEW_ROWS // len(words)), dtype=object)
    assert len(many) > FEW_ROWS
    assert list(as_text(few)) == list(as_text(many))[: len(few)]
    np.testing.assert_array_equal(to_codes(few, LEVELS), to_codes(many, LEVELS)[: len(few)])


@pytest.mark.parametrize("dtype", [object, "string"])
def test_codes_of_text(dtype):
    raw = pd.Series([" a", "b ", "none", "None", "", None, "c"], dtype=dtype)
    assert to_codes(raw, LEVELS).tolist() == [0, 1, UNKNOWN_CODE, 2, MISSING_CODE, MISSING_CODE, UNKNOWN_CODE]


def test_codes_of_numbers_and_truth_are_those_of_their_words():
    assert to_codes(pd.Series([1, 2]), LEVELS).tolist() == [3, UNKNOWN_CODE]
    assert to_codes(pd.Series([1.0, np.nan]), LEVELS).tolist() == [3, MISSING_CODE]
    assert to_codes(pd.Series(["1", 1, 1.0], dtype=object), LEVELS).tolist() == [3, 3, UNKNOWN_CODE]
    assert to_codes(pd.Series([True, False]), ["True", "False"]).tolist() == [0, 1]


@given(st.lists(st.one_of(st.none(), st.floats(width=64), st.integers(-5, 5).map(float))))
def test_a_number_is_called_the_same_whoever_stands_beside_it(values):
    found = as_text(pd.Series(values, dtype="float64"))
    assert found.dtype == object
    for value, text in zip(values, found, strict=True):
        if value is None or value != value:
            assert text is None
        else:
            assert text == as_text(pd.Series([value], dtype="float64")).iloc[0]
            assert float(text) == value
