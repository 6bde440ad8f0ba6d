"""Target encoding by hand and against scikit-learn; no fit row is told its own answer; rare and unknown levels."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preprocess_case import fitted_on, one_column
from sklearn.preprocessing import TargetEncoder

from components.core.files import write_json, write_parquet
from components.core.table import ColumnSchema, Table
from components.data.preprocessing.pipeline import build
from components.data.preprocessing.spec import BaggingPreprocess
from components.data.preprocessing.target_encoding import PARTS, parts

LEVELS = ("a", "b", "c")


def spec(**words):
    return BaggingPreprocess(**{"encode": "target", "scale": "none", "smoothing": 2.0, **words})


def new_rows(fitted, table, values):
    asked = one_column("categorical", values, levels=table.schema.column("x").levels, classes=table.schema.classes)
    return fitted.transform(asked, np.arange(len(values))).numeric_NF


def test_new_rows_get_smoothed_means_of_all_fit_rows():
    table = one_column("categorical", ["a", "a", "a", "b", None], ["yes", "yes", "no", "no", "yes"], levels=LEVELS)
    fitted, _ = fitted_on(spec(), table)
    mean = 3 / 5
    found = new_rows(fitted, table, ["a", "b", "c", None, "mauve"])[:, 0]
    missing = (1 + 2 * mean) / 3  # missing is a level of its own; unseen and unknown levels get the mean of all
    np.testing.assert_allclose(found, [(2 + 2 * mean) / 5, 2 * mean / 3, mean, missing, mean], rtol=1e-6)


@pytest.mark.parametrize("classes", [("no", "yes"), ("x", "y", "z"), ()])
def test_full_statistics_agree_with_scikit_learn(classes):
    random = np.random.default_rng(0)
    levels = tuple(f"{number:02d}" for number in range(12))
    values = random.choice(levels, 400)
    truth = random.choice(classes, 400) if classes else random.normal(3, 2, 400)
    table = one_column("categorical", list(values), list(truth), levels=levels, classes=classes)
    fitted, _ = fitted_on(spec(smoothing=10.0), table)
    kind = {0: "continuous", 2: "binary", 3: "multiclass"}[len(classes)]
    referee = TargetEncoder(categories=[list(levels)], smooth=10.0, target_type=kind).fit(values[:, None], truth)
    wanted = referee.transform(np.array(levels)[:, None])
    if kind == "multiclass":
        wanted = wanted[:, 1:]  # one column for each class but the first
    np.testing.assert_allclose(new_rows(fitted, table, list(levels)), wanted, rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), num_rows=st.integers(1, 40))
def test_no_fit_row_is_told_its_own_answer(data, num_rows):
    values = data.draw(st.lists(st.sampled_from([*LEVELS, None]), min_size=num_rows, max_size=num_rows))
    truth = data.draw(st.lists(st.sampled_from(["no", "yes"]), min_size=num_rows, max_size=num_rows))
    row = data.draw(st.integers(0, num_rows - 1))
    other = [*truth[:row], "no" if truth[row] == "yes" else "yes", *truth[row + 1 :]]
    preprocess = spec(smoothing=data.draw(st.sampled_from([0.0, 2.0])), rare=data.draw(st.integers(1, 3)))
    found = [
        fitted_on(preprocess, one_column("categorical", values, one, levels=LEVELS))[1].numeric_NF
        for one in (truth, other)
    ]
    assert found[0][row].tobytes() == found[1][row].tobytes()
    assert np.isfinite(found).all()


def test_a_level_for_each_row_teaches_a_model_nothing():
    levels = tuple(f"{number:03d}" for number in range(200))
    truth = np.random.default_rng(1).choice(["no", "yes"], 200)
    table = one_column("categorical", list(levels), list(truth), levels=levels)
    fitted, fit = fitted_on(spec(smoothing=0.0), table)
    own = fitted.transform(table, np.arange(200)).numeric_NF[:, 0]
    assert np.array_equal(own, truth == "yes"), "full statistics are the answers themselves"
    assert len(np.unique(fit.numeric_NF)) <= PARTS, "out of fold every level is unknown"


def test_the_part_of_a_row_hangs_on_its_id_and_the_seed_alone():
    rows = np.arange(10_000)
    found = parts(rows, 0)
    assert np.array_equal(parts(rows[::-1][:77], 0), found[::-1][:77])
    assert np.bincount(found).min() > 1900
    assert not np.array_equal(parts(rows, 1), found)
    table = one_column("categorical", ["a", "b"] * 50, list("ny" * 50), levels=LEVELS, classes=("n", "y"))
    seeds = [fitted_on(spec(), table, seed=seed)[1].numeric_NF.tobytes() for seed in (0, 0, 1)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_made_row_is_in_the_part_of_the_row_that_it_was_made_from(tmp_path):
    real = one_column("categorical", ["a", "b"] * 20, ["no", "yes"] * 20, levels=LEVELS)
    frame = real.raw(np.arange(40))
    sources = np.arange(40)[::-1].copy()
    write_json(tmp_path / "ingest.json", {"table": "-"})
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "table.parquet")
    pq.write_table(pa.Table.from_pandas(frame.iloc[sources]), tmp_path / "made.parquet")
    write_parquet(tmp_path / "made_rows.parquet", {"fold": np.zeros(40, dtype=np.int16), "source": sources})
    table = Table.open(real.schema, tmp_path / "table.parquet", tmp_path / "made.parquet")
    assert table.sources(np.array([3, 40, 79, 5])).tolist() == [3, 39, 0, 5]
    rows = np.arange(80)
    features = build(spec(), table.schema).fit_transform(table, rows)[1]
    np.testing.assert_array_equal(features.numeric_NF[40:], features.numeric_NF[sources])


def test_rows_of_a_group_are_told_nothing_of_each_other():
    """A level that names the patient: with a group out of the fit rows, nobody knows its mean."""
    patients = [f"p{number // 5}" for number in range(100)]
    truth = np.repeat(np.random.default_rng(2).choice(["no", "yes"], 20), 5)
    levels = tuple(sorted(set(patients)))
    table = one_column("categorical", patients, list(truth), levels=levels)
    left_out = ColumnSchema(name="patient", kind="id", use="left_out")
    schema = replace(table.schema, group="patient", columns=(*table.schema.columns, left_out))
    grouped = Table.of(schema, table.raw(np.arange(100)).assign(patient=patients))
    values_n, torn_n = (fitted_on(spec(), one)[1].numeric_NF[:, 0].astype(np.float64) for one in (grouped, table))
    assert len(np.unique(values_n)) <= PARTS
    assert all(len(np.unique(values_n[start : start + 5])) == 1 for start in range(0, 100, 5))
    told = [abs(np.corrcoef(one, truth == "yes")[0, 1]) for one in (values_n, torn_n)]
    assert told[1] > 0.9 > told[0]


def test_several_classes_have_a_column_each_but_the_first():
    table = one_column("categorical", list("aabbcc"), list("xyzxyz"), levels=LEVELS, classes=("x", "y", "z"))
    fitted, fit = fitted_on(spec(), table)
    assert fit.names_F == ("x: share of y", "x: share of z", "x is missing")[:2]
    assert fit.num_numbers == 2
    assert fitted.transform(table, np.arange(6)).numeric_NF.shape == (6, 2)


def test_rare_levels_share_their_mean_and_lend_it_to_unknown_ones():
    table = one_column("categorical", list("aaaabc"), ["no", "no", "no", "no", "yes", "yes"], levels=LEVELS)
    found = new_rows(fitted_on(spec(rare=2), table)[0], table, ["a", "b", "c", "mauve"])[:, 0]
    assert found[0] < found[1] == found[2] == found[3]
    np.testing.assert_allclose(found[1], (2 + 2 * 2 / 6) / 4, rtol=1e-6)
