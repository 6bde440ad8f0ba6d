"""One contract for all preprocessors; each technique against scikit-learn; the corners by hand."""

import json
import subprocess
import sys
from statistics import NormalDist
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as read_safetensors
from safetensors.numpy import save as write_safetensors
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, RobustScaler, StandardScaler

from components.core.table import ColumnSchema, Schema, Table
from components.data.preprocessing.pipeline import build, load
from components.data.preprocessing.scale import FURTHEST
from components.data.preprocessing.spec import BaggingPreprocess, NetworkPreprocess, TreePreprocess
from components.data.preprocessing.target import TargetScaler

SCALES = ("standard", "unit", "symmetric", "robust", "robust_smooth", "quantile", "none")
SPECS = [
    *(NetworkPreprocess(impute=impute) for impute in ("median", "mean", "most_frequent", "constant")),
    *(NetworkPreprocess(scale=scale, encode="one_hot") for scale in SCALES),
    NetworkPreprocess(encode="ordinal", indicator=False),
    NetworkPreprocess(encode="embedding", rare=2, outliers="clip", dates="parts"),
    NetworkPreprocess(encode="target", rare=3, text=0, dates="elapsed"),
    BaggingPreprocess(),
    BaggingPreprocess(encode="target", smoothing=0.0, scale="none", outliers="clip"),
    TreePreprocess(),
    TreePreprocess(scale="quantile", encode="ordinal", indicator=True),
    TreePreprocess(impute="median", encode="auto", rare=2),
    TreePreprocess(encode="target", dates="cyclic"),
]
COLUMNS = {
    "size": "numeric",
    "weight": "numeric",
    "member": "boolean",
    "joined": "datetime",
    "colour": "categorical",
    "note": "text",
}
LEVELS = {"member": ("no", "yes"), "colour": ("blue", "green", "red")}


def schema_of(kinds=COLUMNS, levels=LEVELS, missing=None):
    columns = [
        ColumnSchema(name=name, kind=kind, use="feature", levels=levels.get(name), missing=missing)
        for name, kind in kinds.items()
    ]
    target = ColumnSchema(name="y", kind="categorical", use="target")
    return Schema(table="-", task="binary", target="y", classes=("no", "yes"), columns=(*columns, target))


def numbers(values):
    """A table of one numeric column."""
    return Table.of(schema_of({"x": "numeric"}, {}, missing=False), pd.DataFrame({"x": values}))


def only(spec, values, fit_rows=None):
    """Fit and transform one numeric column."""
    table = numbers(values)
    rows = np.arange(table.num_rows)
    fitted = build(spec, table.schema).fit(table, rows if fit_rows is None else np.array(fit_rows))
    return fitted.transform(table, rows).numeric_NF[:, 0]


any_number = st.one_of(
    st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-9, 9).map(float), st.just(1e-310)
)
tables = st.integers(1, 30).flatmap(
    lambda n: st.fixed_dictionaries(
        {
            "size": st.lists(any_number, min_size=n, max_size=n),
            "weight": st.lists(st.integers(-3, 3), min_size=n, max_size=n),
            "member": st.lists(st.sampled_from(["no", "yes", None, "perhaps"]), min_size=n, max_size=n),
            "joined": st.lists(st.sampled_from(["2020-01-01", "1950-05-05", None, "?"]), min_size=n, max_size=n),
            "colour": st.lists(st.sampled_from(["red", "green", "blue", "mauve", None]), min_size=n, max_size=n),
            "note": st.lists(st.sampled_from(["good soup", "Bad soup!", "", None, "a"]), min_size=n, max_size=n),
            "y": st.lists(st.sampled_from(["no", "yes"]), min_size=n, max_size=n),
        }
    )
)


def frame_of(columns):
    return pd.DataFrame({**columns, "size": pd.Series(columns["size"], dtype=float)})


def some_table(num_rows=50, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": np.where(random.random(num_rows) < 0.2, np.nan, random.normal(5, 3, num_rows)),
            "weight": random.integers(0, 9, num_rows),
            "member": random.choice(["no", "yes"], num_rows),
            "joined": random.choice(["2020-01-01", "2021-02-03"], num_rows),
            "colour": random.choice(["red", "green", "blue"], num_rows),
            "note": random.choice(["good soup", "bad soup", "cold good tea"], num_rows),
            "y": random.choice(["no", "yes"], num_rows),
        }
    )
    return Table.of(schema_of(), frame)


