"""Rare levels, outliers, dates and smooth clipping, by hand; what a new row with anything in it becomes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preprocess_case import fitted_on, one_column
from test_preprocessing import schema_of

from components.core.table import Table
from components.data.preprocessing import dates
from components.data.preprocessing.outliers import bounds
from components.data.preprocessing.pipeline import build
from components.data.preprocessing.rare import level_map
from components.data.preprocessing.scale import smoothly_clipped
from components.data.preprocessing.spec import BaggingPreprocess, NetworkPreprocess, TreePreprocess

LEVELS = ("a", "b", "c", "d")
MISSING, UNKNOWN = -1, -2


def test_rare_levels_become_one():
    codes = np.array([0, 0, 0, 1, 2, 2, MISSING])
    becomes = level_map(codes, 4, 2)
    assert becomes[np.array([0, 1, 2, 3, MISSING, UNKNOWN])].tolist() == [0, 4, 2, 4, MISSING, 4]
    nobody = level_map(codes[:3], 4, 2)  # no row is of a rare level: nobody learned what one is like
    assert nobody[np.array([0, 1, MISSING, UNKNOWN])].tolist() == [0, MISSING, MISSING, MISSING]
    assert level_map(codes, 4, 1).tolist()[:4] == [0, 1, 2, MISSING]
    assert level_map(codes, 4, 1, keep_unseen=True).tolist()[:4] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("spec", "rare", "unseen"),
    [
        (NetworkPreprocess(encode="embedding", rare=2), 5, 5),
        (NetworkPreprocess(encode="embedding"), 2, 0),
        (TreePreprocess(rare=2), 5, 5),
        (TreePreprocess(), 2, 4),
    ],
)
def test_codes_of_rare_and_unseen_levels(spec, rare, unseen):
    table = one_column("categorical", ["a", "a", "b", "c", "c", None, "d", "mauve"], levels=LEVELS)
    fitted, _ = fitted_on(spec, table, range(6))
    features = fitted.transform(table, np.arange(8))
    unknown = 5 if spec.rare > 1 else 0
    assert features.codes_NG[:, 0].tolist() == [1, 1, rare, 3, 3, 0, unseen, unknown]
    assert features.num_codes_G == ((6,) if spec.rare > 1 else (5,))


def test_one_hot_levels_that_are_rare_share_an_input():
    table = one_column("categorical", ["a", "a", "b", "c", "mauve", None], levels=LEVELS)
    features = fitted_on(NetworkPreprocess(encode="one_hot", rare=2, indicator=False), table)[1]
    assert features.names_F == ("x=a", "x=b", "x=c", "x=d", "x=(rare)")
    assert features.numeric_NF.argmax(axis=1)[:5].tolist() == [0, 0, 4, 4, 4]
    assert features.numeric_NF.sum(axis=1).tolist() == [1, 1, 1, 1, 1, 0]
    assert features.num_numbers == 0


def test_outliers_are_moved_to_the_ends_of_the_middle():
    values = [*np.arange(1000.0), 1e9]
    clipped = fitted_on(BaggingPreprocess(outliers="clip", scale="none"), one_column("numeric", values))
    low, high = np.quantile(values, [0.005, 0.995])
    np.testing.assert_allclose(clipped[1].numeric_NF[:, 0], np.clip(values, low, high), rtol=1e-6)
    asked = one_column("numeric", [-1e300, np.inf, 500.0])  # infinite is missing: the median
    np.testing.assert_allclose(clipped[0].transform(asked, np.arange(3)).numeric_NF[:, 0], [low, 500, 500], rtol=1e-6)


def test_a_rare_event_is_not_clipped_away():
    assert bounds(np.array([0.0] * 999 + [1.0])) == (-np.inf, np.inf)
    assert bounds(np.array([])) == (-np.inf, np.inf)


def test_smooth_clipping_keeps_what_is_near_and_ends_at_three():
    values = np.array([0.0, 0.01, -0.01, 3.0, 1e6])
    np.testing.assert_allclose(smoothly_clipped(values), [0, 0.01, -0.01, 3 / np.sqrt(2), 3], rtol=1e-4)
    column = [0.0, 1.0, 2.0, 3.0, 4.0, 1e6]
    found = fitted_on(NetworkPreprocess(scale="robust_smooth"), one_column("numeric", column, missing=False))[1]
    raw = (np.array(column) - 2.5) / (np.quantile(column, 0.75) - np.quantile(column, 0.25))
    np.testing.assert_allclose(found.numeric_NF[:, 0], raw / np.sqrt(1 + (raw / 3) ** 2), rtol=1e-5)


moments = st.datetimes(min_value=pd.Timestamp("1700-01-01"), max_value=pd.Timestamp("2200-12-31"))


@settings(max_examples=100, deadline=None)
@given(moment=moments)
def test_the_parts_of_a_date_are_those_of_the_calendar(moment):
    seconds = (moment - pd.Timestamp("1970-01-01").to_pydatetime()).total_seconds()
    days, year, month, day, weekday, hour = dates.numbers(np.array([seconds]), "parts")[0]
    assert (year, month, day, weekday) == (moment.year, moment.month, moment.day, moment.weekday())
    assert days == pytest.approx(seconds / 86400)
    assert hour == pytest.approx(moment.hour + moment.minute / 60 + moment.second / 3600, abs=1e-3)


def test_what_comes_round_has_no_end():
    first, last = dates.numbers(np.array([0.0, 365 * 86400.0 - 1]), "cyclic")[:, 6:]
    names = dates.names("cyclic")[6:]
    assert names == tuple(
        f"{wave} of {cycle}" for cycle in ("year", "month", "week", "day") for wave in ("sine", "cosine")
    )
    for cycle in (0, 2, 6):  # 31 December 23:59:59 is beside 1 January; the week is one day on
        np.testing.assert_allclose(first[cycle : cycle + 2], last[cycle : cycle + 2], atol=0.01)
    assert dates.names("elapsed") == ("days",)


def test_a_missing_date_misses_all_parts_and_has_one_indicator():
    table = one_column("datetime", ["2024-02-29", None, "no date", "1600-01-01", "2024-02-29T12:00"])
    features = fitted_on(TreePreprocess(indicator=True), table)[1]
    assert features.names_F == (*(f"x: {part}" for part in dates.PARTS), "x is missing")
    assert np.isnan(features.numeric_NF[1:3, :6]).all()
    assert features.numeric_NF[:, 6].tolist() == [0, 1, 1, 0, 0]
    assert features.numeric_NF[0, 1:6].tolist() == [2024, 2, 29, 3, 0]
    assert features.numeric_NF[4, 5] == 12


@pytest.mark.parametrize(
    "spec", [NetworkPreprocess(), BaggingPreprocess(encode="target"), TreePreprocess(impute="mean")]
)
def test_a_new_row_may_hold_anything(spec):
    frame = pd.DataFrame(
        {
            "n": [1.0, 2.0, 4.0],
            "c": ["a", "b", "a"],
            "d": ["2024-01-01"] * 3,
            "b": ["no", "yes", "no"],
            "t": ["one two"] * 3,
        }
    )
    kinds = {"n": "numeric", "c": "categorical", "d": "datetime", "b": "boolean", "t": "text"}
    schema = schema_of(kinds, {"c": LEVELS, "b": ("no", "yes")})
    fitted = build(spec, schema).fit(Table.of(schema, frame.assign(y=["no", "yes", "no"])), np.arange(3))
    odd = [np.inf, -np.inf, None, "abc", "", 1e308, True, "2024-13-77", "\x00", "no", 7]
    asked = pd.DataFrame({name: pd.Series(odd, dtype=object) for name in frame})
    features = fitted.transform(Table.of(schema, asked), np.arange(len(odd)))
    assert np.isfinite(features.numeric_NF).all()
    assert (features.codes_NG < np.array(features.num_codes_G, dtype=int)).all()
    alone = [fitted.transform(Table.of(schema, asked), np.array([row])).numeric_NF for row in range(len(odd))]
    assert np.concatenate(alone).tobytes() == features.numeric_NF.tobytes(), (
        "a row is answered alike alone and in company"
    )
