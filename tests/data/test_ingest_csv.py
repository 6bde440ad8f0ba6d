"""CSV files as they come: every usual way to write one is read, everything broken gets one message."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.errors import UserMistake
from components.data.ingest import IngestSpec, ingest

ROWS = [["name", "größe"], ["Ana", "1.5"], ["Bo, Jr", "2"], ["Zoë", "NA"]]


def written(separator: str) -> str:
    return (
        "\n".join(separator.join(f'"{field}"' if separator in field else field for field in row) for row in ROWS) + "\n"
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("packed", [False, True])
def test_separators_encodings_and_gzip_are_found(ingested, separator, encoding, packed):
    content = written(separator).encode(encoding)
    facts, frame = ingested(gzip.compress(content) if packed else content)
    assert frame["name"].tolist() == ["Ana", "Bo, Jr", "Zoë"]
    assert frame["größe"].tolist()[:2] == [1.5, 2.0]
    assert frame["größe"].isna().tolist() == [False, False, True]
    assert facts["separator"] == {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[separator]
    assert (facts["rows"], facts["columns"], facts["bad_rows"]) == (3, ["name", "größe"], 0)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(ingested, line_end):
    _, frame = ingested(line_end.join(["a,b", "1,x", "2,y"]))
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_a_line_break_inside_quotes_belongs_to_the_field(ingested):
    _, frame = ingested('a,b\n1,"x\ny"\n2,"say ""hi"""\n')
    assert frame["b"].tolist() == ["x\ny", 'say "hi"']


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", "-3"], "int64"),
        (["1", "", "2"], "int64"),
        (["1", "2.5"], "float64"),
        (["1e5", ".5", "+3"], "float64"),
        (["1", "none", "?"], "int64"),
        (["inf", "1"], "float64"),
        (["007", "12"], "text"),
        (["12345678901234567890", "1"], "text"),
        (["1", "x"], "text"),
        (["none", "some"], "text"),
        (["True", "False"], "text"),
    ],
)
def test_what_a_column_is_stored_as(ingested, values, kind):
    _, frame = ingested("a,b\n" + "".join(f"{value},z\n" for value in values))
    if kind == "text":
        assert frame["a"].dropna().tolist() == list(values)
    else:
        assert str(frame["a"].astype("Int64").dtype if frame["a"].hasnans else frame["a"].dtype).lower() == kind


def test_numbers_with_a_decimal_comma(ingested):
    _, frame = ingested("a;b\n1,5;x,y\n2;z\n")
    assert frame.to_dict("list") == {"a": [1.5, 2.0], "b": ["x,y", "z"]}


def test_blanks_around_values_and_names_do_not_count(ingested):
    _, frame = ingested(" a ,b\n 1 , x\n2 ,y \n")
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_excels_word_for_the_separator(ingested):
    facts, frame = ingested("sep=;\r\na;b\r\n1;x,y\r\n2;z\r\n")
    assert (frame.to_dict("list"), facts["separator"]) == ({"a": [1, 2], "b": ["x,y", "z"]}, "semicolon")


def test_rows_of_blanks_are_no_rows(ingested):
    facts, frame = ingested("a,b\n1,2\n\n   \n3,4\n  ")
    assert (frame["a"].tolist(), facts["bad_rows"]) == ([1, 3], 0)


def test_a_column_without_a_name_gets_one(ingested):
    facts, _ = ingested(",a\n0,1\n1,2\n")
    assert facts["columns"] == ["column_1", "a"]


def test_bad_rows_stop_with_row_text_and_cure(ingested):
    with pytest.raises(
        UserMistake, match=r"t\.csv, row 3 has 3 fields, the header has 2\.\n  row 3:  3,4,5\n"
    ) as caught:
        ingested("a,b\n1,2\n3,4,5\n6,7\n8\n")
    assert "ingest.bad_rows: skip        (2 rows of 4)" in str(caught.value)
    assert "A comma inside a field needs quotes around the field" in str(caught.value)


