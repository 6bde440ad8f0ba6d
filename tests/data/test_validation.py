"""validate says what is wrong, keeps what can be used, and ends with the line that cures."""

import pickle

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from components.core.errors import Mistakes, UserMistake
from components.core.files import read_parquet
from components.core.raw_rows import RawRows
from components.core.table import Schema, Table
from components.data.findings import WORDS, Finding, block, counted, named, read_findings, write_findings
from components.data.schema_completion import complete
from components.data.validation import ValidateSpec

N = 200
RNG = np.random.default_rng(1)


def clean(**more):
    columns = {
        "age": RNG.integers(18, 90, N),
        "income": RNG.normal(size=N),
        "colour": RNG.choice(["red", "green", "blue"], N),
        "answer": RNG.choice(["no", "yes"], N),
    }
    return pd.DataFrame({**columns, **more})


def words(data):
    return {(f.severity, f.word, f.columns) for f in read_findings(data / "validate" / "findings.json")}


def kept(data):
    return read_parquet(data / "validate" / "rows.parquet")["row"].tolist()


def test_a_clean_table_has_a_schema_and_no_findings(validated):
    facts, data = validated(clean(), target="answer")
    assert facts["line"] == "3 columns, no leakage"
    assert words(data) == set()
    schema = Schema.read(data / "validate" / "schema.json")
    assert (schema.task, schema.target, schema.classes) == ("binary", "answer", ("no", "yes"))
    assert [(c.name, c.kind, c.use) for c in schema.columns] == [
        ("age", "numeric", "feature"),
        ("income", "numeric", "feature"),
        ("colour", "categorical", "feature"),
        ("answer", "categorical", "target"),
    ]
    table = Table.open(schema, data / "ingest" / "table.parquet")
    assert set(table.target().tolist()) == {0, 1}
    assert kept(data) == list(range(N))


def test_rows_without_a_target_are_left_out(validated):
    frame = clean()
    frame.loc[[3, 5], "answer"] = None
    _, data = validated(frame, target="answer")
    assert words(data) == {("warning", "missing", ("answer",))}
    assert kept(data) == [i for i in range(N) if i not in (3, 5)]


def test_exact_copies_are_dropped_and_the_first_one_stays(validated):
    frame = pd.concat([clean(), clean().iloc[:0]])
    frame = pd.concat([frame, frame.iloc[[7, 7, 9]]], ignore_index=True)
    facts, data = validated(frame, target="answer")
    assert (facts["copies"], kept(data)) == (3, list(range(N)))
    assert ("warning", "duplicates", ()) in words(data)
    assert facts["line"] == "3 columns, 3 duplicates dropped, no leakage, 1 warning"
    facts, data = validated(frame, target="answer", duplicates="keep")
    assert len(kept(data)) == N + 3
    assert words(data) == {("note", "duplicates", ())}


def test_copies_are_judged_by_the_columns_that_models_see(validated):
    frame = clean(customer_id=[f"c{i:05d}" for i in range(N)])
    frame.loc[9, ["age", "income", "colour", "answer"]] = frame.loc[7, ["age", "income", "colour", "answer"]]
    assert validated(frame, target="answer")[0]["copies"] == 1


def test_a_table_that_is_mostly_copies_is_a_question(validated, tmp_path):
    frame = pd.DataFrame({"a": RNG.integers(0, 2, N), "b": RNG.integers(0, 3, N), "y": RNG.integers(0, 2, N)})
    with pytest.raises(UserMistake, match="of 200 rows are copies of another; 12 are left without"):
        validated(frame, target="y")
    finding = read_findings(tmp_path / ".espalier" / "findings.json")[0]
    assert finding.fix == {"key": "validate.duplicates", "value": "keep"}
    assert validated(frame, target="y", duplicates="keep")[0]["rows"] == N
    assert validated(frame, target="y", on_error={"duplicates": "warn"})[0]["rows"] == 12


