"""One look at a column: the kind that a person would name, and the reason."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.table import KINDS
from components.data.schema_inference import look_at, sort_words

N = 60
DAYS = [f"2026-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(N)]


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        ([i * 0.5 for i in range(N)], "weight", "numeric"),
        ([i % 7 for i in range(N)], "rooms", "numeric"),
        ([1000 - i * i for i in range(N)], "paid", "numeric"),
        ([i % 2 for i in range(N)], "flag", "boolean"),
        ([True, False] * 30, "flag", "boolean"),
        ([True, None, False] * 20, "flag", "boolean"),
        (["yes", "no", None] * 20, "flag", "boolean"),
        (["N", "Y"] * 30, "flag", "boolean"),
        (["m", "f"] * 30, "sex", "categorical"),
        (["red", "green", "blue"] * 20, "colour", "categorical"),
        (["01", "02", "99"] * 20, "zip", "categorical"),
        (["only"] * N, "one", "categorical"),
        ([None] * N, "nothing", "categorical"),
        (DAYS, "joined", "datetime"),
        (pd.to_datetime(DAYS).astype("datetime64[us]"), "joined", "datetime"),
        ([day.replace("-", "/") + " 10:30" for day in DAYS], "joined", "datetime"),
        ([f"{int(d[8:]):02d}.{d[5:7]}.2026" for d in DAYS], "joined", "datetime"),
        (["10:30", "11:45", "9:00"] * 20, "time", "categorical"),
        (list(range(N)), "row", "id"),
        (list(range(5, 5 + N)), "row", "id"),
        ([i * 7919 % 1009 for i in range(N)], "customer_id", "id"),
        ([i * 7919 % 1009 for i in range(N)], "customerID", "id"),
        ([i * 7919 % 1009 for i in range(N)], "Unnamed: 0", "id"),
        ([i * 7919 % 1009 for i in range(N)], "humid", "numeric"),
        ([f"A-{i:04d}" for i in range(N)], "code", "id"),
        ([f"we saw the customer {i} times" for i in range(N)], "note", "text"),
        ([f"w{i % 40}" for i in range(N)], "ticket", "text"),
        ([str(i) for i in range(1, 58)] + ["n.d."] * 3, "price", "numeric"),
        ([f"{i}.5" for i in range(N)], "price", "numeric"),
        ([f"${i},250.00" for i in range(1, N)], "price", "text"),
        ([f"{i} kg" for i in range(N)], "weight", "text"),
        ([f"{i % 9}{'ABC'[i % 3]}" for i in range(N)], "seat", "categorical"),
    ],
)
def test_kinds(values, name, kind):
    look = look_at(pd.Series(values), name)
    assert look.kind == kind
    assert look.why


def test_what_does_not_fit_is_counted():
    look = look_at(pd.Series(["1", "2", "n.d.", "?", "none", None] + ["3"] * 30), "price")
    assert (look.kind, look.num_odd, look.odd, look.num_missing) == ("numeric", 1, ("n.d.",), 2)


def test_levels_of_a_boolean_are_its_words():
    assert look_at(pd.Series(["yes", "no"] * 9), "b").levels == ("no", "yes")
    assert look_at(pd.Series([1.0, 0.0, None] * 9), "b").levels == ("0", "1")
    assert look_at(pd.Series([True, False] * 9), "b").levels == ("false", "true")


def test_a_given_kind_is_taken():
    assert look_at(pd.Series([1, 2, 3] * 9), "zip", "categorical").kind == "categorical"
    look = look_at(pd.Series(["red", "1"] * 9), "x", "numeric")
    assert (look.num_odd, look.odd) == (9, ("red",))


def test_few_rows_do_not_make_an_id():
    assert look_at(pd.Series(["a", "b", "c"]), "x").kind == "categorical"
    assert look_at(pd.Series([1, 2, 3]), "x").kind == "numeric"


def test_words_are_sorted_as_numbers_where_they_are():
    assert sort_words(["10", "9", "-1"]) == ["-1", "9", "10"]
    assert sort_words(["b", "10", "a"]) == ["10", "a", "b"]


@given(st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers().map(str), st.floats().map(str)), max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_column_has_a_kind(values):
    raw = pd.Series(np.array(values, dtype=object))
    look = look_at(raw, "x")
    assert look.kind in KINDS
    assert 0 <= look.num_missing <= len(values)
    assert look.levels is None or len(look.levels) == 2
