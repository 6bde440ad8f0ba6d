"""Parquet, globs, examples, and sources that are not there; the same rows give the same bytes; memory stays small."""

import datetime
import decimal
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import UserMistake
from components.core.files import hash_file
from components.data.describe import describe_source, read_rows
from components.data.examples import TARGETS, load_example


def test_parquet_keeps_its_types(ingested, tmp_path):
    moment = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    table = pa.table(
        {
            "small": pa.array([1, None, 3], pa.int8()),
            "half": pa.array([0.5, 1.5, None], pa.float32()),
            "yes": pa.array([True, False, None]),
            "day": pa.array([datetime.date(2026, 1, 2)] * 3),
            "moment": pa.array([moment] * 3, pa.timestamp("ns", "Europe/Berlin")),
            "word": pa.array(["a", "b", "a"]).dictionary_encode(),
            "price": pa.array([decimal.Decimal("1.25")] * 3),
            "zip": pa.array(["01", "02", "03"]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    facts, _ = ingested(name="t.parquet")
    stored = pq.read_table(tmp_path / "data" / "ingest" / "table.parquet")
    assert [str(kind) for kind in stored.schema.types] == [
        *("int64", "double", "bool", "timestamp[us]", "timestamp[us]", "string", "double", "string")
    ]
    assert stored.column("moment")[0].as_py() == datetime.datetime(2026, 11, 20, 11)
    assert (facts["format"], facts["rows"], facts["separator"]) == ("parquet", 3, None)


def test_a_list_in_a_cell_is_refused_by_name(ingested, tmp_path):
    pq.write_table(pa.table({"a": [1], "tags": [["x", "y"]]}), tmp_path / "t.parquet")
    with pytest.raises(UserMistake, match=r"t\.parquet: column 'tags' holds list.*a cell must be one value"):
        ingested(name="t.parquet")


def test_a_damaged_parquet_file(ingested):
    with pytest.raises(UserMistake, match=r"t\.parquet is a damaged Parquet file"):
        ingested(b"PAR1 and then nothing of the kind PAR1", name="t.parquet")


def test_a_csv_that_is_called_parquet(ingested):
    with pytest.raises(UserMistake, match="is no Parquet file: it does not begin with PAR1"):
        ingested(b"a,b\n1,2\n", name="t.parquet")


def test_an_empty_parquet_table(ingested, tmp_path):
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "t.parquet")
    with pytest.raises(UserMistake, match="has a header and no rows"):
        ingested(name="t.parquet")


def test_a_glob_lays_files_one_under_another_in_order_of_name(ingested, tmp_path):
    (tmp_path / "b.csv").write_text("x,y\n3,c\n")
    (tmp_path / "a.csv").write_text("y;x\na;1\nb;2.5\n")
    facts, frame = ingested(source="*.csv")
    assert frame.to_dict("list") == {"y": ["a", "b", "c"], "x": [1.0, 2.5, 3.0]}
    assert facts["files"] == 2


def test_a_glob_of_parquet_files(ingested, tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["y"], "a": [2.5]}), tmp_path / "2.parquet")
    _, frame = ingested(source="*.parquet")
    assert frame.to_dict("list") == {"a": [1.0, 2.5], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b"x,z\n1,2\n", r"2\.csv has no column 'y', which 1\.csv has\."),
        (b"x,y,z\n1,2,3\n", r"2\.csv has a column 'z', which 1\.csv has not"),
        (b"PAR1", r"1\.csv is csv and 2\.csv is parquet"),
    ],
)
def test_files_of_a_glob_must_agree(ingested, tmp_path, second, message):
    (tmp_path / "1.csv").write_bytes(b"x,y\n1,2\n")
    (tmp_path / "2.csv").write_bytes(second)
    with pytest.raises(UserMistake, match=message):
        ingested(source="*.csv")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("custmers.csv", r"there is no such file\. Did you mean 'customers\.csv'\?"),
        ("elsewhere/t.csv", r"there is no such file\. Paths are seen from the folder"),
        ("folder", r"that is a folder\. For its tables write folder/\*\.csv"),
        ("nothing/*.csv", "no file matches"),
        ("example:irs", r"not one of .*Did you mean 'iris'\?"),
        ("https://x.org/t.csv", "only files are read"),
        (" ", r"ingest\.source is empty"),
    ],
)
def test_a_source_that_is_not_there(ingested, tmp_path, source, message):
    (tmp_path / "customers.csv").write_text("a,b\n1,2\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserMistake, match=message):
        ingested(source=source)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [("breast_cancer", 569, 31), ("wine", 178, 14), ("iris", 150, 5), ("diabetes", 442, 11)],
)
def test_examples(ingested, name, rows, columns):
    facts, frame = ingested(source=f"example:{name}")
    assert (facts["rows"], len(facts["columns"]), facts["columns"][-1]) == (rows, columns, TARGETS[name])
    pd.testing.assert_frame_equal(frame, load_example(name), check_dtype=False)