def test_missing_values_are_told_with_what_they_go_with(validated):
    frame = clean(
        tenure=np.r_[np.zeros(8), RNG.integers(1, 60, N - 8)], total=RNG.normal(size=N), rare=RNG.normal(size=N)
    )
    frame.loc[:7, "total"] = np.nan
    frame.loc[RNG.choice(N, 90, replace=False), "rare"] = np.nan
    _, data = validated(frame, target="answer")
    found = {f.columns[0]: f for f in read_findings(data / "validate" / "findings.json")}
    assert found["total"].sentence == "total is missing in 8 rows (4 %), all with tenure 0. Kept, as missing."
    assert (found["total"].severity, found["rare"].severity) == ("warning", "warning")
    assert found["rare"].sentence == "rare is missing in 90 rows (45 %). Kept, as missing."


def test_many_columns_with_missing_values_are_one_line(validated):
    frame = clean(**{f"x{i}": np.where(RNG.random(N) < 0.1, np.nan, RNG.normal(size=N)) for i in range(6)})
    _, data = validated(frame, target="answer")
    (finding,) = read_findings(data / "validate" / "findings.json")
    assert finding.sentence.startswith("6 columns have missing values, most ")
    assert len(finding.columns) == 6


def test_what_models_do_not_see(validated):
    frame = clean(
        customer_id=[f"c{i:05d}" for i in range(N)],
        number=range(N),
        note=[f"the customer said {i} things" for i in range(N)],
        price=[f"${i},250.00" for i in range(1, N + 1)],
        constant=["same"] * N,
    )
    facts, data = validated(frame, target="answer")
    assert words(data) == {
        ("note", "id", ("customer_id",)),
        ("note", "id", ("number",)),
        ("note", "text", ("note",)),
        ("warning", "mixed", ("price",)),
        ("note", "constant", ("constant",)),
    }
    schema = Schema.read(data / "validate" / "schema.json")
    assert [c.name for c in schema.features] == ["age", "income", "colour", "note"]
    assert schema.column("note").why == "running text"
    assert facts["line"] == "4 columns, no leakage, 1 warning"


