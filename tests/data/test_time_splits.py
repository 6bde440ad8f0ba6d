"""Splits by time: the test is the end, no fold looks ahead, one moment stands on one side, and mistakes are named."""

import numpy as np
import pandas as pd
import pytest

from components.augmentation.folds import parts_of, read_folds_with_made
from components.core.errors import UserMistake
from components.core.files import read_json, write_json, write_parquet
from components.core.table import Schema
from components.data.splits import SplitSpec, read_folds, split
from components.data.time_order import cut_in_order

N = 240


def table(**more):
    """Rows in no order of time: three a day over 80 days."""
    rng = np.random.default_rng(1)
    day = rng.permutation(np.repeat(np.arange(80), 3))
    when = pd.to_datetime("2026-01-01") + pd.to_timedelta(day, unit="D")
    y = np.where(rng.random(N) < 0.4, "yes", "no")
    return pd.DataFrame({"a": rng.normal(size=N), "when": when.strftime("%Y-%m-%d"), "y": y} | more)


@pytest.fixture
def dealt(validated):
    def run(frame, *, target="y", seed=0, **spec):
        _, data = validated(frame, target=target, on_error="warn")
        (data / "split").mkdir(exist_ok=True)
        spec = SplitSpec(**({"by": "time", "column": "when"} | spec))
        facts = split(spec, data / "ingest", data / "validate", data / "split", seed=seed)
        return facts, data / "split"

    return run


def moments(frame, rows):
    return pd.to_datetime(frame["when"]).to_numpy()[rows]


def test_the_test_is_the_end_and_no_fold_looks_ahead(dealt):
    frame = table()
    facts, folder = dealt(frame, folds=3)
    test, folds = read_folds(folder)
    train = np.setdiff1d(np.arange(N), test)
    assert len(test) == 48
    assert moments(frame, train).max() < moments(frame, test).min()
    scored = np.concatenate([fold.score_rows for fold in folds])
    first_block = np.setdiff1d(train, scored)
    assert len(first_block) == 48
    assert moments(frame, first_block).max() < moments(frame, scored).min()
    for fold in folds:
        assert moments(frame, fold.fit_rows).max() < moments(frame, fold.score_rows).min()
        assert set(first_block) <= set(fold.fit_rows)
    assert [len(fold.fit_rows) for fold in folds] == [48, 96, 144]
    assert len(np.unique(scored)) == len(scored)
    assert facts["line"] == "train 192 in 3 folds, test the last 48, in order of when"
    assert Schema.read(folder / "schema.json").column("when").use == "left_out"


def test_the_seed_changes_nothing(dealt):
    frame = table()
    first = (dealt(frame, seed=1)[1] / "rows.parquet").read_bytes()
    assert first == (dealt(frame, seed=2)[1] / "rows.parquet").read_bytes()


def test_rows_of_one_moment_stand_on_one_side(dealt):
    frame = table(when=np.repeat([f"2026-0{month}-01" for month in range(1, 9)], N // 8))
    _, folder = dealt(frame, folds=3, test=0.3)
    test, folds = read_folds(folder)
    sides = [test, *(fold.score_rows for fold in folds)]
    months = [set(frame["when"].to_numpy()[rows]) for rows in sides]
    assert all(months)
    assert sum(map(len, months)) == len(set.union(*months))
    assert not set(frame["when"].to_numpy()[folds[0].fit_rows]) & set.union(*months)


@pytest.mark.parametrize("spec", [{"test": 0}, {"folds": 1, "validation_share": 0.25}])
def test_without_test_rows_and_with_one_fold(dealt, spec):
    frame = table()
    _, folder = dealt(frame, **spec)
    test, folds = read_folds(folder)
    assert len(test) == (0 if "test" in spec else 48)
    assert len(folds[-1].score_rows) == (39 if "test" in spec else 48)  # thirteen days of three
    assert moments(frame, folds[-1].fit_rows).max() < moments(frame, folds[-1].score_rows).min()


def test_numbers_are_times_too(dealt):
    frame = table(when=np.arange(N)[::-1] * 10)
    _, folder = dealt(frame)
    assert read_folds(folder)[0].tolist() == list(range(48))


def test_equal_rows_of_another_time_stay_and_are_counted(dealt):
    frame = table()
    order = np.argsort(moments(frame, np.arange(N)), kind="stable")
    frame.loc[order[-1], "a"] = frame.loc[order[0], "a"]
    facts, _ = dealt(frame)
    assert (facts["repeated"], facts["rows_train"] + facts["rows_test"]) == (1, N)
    assert "1 test rows equal an earlier one" in facts["line"]


@pytest.mark.parametrize(
    ("more", "spec", "message"),
    [
        ({}, {"column": "none"}, r"split\.by is time, but split\.column is none\. Name the column that holds the time"),
        ({"when": ["a", "b", "c"] * 80}, {}, "'when' holds neither dates nor numbers"),
        ({"when": ["2026-01-01", None] * 120}, {}, "'when' is missing, or no date, in 120 of 240 rows"),
        ({"when": ["2026-01-01", "2026-01-02"] * 120}, {"test": 0}, r"2 different moments .* Write split\.folds: 1"),
        ({"when": ["2026-01-01"] * 240, "b": range(240)}, {}, "none could be spared"),
        (
            {"y": ["no"] * 120 + ["yes"] * 120, "when": np.arange(240)},
            {},
            r"all rows before those that fold 0 scores are 'no'.*fewer split\.folds",
        ),
    ],
)
def test_impossible_times(dealt, more, spec, message):
    with pytest.raises(UserMistake, match=message):
        dealt(table(**more), **spec)


def test_parts_follow_shares_and_equal_moments_stay_whole():
    parts = cut_in_order(np.array([3.0, 1.0, 2.0, 4.0, 5.0, 5.0]), np.array([0.5, 0.5]))
    assert parts.tolist() == [0, 0, 0, 1, 1, 1]
    assert cut_in_order(np.array([1.0, 2.0, 2.0, 2.0]), np.array([0.5, 0.5])).tolist() == [0, 1, 1, 1]


def test_made_rows_of_a_later_block_are_not_learned_from(dealt, tmp_path):
    frame = table()
    _, folder = dealt(frame, folds=3)
    _, folds = read_folds(folder)
    assert sorted(parts_of(folds)) == [-1, 0, 1, 2]
    made = tmp_path / "made"
    made.mkdir()
    write_parquet(made / "made_rows.parquet", {"fold": np.array([-1, 0, 1, 2], dtype=np.int16)})
    hash_of = read_json(folder / "split.json")["table"]
    write_json(made / "augment.json", {"table": hash_of, "rows": N, "made": 4})
    found = read_folds_with_made(folds, made, hash_of)
    assert [fold.fit_rows[fold.fit_rows >= N].tolist() for fold in found] == [[N], [N, N + 1], [N, N + 1, N + 2]]