def test_the_same_rows_give_the_same_bytes_however_they_are_written(ingested, tmp_path):
    table = tmp_path / "data" / "ingest" / "table.parquet"
    rows = [f"{i},{i % 7},w{i % 3}" for i in range(3000)]
    facts, _ = ingested("\n".join(["a,b,c", *rows]) + "\n")
    assert facts["table"] == hash_file(table)
    other, _ = ingested("\r\n".join(["a;b;c", *(row.replace(",", ";") for row in rows)]).encode("utf-16"))
    for i in range(3):
        (tmp_path / f"part{i}.csv").write_text("\n".join(["a,b,c", *rows[1000 * i : 1000 * (i + 1)]]))
    parts, _ = ingested(source="part*.csv")
    assert facts["table"] == other["table"] == parts["table"]
    changed, _ = ingested("\n".join(["a,b,c", *rows]).replace("2999,", "2998,") + "\n")
    assert changed["table"] != facts["table"]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Ten times the rows may cost a few megabytes (the allocator's), not the table's size."""
    program = (
        "import sys, resource; from pathlib import Path; from components.data.ingest import IngestSpec, ingest\n"
        "ingest(IngestSpec(source='t.csv'), Path(sys.argv[1]), Path(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    peaks = []
    for num_rows in (20_000, 200_000):
        line = "{},0.{},{}" + " and some words that take room" * 6 + "\n"
        with (tmp_path / "t.csv").open("w") as file:
            file.write("a,b,c\n")
            file.writelines(line.format(i, i, i % 1000) for i in range(num_rows))
        done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert (tmp_path / "t.csv").stat().st_size > 35e6
    assert peaks[1] - peaks[0] < 30, peaks


def test_describe_tells_what_init_prints(tmp_path):
    (tmp_path / "t.csv").write_bytes("name;größe\nAna;1\nBo;2\n".encode("cp1252"))
    facts = describe_source(tmp_path, "t.csv")
    assert (facts.columns, facts.rows, facts.rows_exact) == (("name", "größe"), 2, True)
    assert (facts.separator, facts.encoding, facts.files) == ("semicolon", "Windows-1252", ("t.csv",))
    example = describe_source(tmp_path, "example:iris")
    assert (example.rows, example.columns[-1], example.files) == (150, "species", ())


def test_describe_guesses_the_rows_of_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr("components.data.describe.COUNTED_BYTES", 10_000)
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i},{i}\n" for i in range(100_000, 200_000)))
    facts = describe_source(tmp_path, "t.csv")
    assert not facts.rows_exact
    assert 99_000 < facts.rows < 101_000


def test_read_rows_reads_as_ingest_does(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n1,5;x\n2;?\n")
    frame = read_rows(tmp_path, "t.csv")
    assert frame["a"].tolist() == [1.5, 2.0]
    assert frame["b"].isna().tolist() == [False, True]
    assert len(read_rows(tmp_path, "t.csv", limit=1)) == 1


def test_settings_and_faces_load_no_heavy_library():
    program = (
        "import sys\n"
        "from components.data import describe, examples, ingest, splits, validation\n"
        "print([name for name in ('pandas', 'pyarrow', 'sklearn', 'scipy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_path_of_the_source_is_shown_as_written(ingested, tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "t.csv").write_text("a,b\n1\n1,2\n")
    with pytest.raises(UserMistake, match=r"^raw/t\.csv, row 2 has 1 field"):
        ingested(source="raw/t.csv")