def test_a_column_with_one_value_and_missing_ones_is_kept(validated):
    _, data = validated(clean(debt=["yes", None] * (N // 2)), target="answer")
    assert Schema.read(data / "validate" / "schema.json").column("debt").use == "feature"


def test_numbers_mixed_with_words(validated):
    price = [str(i % 50) for i in range(N - 3)] + ["n.d.", "free", "n.d."]
    _, data = validated(clean(price=price), target="answer")
    (finding,) = read_findings(data / "validate" / "findings.json")
    assert (finding.word, finding.severity) == ("mixed", "warning")
    assert finding.sentence == "price holds numbers, but something else in 3 rows ('n.d.', 'free'). Read as missing."
    assert finding.cures[0][1] == "validate.columns: {price: categorical}"
    _, data = validated(clean(price=price), target="answer", columns={"price": "categorical"})
    assert Schema.read(data / "validate" / "schema.json").column("price").kind == "categorical"


def test_numbers_with_signs_are_named_as_such(validated):
    _, data = validated(clean(price=[f"${i},250.00" for i in range(N)]), target="answer")
    (finding,) = read_findings(data / "validate" / "findings.json")
    assert finding.sentence.startswith("price holds numbers written with signs, such as '$")
    assert (finding.severity, finding.word) == ("warning", "mixed")


def test_outliers_are_named_and_kept(validated):
    frame = clean(speed=np.r_[RNG.normal(50, 5, N - 1), 9999.0])
    _, data = validated(frame, target="answer")
    (finding,) = read_findings(data / "validate" / "findings.json")
    assert finding.sentence.startswith("speed is far from all other rows in 1 row: 9999 (99 % lie from ")
    assert kept(data) == list(range(N))
    _, data = validated(frame, target="answer", outliers="none")
    assert words(data) == set()


def test_imbalance_and_rare_classes(validated):
    _, data = validated(clean(answer=["yes"] * 6 + ["no"] * (N - 6)), target="answer")
    found = {f.word: f.sentence for f in read_findings(data / "validate" / "findings.json")}
    assert found["rare"] == "Fewer than 10 rows are yes (6). Scores for them rest on very few rows."
    assert found["imbalance"].startswith("3 % of the rows are yes: always answering no is right in 97 %.")


@pytest.mark.parametrize(
    ("values", "word", "sentence"),
    [
        ([None] * N, "missing", "empty has no value in any row"),
        (
            [1.0, float("inf")] * (N // 2),
            "infinite",
            "empty is infinite in 100 rows; the first is row 2 below the header",
        ),
    ],
)
def test_columns_that_cannot_be_learned_stop_the_run(validated, tmp_path, values, word, sentence):
    frame = clean(empty=np.array(values, dtype=float))
    with pytest.raises(UserMistake, match=rf"error +{word} +{sentence}") as caught:
        validated(frame, target="answer")
    assert "validate.drop: [empty]" in str(caught.value)
    assert str(caught.value).endswith(f"espalier fix {word} && espalier run")
    assert read_findings(tmp_path / ".espalier" / "findings.json")[0].fix == {
        "key": "validate.drop",
        "value": ["empty"],
    }
    for spec in ({"drop": ["empty"]}, {"on_error": {word: "warn"}}):
        _, data = validated(frame, target="answer", **spec)
        assert Schema.read(data / "validate" / "schema.json").column("empty").use == "left_out"


def test_all_wrong_names_are_told_at_once(validated):
    with pytest.raises(Mistakes, match=r"validate\.target is 'anser', not a column of t\.parquet") as caught:
        validated(clean(), target="anser", drop=["agee"], columns={"couleur": "categorical"})
    assert [mistake.place for mistake in caught.value.mistakes] == [
        *("validate.target", "validate.columns", "validate.drop")
    ]
    assert "Did you mean 'answer'?" in str(caught.value)
    assert "Did you mean 'age'?" in str(caught.value)


def test_the_target_cannot_be_dropped(validated):
    with pytest.raises(Mistakes, match=r"validate\.drop names 'answer', which is the target"):
        validated(clean(), target="answer", drop=["answer"])


def test_the_target_has_a_task_and_no_kind(validated):
    with pytest.raises(Mistakes, match=r"names 'answer', which is the target\. Write validate\.task instead"):
        validated(clean(), target="answer", columns={"answer": "categorical"})


def test_no_column_left(validated):
    with pytest.raises(UserMistake, match=r"No column is left to learn from: n \(it counts the rows\)"):
        validated(pd.DataFrame({"n": range(N), "y": RNG.integers(0, 2, N)}), target="y")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"colour": "boolean"}, "'colour' is to be boolean, but has 3 different values"),
        ({"colour": "numeric"}, r"'colour' is to be numeric, but none of its values is \('"),
        ({"colour": "datetime"}, "'colour' is to be datetime, but none of its values is"),
    ],
)
def test_kinds_that_a_column_cannot_have(validated, columns, message):
    with pytest.raises(UserMistake, match=message):
        validated(clean(), target="answer", columns=columns)


def test_names_may_be_numbers(validated):
    frame = pd.DataFrame({"0": RNG.normal(size=N), "2024": RNG.integers(0, 2, N)})
    facts, _ = validated(frame, target=2024, drop=[])
    assert facts["task"] == "binary"
    assert ValidateSpec(target=0, columns={1: "text"}).columns == {"1": "text"}


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="on_error"):
        ValidateSpec(target="y", on_error={"leak": "warn"})
    with pytest.raises(ValidationError, match="targt"):
        ValidateSpec(target="y", targt="z")


def test_the_same_table_gives_the_same_bytes(validated):
    frame = clean()
    _, data = validated(frame, target="answer")
    first = {path.name: path.read_bytes() for path in (data / "validate").iterdir()}
    validated(frame, target="answer")
    assert first == {path.name: path.read_bytes() for path in (data / "validate").iterdir()}
    assert set(first) == {"schema.json", "findings.json", "rows.parquet"}


