"""Rows are dealt fairly and repeatably; what belongs together stays together; what cannot be split is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import UserMistake
from components.core.files import read_json, read_parquet
from components.core.table import Schema
from components.data.dealing import deal, strata_of
from components.data.splits import SplitSpec, read_folds, split
from components.data.units import units_of

N = 200


def table(num_rows=N, **more):
    rng = np.random.default_rng(3)
    y = np.where(rng.random(num_rows) < 0.25, "yes", "no")
    return pd.DataFrame({"a": rng.normal(size=num_rows), "b": rng.choice(["u", "v", "w"], num_rows), "y": y} | more)


@pytest.fixture
def dealt(validated, tmp_path):
    def run(frame, *, seed=0, target="y", validate=None, **spec):
        _, data = validated(frame, target=target, **(validate or {}))
        (data / "split").mkdir(exist_ok=True)
        facts = split(SplitSpec(**spec), data / "ingest", data / "validate", data / "split", seed=seed)
        return facts, data / "split"

    return run


def test_every_row_is_scored_once_and_classes_keep_their_shares(dealt):
    facts, folder = dealt(table())
    test, folds = read_folds(folder)
    assert len(test) == 40
    assert np.array_equal(np.sort(np.concatenate([test, *(fold.score_rows for fold in folds)])), np.arange(N))
    for fold in folds:
        assert len(fold.score_rows) == 32
        assert not set(fold.fit_rows) & (set(fold.score_rows) | set(test))
        assert len(fold.fit_rows) + len(fold.score_rows) + len(test) == N
    shares = [side["yes"] / sum(side.values()) for side in facts["classes"].values()]
    assert max(shares) - min(shares) < 0.04
    assert facts["line"] == "train 160 in 5 folds, test 40, stratified"


def test_the_seed_decides_and_nothing_else(dealt):
    frame = table()
    first = {path.name: path.read_bytes() for path in dealt(frame, seed=1)[1].iterdir()}
    again = {path.name: path.read_bytes() for path in dealt(frame, seed=1)[1].iterdir()}
    other = {path.name: path.read_bytes() for path in dealt(frame, seed=2)[1].iterdir()}
    assert first == again
    assert first["rows.parquet"] != other["rows.parquet"]
    assert set(first) == {"schema.json", "rows.parquet", "split.json", "findings.json"}


def test_the_hash_of_the_table_is_handed_on(dealt):
    facts, folder = dealt(table())
    ingested = read_json(folder.parent / "ingest" / "ingest.json")["table"]
    assert facts["table"] == ingested == read_json(folder / "split.json")["table"]


def test_no_test_rows(dealt):
    facts, folder = dealt(table(), test=0)
    test, folds = read_folds(folder)
    assert (len(test), facts["rows_train"], sum(len(fold.score_rows) for fold in folds)) == (0, N, N)
    assert facts["line"] == "train 200 in 5 folds, no test rows, stratified"


def test_one_fold_is_one_validation_part(dealt):
    facts, folder = dealt(table(), folds=1, validation_share=0.25)
    test, folds = read_folds(folder)
    assert (len(folds), len(test), len(folds[0].score_rows), len(folds[0].fit_rows)) == (1, 40, 40, 120)
    assert facts["line"] == "train 160 (40 of them for validation), test 40, stratified"


def test_numbers_are_stratified_by_range(dealt):
    frame = table(y=np.arange(N) ** 2.0)
    _, folder = dealt(frame)
    test, folds = read_folds(folder)
    means = [np.arange(N)[rows].mean() for rows in (test, *(fold.score_rows for fold in folds))]
    assert max(means) - min(means) < 12
    dealt(frame, by="random")


def test_copies_never_stand_on_two_sides(dealt):
    frame = table()
    frame = pd.concat([frame] * 2 + [frame.iloc[:30]] * 3, ignore_index=True)
    _, folder = dealt(frame, validate={"duplicates": "keep", "on_error": "warn"})
    rows = read_parquet(folder / "rows.parquet")
    side = pd.Series(np.where(rows["part"] == 1, -1, rows["fold"])).groupby(frame["a"].to_numpy()[rows["row"]])
    assert (side.nunique() == 1).all()
    sizes = np.bincount(rows["fold"][rows["part"] == 0])
    assert sizes.max() - sizes.min() <= 6


def test_equal_rows_with_different_answers_stay_together(dealt):
    frame = table()
    twins = frame.assign(y=np.where(frame["y"] == "yes", "no", "yes"))
    _, folder = dealt(pd.concat([frame, twins], ignore_index=True))
    rows = read_parquet(folder / "rows.parquet")
    side = np.where(rows["part"] == 1, -1, rows["fold"])
    assert np.array_equal(side[:N], side[N:])


def test_groups_are_not_torn_and_the_column_is_not_learned_from(dealt):
    frame = table(patient=[f"p{i // 5 % 37}" for i in range(N)])
    facts, folder = dealt(frame, by="group", column="patient")
    rows = read_parquet(folder / "rows.parquet")
    side = pd.Series(np.where(rows["part"] == 1, -1, rows["fold"])).groupby(frame["patient"].to_numpy()[rows["row"]])
    assert (side.nunique() == 1).all()
    assert 30 <= facts["rows_test"] <= 50
    column = Schema.read(folder / "schema.json").column("patient")
    assert (column.use, column.why) == ("left_out", "split.by is group")
    assert facts["line"].endswith("by patient")


def test_a_column_may_say_what_is_test(dealt):
    frame = table(part=["train"] * 150 + ["Test"] * 50)
    facts, folder = dealt(frame, by="column", column="part")
    assert read_folds(folder)[0].tolist() == list(range(150, 200))
    assert (facts["rows_train"], facts["rows_test"], facts["left_out"]) == (150, 50, 0)


def test_train_rows_that_equal_a_test_row_are_left_out(dealt):
    frame = table(part=["train"] * 150 + ["test"] * 50)
    frame.loc[3, ["a", "b"]] = frame.loc[170, ["a", "b"]]
    facts, folder = dealt(frame, by="column", column="part")
    assert (facts["left_out"], facts["rows_train"]) == (1, 149)
    assert 3 not in read_parquet(folder / "rows.parquet")["row"]


def test_the_schema_is_completed_from_the_train_rows_alone(dealt):
    frame = table(part=["train"] * 150 + ["test"] * 50, day="2026-01-01", flag=[True, False] * 100)
    frame.loc[160, ["a", "b", "day"]] = [99.0, "never seen", "2030-01-01"]
    frame.loc[161, "a"] = np.nan
    frame.loc[5, "b"] = None
    frame.loc[:9, "day"] = "2025-12-31"
    _, folder = dealt(frame, by="column", column="part")
    schema = Schema.read(folder / "schema.json")
    assert schema.column("a").high == frame["a"][:150].max()
    assert (schema.column("a").missing, schema.column("b").missing) == (False, True)
    assert schema.column("b").levels == ("u", "v", "w")
    assert (schema.column("day").low, schema.column("day").high) == (1767139200.0, 1767225600.0)
    assert schema.column("flag").levels == ("false", "true")
    assert schema.column("part").use == "left_out"


def test_the_only_row_of_a_class_is_learned_from(dealt):
    for seed in range(8):
        frame = table()
        frame.loc[11, "y"] = "maybe"
        facts, _ = dealt(frame, seed=seed)
        assert facts["classes"]["train"]["maybe"] == 1


@pytest.mark.parametrize(
    ("frame", "spec", "message"),
    [
        (
            table(),
            {"by": "group"},
            r"split\.by is group, but split\.column is none\. Name the column that holds the group",
        ),
        (table(), {"by": "column"}, "holds the words train and test"),
        (
            table(),
            {"by": "group", "column": "bb"},
            r"split\.column is 'bb', not a column of the table\. Did you mean 'b'",
        ),
        (table(), {"by": "group", "column": "y"}, "which is the target"),
        (table(), {"by": "column", "column": "b"}, "holds 'u', 'v', 'w'"),
        (table(part=["train"] * N), {"by": "column", "column": "part"}, "no row of 'part' holds the word test"),
        (table(part=["train"] * 199 + [None]), {"by": "column", "column": "part"}, "holds nothing"),
        (table(g=["x", None] * 100), {"by": "group", "column": "g"}, "'g' is missing in 100 of 200 rows"),
        (
            table(g=["x", "z"] * 100),
            {"by": "group", "column": "g"},
            r"with 1 group: every fold needs one.*Bring more rows",
        ),
        (
            table(g=["x", "z", "q", "r"] * 50),
            {"by": "group", "column": "g"},
            r"with 3 groups: .* Write split\.folds: 3",
        ),
        (table(12), {"folds": 9}, r"split\.folds is 9, but there are 10 train rows .* Write split\.folds: 5"),
        (table(12).assign(y=["yes"] + ["no"] * 11), {}, r"without fold \d all train rows are 'no'"),
        (
            table(g=["x"] * 190 + list("abcdefghij")),
            {"by": "group", "column": "g", "test": 0},
            "all train rows are 'no'",
        ),
    ],
)
def test_impossible_splits(dealt, frame, spec, message):
    if "all train rows" in message and "g" in frame:
        frame["y"] = np.where(frame["g"] == "x", "yes", "no")
        frame.loc[0, "y"] = "no"
    with pytest.raises(UserMistake, match=message):
        dealt(frame, validate={"on_error": "warn"}, **spec)


def test_no_row_can_be_spared_for_the_test(dealt):
    with pytest.raises(UserMistake, match=r"of 20 rows none could be spared.*split\.test: 0"):
        dealt(table(20), test=0.01, folds=2)


@given(
    st.lists(st.integers(0, 12), min_size=30, max_size=120),
    st.integers(2, 6),
    st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_dealing_keeps_units_whole_and_parts_near_their_share(groups, num_parts, seed):
    units = np.unique(groups, return_inverse=True)[1]
    strata = np.arange(len(units)) % 3
    parts = deal(units, strata, np.full(num_parts, 1.0), np.random.default_rng(seed))
    assert len(parts) == len(units)
    assert all(len(np.unique(parts[units == unit])) == 1 for unit in np.unique(units))
    if len(np.unique(units)) >= num_parts:
        largest = np.bincount(units).max()
        # classes are balanced too, so parts may differ by more than one unit
        assert np.bincount(parts, minlength=num_parts).max() <= len(units) / num_parts + 2 * largest


@given(st.integers(4, 300), st.floats(0.05, 0.95), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_two_unequal_shares_are_met_to_within_a_row(num_rows, share, num_strata):
    strata = np.arange(num_rows) * num_strata // num_rows
    parts = deal(np.arange(num_rows), strata, np.array([1 - share, share]), np.random.default_rng(0))
    assert abs(parts.sum() - share * num_rows) <= 1
    for stratum in range(num_strata):
        inside = strata == stratum
        assert abs(parts[inside].sum() - share * inside.sum()) <= 1.0001


def test_strata_of_numbers_are_ranges_of_equal_size():
    strata = strata_of(np.array([5.0, 1.0, 9.0, 3.0, 7.0, 2.0, 8.0, 4.0]), 0, 2)
    assert strata.tolist() == [1, 0, 1, 0, 1, 0, 1, 0]


def test_groups_that_share_equal_rows_are_one_unit():
    class Raw:
        frame = pd.DataFrame({"x": [1, 2, 2, 3, 4], "g": ["a", "a", "b", "b", "c"]})

        def column(self, name):
            return self.frame[name]

        def __len__(self):
            return 5

    assert units_of(Raw(), np.arange(5), ["x"], "g").tolist() == [0, 0, 0, 0, 1]
    assert units_of(Raw(), np.arange(5), ["x"], None).tolist() == [0, 1, 1, 2, 3]
