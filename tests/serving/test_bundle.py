"""A bundle answers raw rows by name, in their order, and says what is doubtful about them, on a small real model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import UserMistake
from components.core.files import write_json
from components.core.table import ColumnSchema, Schema
from components.serving.bundle import Bundle, load_bundle, write_bundle
from components.serving.card import example_columns
from components.serving.problems import doubts

COLUMNS = (
    ColumnSchema(name="age", kind="numeric", use="feature", low=18.0, high=90.0),
    ColumnSchema(name="plan", kind="categorical", use="feature", levels=("basic", "plus")),
    ColumnSchema(name="paper", kind="boolean", use="feature", levels=("no", "yes")),
    ColumnSchema(name="since", kind="datetime", use="feature", low=0.0, high=86400.0 * 365),
    ColumnSchema(name="customer", kind="id", use="left_out", why="every row has its own"),
    ColumnSchema(name="left", kind="categorical", use="target"),
)
SCHEMA = Schema(table="sha256:0", task="binary", target="left", classes=("no", "yes"), columns=COLUMNS)
FACTS = {
    "espalier": "0.1.0",
    "metric": "roc_auc",
    "title": "ROC AUC",
    "greater_is_better": True,
    "score": 0.8471,
    "fold_scores": [0.84, 0.85, 0.851],
    "threshold": None,
}


class Older:
    """The chance of "yes" is age / 100, whatever else: an answer that can be checked by hand."""

    name, family = "older", "ensemble"

    def __init__(self, slope=0.01):
        self.slope = slope

    def predict(self, table, rows=None):
        age = np.nan_to_num(table.column("age"), nan=50.0)
        for name in ("plan", "paper", "since"):
            assert len(table.column(name)) == table.num_rows
        yes = np.clip(self.slope * age, 0, 1)
        return np.column_stack([1 - yes, yes]).astype(np.float32)


LOADERS = {"ensemble": lambda folder: Older(json.loads((folder / "member.json").read_text())["slope"])}


def ensemble_folder(folder: Path) -> Path:
    (folder / "members" / "older").mkdir(parents=True)
    write_json(folder / "member.json", {"slope": 0.01})
    (folder / "members" / "older" / "oof-0.parquet").write_bytes(b"left behind")
    (folder / "oof-0.parquet").write_bytes(b"left behind")
    write_json(folder / "stacking.json", {})
    write_json(folder / "out.json", {})
    SCHEMA.write(folder / "schema.json")
    return folder


def rows(**others):
    found = {
        "age": [20, 80, 35],
        "plan": ["basic", "plus", "basic"],
        "paper": ["yes", "no", "yes"],
        "since": ["1970-02-01", "1970-03-01", "1970-04-01"],
    }
    return pd.DataFrame({**found, **others})


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    write_bundle(folder, ensemble_folder(tmp_path / "stacking"), LOADERS, FACTS, card=True)
    return load_bundle(folder, LOADERS)


def test_answers_stand_beside_their_rows(bundle):
    frame = rows().set_index(pd.Index(["c", "a", "b"], name="key"))
    found = bundle.predict(frame[["since", "paper", "age", "plan"]])
    assert list(found.columns) == ["prediction", "probability_no", "probability_yes"]
    assert list(found.index) == ["c", "a", "b"]
    assert list(found["prediction"]) == ["no", "yes", "no"]
    np.testing.assert_allclose(found["probability_yes"], [0.2, 0.8, 0.35], atol=1e-6)


def test_what_is_left_out_or_asked_for_is_not_needed_and_not_named(bundle):
    frame = rows(customer=["x", "y", "z"], left=["no", "no", "yes"])
    assert bundle.problems(frame) == []
    pd.testing.assert_frame_equal(bundle.predict(frame), bundle.predict(rows()))


def test_text_numbers_and_typed_columns_are_the_same(bundle):
    as_text = rows().astype(str)
    typed = rows(paper=[True, False, True], since=pd.to_datetime(rows()["since"]))
    pd.testing.assert_frame_equal(bundle.predict(as_text), bundle.predict(rows()))
    pd.testing.assert_frame_equal(bundle.predict(typed), bundle.predict(rows()))


def test_no_rows_no_answers(bundle):
    found = bundle.predict(rows().head(0))
    assert list(found.columns) == ["prediction", "probability_no", "probability_yes"]
    assert len(found) == 0


def test_a_missing_column_stops_and_names_all_of_them(bundle):
    with pytest.raises(UserMistake, match="lack the columns 'age', 'plan', which"):
        bundle.predict(rows().drop(columns=["age", "plan"]))
    with pytest.raises(UserMistake, match=r"lack the column 'plan', .* Is 'plan' here called 'plans'"):
        bundle.problems(rows().rename(columns={"plan": "plans"}))


def test_two_columns_of_one_name_stop(bundle):
    frame = rows()
    frame.columns = ["age", "plan", "paper", "since"]
    twice = pd.concat([frame, frame[["age"]]], axis=1)
    with pytest.raises(UserMistake, match="two columns called 'age'"):
        bundle.predict(twice)


def test_each_doubt_has_its_sentence():
    frame = rows(
        age=["17", "old", "200"],
        plan=["gold", "plus", None],
        since=["1970-02-01", "someday", "1999-01-01"],
        paper=["yes", "no", "perhaps"],
        extra=[1, 2, 3],
    )
    assert doubts(SCHEMA, frame) == [
        "age: 1 row has no number (old); as missing",
        "age: 2 rows have a value outside 18 to 90 of training (17, 200)",
        "plan: 1 row has a level unknown to training (gold); as missing",
        "paper: 1 row has a level unknown to training (perhaps); as missing",
        "since: 1 row has no date (someday); as missing",
        "since: 1 row has a value outside 1970-01-01 to 1971-01-01 of training (1999-01-01)",
        "not used, because the model was not grown on it: extra",
    ]


def test_a_column_that_is_empty_is_named_once():
    assert doubts(SCHEMA, rows(age=[None, "", "NA"])) == ["age: missing in every row"]


VALUES = st.one_of(st.none(), st.text(max_size=5), st.floats(allow_nan=True), st.integers(-(10**9), 10**9))


@settings(max_examples=40)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=0, max_size=8))
def test_any_rows_get_answers_and_never_a_crash(cells):
    frame = pd.DataFrame(
        {
            name: pd.Series([row[place] for row in cells], dtype=object)
            for place, name in enumerate(["age", "plan", "paper", "since"])
        }
    )
    bundle = Bundle(Older(), SCHEMA, FACTS)
    doubts(SCHEMA, frame)
    found = bundle.predict(frame)
    assert len(found) == len(cells)
    assert set(found["prediction"]) <= {"no", "yes"}


def test_the_folder_holds_what_predicting_needs_and_explains_itself(tmp_path, bundle):
    folder = tmp_path / "export"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == [
        "README.md",
        "bundle.json",
        "card.md",
        "example.csv",
        "example_answer.csv",
        "member.json",
        "schema.json",
    ]
    example = pd.read_csv(folder / "example.csv")
    answers = pd.read_csv(folder / "example_answer.csv")
    pd.testing.assert_frame_equal(bundle.predict(example), answers, check_dtype=False, rtol=1e-5)
    assert bundle.problems(example) == []
    card = (folder / "card.md").read_text()
    assert "ROC AUC 0.8471 ± 0.0035 (standard error over 3 folds)" in card
    assert "| age | numeric | 18.000 to 90.000 |" in card
    assert "Left out: customer." in card
    assert bundle.facts["format"] == 1


def test_a_moved_bundle_answers_the_same(tmp_path, bundle):
    shutil.copytree(tmp_path / "export", tmp_path / "elsewhere")
    moved = load_bundle(tmp_path / "elsewhere", LOADERS)
    pd.testing.assert_frame_equal(moved.predict(rows()), bundle.predict(rows()))


def test_the_same_ensemble_gives_the_same_bytes(tmp_path, bundle):
    (tmp_path / "again").mkdir()
    write_bundle(tmp_path / "again", tmp_path / "stacking", LOADERS, FACTS, card=True)
    for path in (tmp_path / "again").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "export" / path.relative_to(tmp_path / "again")).read_bytes()


def test_no_card_when_none_is_wanted(tmp_path):
    (tmp_path / "plain").mkdir()
    write_bundle(tmp_path / "plain", ensemble_folder(tmp_path / "stacking"), LOADERS, FACTS, card=False)
    assert not (tmp_path / "plain" / "card.md").exists()


def test_what_is_no_bundle_and_what_is_too_new(tmp_path, bundle):
    with pytest.raises(UserMistake, match=r"is no exported model: it has no bundle\.json"):
        load_bundle(tmp_path, LOADERS)
    write_json(tmp_path / "export" / "bundle.json", {**bundle.facts, "format": 2, "espalier": "9.0"})
    with pytest.raises(UserMistake, match=r"written by espalier 9\.0, in a form \(format 2\)"):
        load_bundle(tmp_path / "export", LOADERS)


def test_a_bundle_that_was_not_copied_whole(tmp_path, bundle):
    folder = tmp_path / "export"
    (folder / "README.md").unlink()  # a text: nobody predicts with it
    load_bundle(folder, LOADERS)
    content = (folder / "member.json").read_bytes()
    (folder / "member.json").write_bytes(content[:-1])
    with pytest.raises(UserMistake, match=r"is not whole: member\.json has another size .* Copy the exported folder"):
        load_bundle(folder, LOADERS)
    (folder / "member.json").unlink()
    with pytest.raises(UserMistake, match=r"is not whole: member\.json is missing"):
        load_bundle(folder, LOADERS)
    (folder / "bundle.json").write_text('{"format')
    with pytest.raises(UserMistake, match=r"bundle\.json is damaged"):
        load_bundle(folder, LOADERS)


def test_example_rows_are_made_up_from_the_schema():
    assert example_columns(SCHEMA) == {
        "age": [18.0, 54.0, 90.0],
        "plan": ["basic", "basic", "plus"],
        "paper": ["no", "no", "yes"],
        "since": ["1970-01-01T00:00:00", "1970-07-02T12:00:00", "1971-01-01T00:00:00"],
    }


def test_a_range_that_begins_within_a_day_is_told_to_the_minute():
    low, high = (pd.Timestamp(day).timestamp() for day in ("2021-01-01 13:00", "2021-03-01"))
    column = ColumnSchema(name="since", kind="datetime", use="feature", missing=False, low=low, high=high)
    schema = Schema(table="sha256:0", task="binary", target="left", classes=("no", "yes"), columns=(column,))
    (said,) = doubts(schema, pd.DataFrame({"since": ["2021-01-01"]}))
    assert said == ("since: 1 row has a value outside 2021-01-01 13:00 to 2021-03-01 00:00 of training (2021-01-01)")