def test_findings_come_back_from_json(tmp_path):
    findings = [
        Finding(severity="note", word="id", columns=("a",), sentence="a: b."),
        Finding(
            severity="error",
            word="leakage",
            columns=("x", "y"),
            sentence="x alone predicts y: ROC AUC 1.000 on folds.",
            why="Why.",
            cures=(("When:", "validate.drop: [x]"),),
            fix={"key": "validate.drop", "value": ["x"]},
        ),
    ]
    write_findings(tmp_path / "f.json", findings)
    assert read_findings(tmp_path / "f.json") == findings[::-1]
    assert block(findings) == (
        "error    leakage      x alone predicts y: ROC AUC 1.000 on folds.\n"
        "                      Why.\n"
        "                      When:\n"
        "                          validate.drop: [x]\n"
        "note     id           a: b."
    )
    assert counted(findings) == "1 error"
    assert all(len(word) <= 12 for word in WORDS)


def test_names_in_sentences():
    assert named([]) == ""
    assert named(["a", "b"]) == "a and b"
    assert named(list("abcde")) == "a, b, c and 2 more"


def test_a_column_said_to_be_text_is_a_feature_and_split_looks_where_it_misses(validated):
    said = [["good", "bad", "so so"][i % 3] for i in range(N)]
    frame = clean(note=said, remark=[None if i == 3 else word for i, word in enumerate(said)])
    _, data = validated(frame, target="answer", columns={"note": "text", "remark": "text"})
    schema = Schema.read(data / "validate" / "schema.json")
    assert [(schema.column(name).kind, schema.column(name).use) for name in ("note", "remark")] == [
        ("text", "feature")
    ] * 2
    completed = complete(schema, RawRows([], frame), np.arange(N))
    assert [completed.column(name).missing for name in ("note", "remark")] == [False, True]
    assert not complete(schema, RawRows([], frame), np.arange(4, N)).column("remark").missing


def test_the_column_that_rows_are_split_by_is_no_feature(validated):
    """A group that alone gives the answer away stops nobody, and is named by no finding."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 4)
    frame = pd.DataFrame({"a": rng.normal(size=240), "patient": [f"p{n}" for n in patient], "y": patient % 3 == 0})
    with pytest.raises(UserMistake, match="patient alone predicts y"):
        validated(frame, target="y")
    _, data = validated(frame, target="y", dealt_by={"patient": "split.by is group"})
    assert not any("patient" in finding.columns for finding in read_findings(data / "validate" / "findings.json"))
    column = Schema.read(data / "validate" / "schema.json").column("patient")
    assert (column.use, column.why) == ("left_out", "split.by is group")


def test_equal_rows_of_two_moments_are_no_copies(validated):
    frame = pd.DataFrame({"a": [1.5, 2.5] * 30, "day": range(60), "y": ["no", "yes"] * 30})
    facts, _ = validated(frame, target="y", on_error="warn", dealt_by={"day": "split.by is time"})
    assert (facts["rows"], facts["copies"]) == (60, 0)


def test_a_table_of_nothing_but_the_column_that_it_is_split_by(validated):
    frame = pd.DataFrame({"day": range(60), "y": ["no", "yes"] * 30})
    with pytest.raises(UserMistake, match=r"No column is left to learn from: day \(split.by is time\)"):
        validated(frame, target="y", dealt_by={"day": "split.by is time"})


def test_a_file_of_many_columns_is_opened_once_and_again_by_whoever_it_travels_to(tmp_path, monkeypatch):
    """Opening one of 1500 columns takes as long as reading them all: with a look at each, minutes."""
    path = tmp_path / "table.parquet"
    pd.DataFrame({f"x{n}": np.arange(4) + n for n in range(30)}).to_parquet(path)
    opened = []
    real = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", lambda file: opened.append(file) or real(file))
    rows = RawRows([path])
    assert [rows.column(f"x{n}").tolist() for n in range(30)] == [[n, n + 1, n + 2, n + 3] for n in range(30)]
    assert opened == [path]
    there = pickle.loads(pickle.dumps(rows))
    assert there.column("x7").tolist() == [7, 8, 9, 10]
    assert opened == [path, path]