@pytest.mark.parametrize(
    "spec", SPECS, ids=lambda spec: f"{type(spec).__name__}-{spec.impute}-{spec.scale}-{spec.encode}-{spec.dates}"
)
class TestContract:
    @settings(max_examples=15, deadline=None)
    @given(columns=tables, data=st.data())
    def test_any_table_becomes_columns_that_the_schema_fixes(self, spec, columns, data):
        table = Table.of(schema_of(), frame_of(columns))
        fit_rows = np.array(data.draw(st.lists(st.integers(0, table.num_rows - 1), max_size=20)), dtype=np.int64)
        fitted = build(spec, table.schema).fit(table, fit_rows)
        features = fitted.transform(table, np.arange(table.num_rows))
        assert features.numeric_NF.dtype == np.float32
        assert features.numeric_NF.shape == (table.num_rows, len(features.names_F))
        assert features.names_F == fitted.layout.names == build(spec, table.schema).layout.names
        assert len(set(features.names_F)) == len(features.names_F)
        assert not np.isinf(features.numeric_NF).any()
        if spec.impute != "none":
            assert np.isfinite(features.numeric_NF).all()
        assert features.codes_NG.shape == (table.num_rows, len(features.num_codes_G))
        assert (features.codes_NG >= 0).all()
        assert (features.codes_NG < np.array(features.num_codes_G, dtype=int)).all()

    def test_saved_and_loaded_it_gives_the_same_bytes(self, spec):
        table, rows = some_table(), np.arange(50)
        fitted = build(spec, table.schema).fit(table, rows[:30])
        arrays, state = fitted.state()
        again = load(read_safetensors(write_safetensors(dict(arrays))), json.loads(json.dumps(state)))
        assert again.spec == spec
        assert again.layout == fitted.layout
        before, after = fitted.transform(table, rows), again.transform(table, rows)
        assert before.numeric_NF.tobytes() == after.numeric_NF.tobytes()
        assert before.codes_NG.tobytes() == after.codes_NG.tobytes()
        assert (before.names_F, before.names_G, before.num_codes_G) == (after.names_F, after.names_G, after.num_codes_G)

    def test_only_the_fit_rows_decide(self, spec):
        table, other = some_table(), some_table()
        changed = other.raw(np.arange(50), [*COLUMNS, "y"])
        changed.loc[30:, "size"] = 1e6
        changed.loc[30:, "colour"] = "red"
        changed.loc[30:, "note"] = "other words"
        changed.loc[30:, "y"] = "no"
        other = Table.of(schema_of(), changed)
        rows = np.arange(30)
        before = build(spec, table.schema).fit(table, rows).transform(table, rows)
        after = build(spec, table.schema).fit(other, rows).transform(other, rows)
        assert before.numeric_NF.tobytes() == after.numeric_NF.tobytes()

    def test_fit_returns_a_copy(self, spec):
        table = some_table()
        unfitted = build(spec, table.schema)
        assert unfitted.fit(table, np.arange(9)) is not unfitted
        assert unfitted.fitted is None

    def test_rows_come_in_the_order_asked_for(self, spec):
        table = some_table()
        fitted = build(spec, table.schema).fit(table, np.arange(50))
        whole, some = fitted.transform(table, np.arange(50)), fitted.transform(table, np.array([7, 3, 7]))
        assert some.numeric_NF.tobytes() == whole.numeric_NF[[7, 3, 7]].tobytes()
        assert some.codes_NG.tolist() == whole.codes_NG[[7, 3, 7]].tolist()


columns_of_numbers = st.lists(
    st.one_of(st.integers(-20, 20).map(float), st.floats(-1e6, 1e6, width=32, allow_subnormal=False), st.none()),
    min_size=3,
    max_size=60,
).filter(lambda values: len({value for value in values if value is not None}) > 1)