def test_bad_rows_are_left_out_on_request(ingested):
    facts, frame = ingested("a,b\n1,2\n3,4,5\n6,7\n8\n", bad_rows="skip")
    assert frame["a"].tolist() == [1, 6]
    assert facts["bad_rows"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"t\.csv is empty \(0 bytes\)"),
        (b" \n\n  \n", "holds no text but blanks"),
        (b"a,b\n", r"has a header \(2 columns\) and no rows"),
        (b"a,b", r"has a header \(2 columns\) and no rows"),
        (b"a,b\n\n\n", r"has a header \(2 columns\) and no rows"),
        (b"a,b,a\n1,2,3\n", "the column name 'a' stands 2 times"),
        (b"a,a,b,b\n1,2,3,4\n", "'a' stands 2 times in the header and 1 other name"),
        (b"5.1,3.5,1.4\n4.9,3.0,1.4\n", "the first row holds numbers"),
        (b"a,b\n1,2,3\n4,5,6\n", "no row has as many .row 2 has 3.. Does the header lack a name"),
        (b'a,b\n1,"2\n3,4\n5,6\n', 'a quote .". opens at "2" and does not close for 3 lines'),
        (b"a,b\n1,\x00\x01\x02\n" * 20, "is not text: byte 6 is 0x00"),
        (bytes(range(256)) * 8, "is not text"),
        (b"PK\x03\x04 rest", "an Excel workbook or a zip archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"SQLite format 3\0", "a SQLite database"),
        ("a,b\nZoë,ä\nJosé,ü\n".encode() + b"Zo\xeb,1\n", r"line 4: byte \d+ is 0xEB, which is no UTF-8"),
        ("a,b\nZoë,1\n".encode("utf-16")[:-1], "begins as UTF-16, but byte"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-12], "damaged gzip file"),
        (gzip.compress(b"", mtime=0), "empty inside its gzip"),
    ],
)
def test_what_cannot_be_read_says_why(ingested, content, message):
    with pytest.raises(UserMistake, match=message):
        ingested(content)


def test_a_name_in_gz_must_be_gzip(ingested):
    with pytest.raises(UserMistake, match="is not compressed with gzip, although its name ends in"):
        ingested(b"a,b\n1,2\n", name="t.csv.gz")


def test_a_quote_that_never_closes_in_a_large_file(ingested):
    with pytest.raises(UserMistake, match=r'a quote \("\) opens .* and (does not close|is never closed)'):
        ingested(b'a,b\n1,"2\n' + b"3,4\n" * 2_000_000)


def test_a_broken_file_leaves_nothing_behind(ingested, tmp_path):
    with pytest.raises(UserMistake, match="row 3 has 1 field"):
        ingested("a,b\n1,2\n3\n")
    assert list((tmp_path / "data" / "ingest").iterdir()) == []


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs", "Cc")), max_size=8)


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused_with_a_message(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    (tmp_path / "out").mkdir(exist_ok=True)
    try:
        facts = ingest(IngestSpec(source="t.csv"), tmp_path, tmp_path / "out")
    except UserMistake:
        return
    assert facts["rows"] > 0


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6), st.sampled_from([",", ";", "\t"]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_cell_comes_back(tmp_path, rows, separator):
    """What csv.writer wrote is what is read: trimmed text, or none for the words that mean missing."""
    import csv
    import io

    import pandas as pd

    from components.core.columns import as_text

    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [["a", "b", "c"], *rows]
    )
    (tmp_path / "t.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    (tmp_path / "out").mkdir(exist_ok=True)
    ingest(IngestSpec(source="t.csv"), tmp_path, tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out" / "table.parquet")
    for i, name in enumerate("abc"):
        if not pd.api.types.is_numeric_dtype(frame[name].dtype):
            written = as_text(pd.Series([row[i] for row in rows], dtype=object))
            assert [v if isinstance(v, str) else None for v in frame[name]] == [
                v if isinstance(v, str) else None for v in written
            ]
