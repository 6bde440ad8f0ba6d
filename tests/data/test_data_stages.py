"""The three stage functions in a row, as the engines call them, on tables of every kind."""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.errors import UserMistake
from components.core.files import read_json
from components.core.table import Schema, Table
from components.data.findings import read_findings
from components.data.ingest import IngestSpec
from components.data.splits import SplitSpec, read_folds
from components.data.validation import ValidateSpec
from pipelines.engine.stage import Stage
from pipelines.ingest import ingest
from pipelines.split import split
from pipelines.validate import validate


def grow(root: Path, source: str, target: str, **more) -> list[str]:
    """Run ingest, validate, split; return what each says."""
    specs = {
        "ingest": (ingest, IngestSpec(source=source)),
        "validate": (validate, ValidateSpec(target=target, **more.get("validate", {}))),
        "split": (split, SplitSpec(**more.get("split", {}))),
    }
    lines = []
    for word, (run, spec) in specs.items():
        out = root / "data" / word
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        also = {"split": specs["split"][1]} if word == "validate" else {}
        lines.append(run(Stage(word=word, root=root, spec=spec, out=out, also=also)))
    return lines


def test_the_embedded_default(tmp_path):
    assert grow(tmp_path, "example:breast_cancer", "diagnosis") == [
        "569 rows, 31 columns",
        "30 columns, no leakage",
        "train 455 in 5 folds, test 114, stratified",
    ]
    schema = Schema.read(tmp_path / "data" / "split" / "schema.json")
    assert (schema.classes, len(schema.features)) == (("benign", "malignant"), 30)
    table = Table.open(schema, tmp_path / "data" / "ingest" / "table.parquet")
    test, folds = read_folds(tmp_path / "data" / "split")
    assert len(test) + sum(len(fold.score_rows) for fold in folds) == table.num_rows == 569


def test_validate_knows_the_column_that_split_goes_by(tmp_path):
    rows = [f"{i * 0.5},{i // 5},{'yes' if i // 5 % 3 else 'no'}\n" for i in range(300)]
    (tmp_path / "t.csv").write_text("a,patient,y\n" + "".join(rows))
    lines = grow(tmp_path, "t.csv", "y", split={"by": "group", "column": "patient", "folds": 3})
    assert lines[1].startswith("1 columns")
    assert Schema.read(tmp_path / "data" / "validate" / "schema.json").column("patient").use == "left_out"
    assert Schema.read(tmp_path / "data" / "split" / "schema.json").group == "patient"


def test_a_changed_cell_changes_the_hash_that_split_hands_on(tmp_path):
    rows = [f"{i % 17},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(90)]
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(rows))
    grow(tmp_path, "t.csv", "y", validate={"on_error": "warn", "duplicates": "keep"})
    before = read_json(tmp_path / "data" / "split" / "split.json")["table"]
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(rows).replace("16,", "15.5,"))
    grow(tmp_path, "t.csv", "y", validate={"on_error": "warn", "duplicates": "keep"})
    assert read_json(tmp_path / "data" / "split" / "split.json")["table"] != before


def test_a_stopping_finding_leaves_the_findings_for_fix(tmp_path):
    rows = "".join(f"{i % 2},{i * 7 % 31},{'yes' if i % 2 else 'no'}\n" for i in range(200))
    (tmp_path / "t.csv").write_text("refund,b,y\n" + rows)
    with pytest.raises(UserMistake, match="refund alone predicts y"):
        grow(tmp_path, "t.csv", "y", validate={"duplicates": "keep"})
    (finding,) = [f for f in read_findings(tmp_path / ".espalier" / "findings.json") if f.severity == "error"]
    assert finding.fix == {"key": "validate.drop", "value": ["refund"]}
    grow(tmp_path, "t.csv", "y", validate={"duplicates": "keep", "drop": ["refund"]})


words = st.sampled_from(
    ["", "red", "green", "x y", "1", "2.5", "NA", "none", "2026-01-02", "ß", '"', "a,b", "inf", " 7"]
)
numbers = st.floats(allow_nan=False, allow_infinity=False).map(str)
COLUMNS = {
    "words": words,
    "numbers": st.one_of(numbers, st.just("")),
    "huge": st.sampled_from(["1e308", "-1e308", "5e-324", "0", "-0.0"]),
    "one": st.just("same"),
    "text": st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=6),
    "flag": st.sampled_from(["yes", "no", ""]),
}
TARGETS = [st.sampled_from(["yes", "no"]), st.sampled_from(["a", "b", "c", ""]), numbers, st.integers(0, 30).map(str)]


@st.composite
def tables(draw):
    """Rows of a CSV: one to five columns of any kind, and a target that could be learned."""
    num_rows = draw(st.integers(8, 40))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5))
    columns = [draw(st.lists(COLUMNS[kind], min_size=num_rows, max_size=num_rows)) for kind in kinds]
    target = draw(st.lists(draw(st.sampled_from(TARGETS)), min_size=num_rows, max_size=num_rows))
    return [[f"c{i}" for i in range(len(kinds))] + ["y"], *zip(*columns, target, strict=True)]


@given(tables(), st.integers(1, 3), st.sampled_from([0.0, 0.25]), st.sampled_from(["random", "stratified"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tables_from_outside_are_split_or_refused_with_a_message(tmp_path, rows, folds, test, by):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    (tmp_path / "t.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    try:
        grow(
            tmp_path,
            "t.csv",
            "y",
            validate={"on_error": "warn", "duplicates": "keep"},
            split={"folds": folds, "test": test, "by": by},
        )
    except UserMistake as mistake:
        message = str(mistake)
        assert "nan" not in message.split()  # a message speaks of values, not of Python's
        return
    schema = Schema.read(tmp_path / "data" / "split" / "schema.json")
    table = Table.open(schema, tmp_path / "data" / "ingest" / "table.parquet")
    test_rows, parts = read_folds(tmp_path / "data" / "split")
    assert len(parts) == folds
    assert (len(test_rows) > 0) == (test > 0)
    for fold in parts:
        assert len(fold.fit_rows) > 0
        assert len(fold.score_rows) > 0
        assert not set(fold.fit_rows) & (set(fold.score_rows) | set(test_rows))
        if schema.classes:
            assert table.target()[fold.fit_rows].min() >= 0
        else:
            assert np.isfinite(table.target()[fold.fit_rows]).all()
    for column in schema.features:
        if column.kind in ("numeric", "datetime", "boolean"):
            assert not np.isinf(table.column(column.name)).any()
