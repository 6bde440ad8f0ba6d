"""Files that are no tables: `check`, `run` and the stage by itself say the same, and nothing is written."""

import gzip

import pytest
from error_project import CHECK, RUN, Project, rows, stage, table

GOOD = table(*rows())

UNREADABLE = {  # place, value, rule and way out, in the words of one message
    "empty": (b"", "t.csv is empty (0 bytes). A table needs a header and rows."),
    "header only": (b"a,b,y\n", "t.csv has a header (3 columns) and no rows. Nothing can be learned from it."),
    "ragged": (
        GOOD + "1,u,yes,no\n",
        "t.csv, row 62 has 4 fields, the header has 3. row 62: 1,u,yes,no "
        "A comma inside a field needs quotes around the field. Or leave such rows out: "
        "ingest.bad_rows: skip (1 row of 61)",
    ),
    "malformed": (
        table('1,"u,yes', *rows()),
        't.csv: a quote (") opens at "1,"u,yes" and does not close for 60 lines. Close it,',
    ),
    "binary": (
        bytes(range(256)) * 8,
        "t.csv is not text: byte 0 is 0x00. Only CSV (also gzipped) and Parquet files are read.",
    ),
    "two encodings": (
        GOOD.encode() + "1,Zoë,yes\n2,José,no\n".encode() + b"3,Zo\xeb,yes\n",
        "t.csv, line 64: byte 788 is 0xEB, which is no UTF-8, although the rest of the file is. "
        "Two encodings were mixed: save the file again, as UTF-8.",
    ),
    "twice the same name": (
        GOOD.replace("a,b,y", "a,a,y"),
        "t.csv: the column name 'a' stands 2 times in the header. Every column needs a name of its own.",
    ),
    "damaged gzip": (gzip.compress(GOOD.encode())[:-9], "t.csv is a damaged gzip file:"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read(case: str, fresh: Project) -> None:
    content, sentence = UNREADABLE[case]
    fresh.write(content)
    said = fresh.refuse(CHECK, RUN, stage("ingest"), here=case != "ragged")
    for one in said:
        assert one.words.count(sentence) == 1, one.text
    assert "line 4 " in said[0].text  # the line of ingest.source
    assert said[0].text == said[1].text
    assert not (fresh.root / "data").exists() or fresh.outs() == {}


def test_a_file_that_is_not_there(project: Project) -> None:
    (project.root / "t.csv").rename(project.root / "tt.csv")
    for one in project.refuse(CHECK, RUN, stage("ingest")):
        assert "ingest.source is t.csv: there is no such file. Did you mean 'tt.csv'?" in one.words