@settings(max_examples=60, deadline=None)
@given(values=columns_of_numbers, impute=st.sampled_from(["median", "mean", "most_frequent", "constant"]))
def test_imputing_agrees_with_scikit_learn(values, impute):
    column = np.array(values, dtype=float)
    referee = SimpleImputer(strategy=impute, fill_value=7.0).fit_transform(column[:, None])[:, 0]
    found = only(NetworkPreprocess(impute=impute, fill=7.0, scale="none"), column)
    np.testing.assert_allclose(found, referee, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(values=columns_of_numbers, scale=st.sampled_from(["standard", "unit", "symmetric", "robust"]))
def test_scaling_agrees_with_scikit_learn(values, scale):
    column = np.array(values, dtype=float)
    referees = {"standard": StandardScaler(), "unit": MinMaxScaler(), "robust": RobustScaler()}
    referee = referees.get(scale, MinMaxScaler(feature_range=(-1, 1))).fit(column[:, None])
    present = column[~np.isnan(column)]
    if scale == "robust" and np.ptp(np.quantile(present, [0.25, 0.75])) < 1e-9:
        return  # has a test of its own
    if present.std() < 1e-9 * abs(present).max() or np.ptp(present) < 1e-30:
        return  # scikit-learn calls such a column constant
    found = only(TreePreprocess(scale=scale), column)
    np.testing.assert_allclose(found, referee.transform(column[:, None])[:, 0], rtol=1e-5, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(-10_000, 10_000).map(float), min_size=10, max_size=400, unique=True),
    new=st.lists(st.integers(-20_000, 20_000).map(float), max_size=20),
)
def test_quantiles_agree_with_scikit_learn_where_no_values_are_tied(values, new):
    column = np.array([*values, *new])
    count = min(len(values), max(10, len(values) // 30))
    referee = QuantileTransformer(n_quantiles=count, subsample=None, output_distribution="normal")
    wanted = referee.fit(column[: len(values), None]).transform(column[:, None])[:, 0]
    found = only(TreePreprocess(scale="quantile"), column, np.arange(len(values)))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_quantiles_of_two_values_stay_near():
    # of ten rows, eight are 0
    found = only(NetworkPreprocess(scale="quantile"), [0.0] * 8 + [1.0] * 2)
    wanted = [NormalDist().inv_cdf(rank) for rank in (3.5 / 9, 8.5 / 9)]  # the ten ranks are 0/9 to 9/9
    np.testing.assert_allclose(found[[0, 7, 8, 9]], np.repeat(wanted, 2), rtol=1e-5)


def test_one_hot_agrees_with_scikit_learn():
    table = some_table()
    features = build(NetworkPreprocess(), table.schema).fit(table, np.arange(50)).transform(table, np.arange(50))
    referee = OneHotEncoder(categories=[["blue", "green", "red"]], sparse_output=False)
    wanted = referee.fit_transform(table.raw(np.arange(50), ["colour"]))
    assert features.names_F[-3:] == ("colour=blue", "colour=green", "colour=red")
    np.testing.assert_array_equal(features.numeric_NF[:, -3:], wanted)


def test_categories_by_hand():
    frame = pd.DataFrame({"colour": ["red", "blue", None, "mauve"]})
    table = Table.of(schema_of({"colour": "categorical"}), frame)
    rows = np.arange(4)

    def of(spec):
        return build(spec, table.schema).fit(table, rows).transform(table, rows)

    native = of(TreePreprocess())
    assert native.codes_NG[:, 0].tolist() == [3, 1, 0, 0]
    assert (native.num_codes_G, native.names_G, native.names_F) == ((4,), ("colour",), ())
    assert of(NetworkPreprocess()).numeric_NF.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    ordinal = of(TreePreprocess(encode="ordinal")).numeric_NF[:, 0]
    assert ordinal[:2].tolist() == [2, 0]
    assert np.isnan(ordinal[2:]).all()


@pytest.mark.parametrize(
    ("spec", "above"),
    [(NetworkPreprocess(), "code"), (BaggingPreprocess(), "mean"), (TreePreprocess(encode="auto"), "code")],
)
def test_auto_goes_by_the_number_of_levels(spec, above):
    for count, columns in ((16, 16), (17, 1)):
        levels = tuple(f"{level:02d}" for level in range(count))
        frame = pd.DataFrame({"zip": levels, "y": ["no", "yes"] * (count // 2) + ["no"] * (count % 2)})
        table = Table.of(schema_of({"zip": "categorical"}, {"zip": levels}, missing=False), frame)
        features = build(spec, table.schema).fit(table, np.arange(count)).transform(table, np.arange(count))
        if count == 17 and above == "code":
            assert (features.numeric_NF.shape, features.num_codes_G) == ((count, 0), (count + 1,))
            assert features.codes_NG[:, 0].tolist() == list(range(1, count + 1))
        else:
            assert (features.numeric_NF.shape, features.names_G) == ((count, columns), ())
            assert features.num_numbers == (1 if count == 17 else 0)


def test_numbers_come_first_then_flags():
    schema = schema_of(levels={**LEVELS, "colour": ("blue", "red")})
    layout = build(NetworkPreprocess(dates="elapsed", text=2), schema).layout
    missing = ["size", "weight", "member", "joined", "note"]
    assert layout.names == (
        *("size", "weight", "joined", "note: direction 1", "note: direction 2"),
        *("member", *(f"{name} is missing" for name in missing), "colour=blue", "colour=red"),
    )
    assert layout.num_numbers == 5


def test_an_indicator_stands_for_each_column_that_may_miss_values():
    table = some_table()
    rows = np.arange(50)
    features = build(NetworkPreprocess(), schema_of()).fit(table, rows).transform(table, rows)
    places = [place for place, name in enumerate(features.names_F) if "is missing" in name]
    found = [features.names_F[place].partition(" ")[0] for place in places]
    assert found == ["size", "weight", "member", "joined", "note"]
    np.testing.assert_array_equal(features.numeric_NF[:, places[0]], np.isnan(table.column("size")))
    assert not any("missing" in name for name in build(NetworkPreprocess(), schema_of(missing=False)).layout.names)
    assert not any("missing" in name for name in build(NetworkPreprocess(indicator=False), schema_of()).layout.names)


def test_id_columns_are_left_out_and_texts_that_become_no_number():
    kinds = {"x": "numeric", "note": "text", "key": "id"}
    assert build(TreePreprocess(text=0), schema_of(kinds, {})).layout.names == ("x",)
    assert build(TreePreprocess(text=1), schema_of(kinds, {})).layout.names == ("x", "note: direction 1")


@pytest.mark.parametrize("scale", SCALES)
def test_an_empty_column_and_one_that_does_not_vary_become_zeros(scale):
    assert only(NetworkPreprocess(scale=scale), [np.nan] * 4).tolist() == [0.0] * 4
    assert only(NetworkPreprocess(scale=scale), [5.0] * 4).tolist() == [5.0 if scale == "none" else 0.0] * 4


def test_robust_takes_half_the_range_where_the_quartiles_coincide():
    found = only(NetworkPreprocess(scale="robust"), [0.0] * 9 + [500.0])
    assert found.tolist() == [0.0] * 9 + [2.0]


def test_far_values_are_held():
    assert only(NetworkPreprocess(scale="standard"), [0.0, 1.0, 1e300], fit_rows=[0, 1])[2] == np.float32(FURTHEST)
    assert np.isfinite(only(NetworkPreprocess(scale="none"), [1e300, -1e300])).all()


def test_infinite_counts_as_missing():
    assert only(NetworkPreprocess(impute="mean", scale="none"), [1.0, 3.0, np.inf]).tolist() == [1.0, 3.0, 2.0]


@pytest.mark.parametrize("spec_class", [NetworkPreprocess, BaggingPreprocess, TreePreprocess])
def test_every_setting_does_something(spec_class):
    values = [0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 9.0, 30.0, np.nan]
    levels = tuple(f"{level:02d}" for level in range(8))
    columns = {
        "x": values,
        "zip": [*levels, "07"],
        "day": [f"2024-0{month}-1{month}" for month in range(1, 10)],
        "note": ["a word or two", "two words", "one word"] * 3,
        "y": ["no", "yes", "no"] * 3,
    }
    kinds = {"x": "numeric", "zip": "categorical", "day": "datetime", "note": "text"}
    table, rows = Table.of(schema_of(kinds, {"zip": levels}), pd.DataFrame(columns)), np.arange(9)
    how = get_args(spec_class.model_fields["encode"].annotation)
    choices = {
        "impute": ["median", "mean", "most_frequent", "constant"],
        "fill": [7.0, 8.0],
        "indicator": [True, False],
        "outliers": ["none", "clip"],
        "scale": SCALES,
        "encode": [word for word in how if word != "auto"],
        "smoothing": [1.0, 2.0],
        "rare": [1, 2],
        "dates": ["elapsed", "parts", "cyclic"],
        "text": [0, 1, 2],
    }
    base = {"impute": "constant", "fill": 5.0, "scale": "none"}
    for field in spec_class.model_fields:
        if field == "target":
            continue  # is no setting of the columns: test_targets.py
        around = {**base, "encode": "target"} if field in ("smoothing", "rare") else base
        specs = [spec_class(**{**around, field: choice}) for choice in choices[field]]
        fitted = [build(spec, table.schema).fit(table, rows) for spec in specs]
        made = [one.transform(table, rows) for one in fitted]
        assert len({one.numeric_NF.tobytes() + one.codes_NG.tobytes() for one in made}) == len(specs), field


def test_a_target_comes_back_in_its_own_units():
    values = np.array([100.0, 200.0, 600.0])
    scaler = TargetScaler.load(TargetScaler.fit(values).state())
    scaled = scaler.transform(values)
    assert scaled.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.std() == pytest.approx(1, rel=1e-6)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaler.inverse(scaled[None, :, None])[0, :, 0], values, rtol=1e-6)
    assert TargetScaler.fit(np.array([7.0, 7.0])).inverse(np.zeros(2)).tolist() == [7.0, 7.0]


def test_settings_import_no_heavy_library():
    ours = "components.data.preprocessing.spec, components.augmentation.spec, components.metrics"
    heavy = {"torch", "sklearn", "scipy", "pyarrow", "imblearn", "optuna", "xgboost"}
    code = f"import sys, {ours}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
