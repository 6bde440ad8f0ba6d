"""A CSV file as a stream of record batches of text, a few megabytes at a time, and what was wrong on the way.

Rows are counted as a spreadsheet shows them: the header is row 1, blank lines do not count.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import UserMistake
from components.core.lazy import lazy
from components.data.sniffing import SEPARATORS, Dialect

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv
else:
    pa = lazy("pyarrow")
    arrow_csv = lazy("pyarrow.csv")

BLOCK = 1 << 22  # bytes read at a time; no row may be longer
SHOWN = 60  # signs of a bad row that a message shows
LETTING_GO_SECONDS = 10.0  # at most, for a thread that has nothing more to do


@dataclass
class BadRows:
    """Rows with more or fewer fields than the header: how many, and the first one."""

    count: int = 0
    rows: int = 0  # good rows read so far
    first_row: int = 0
    first_fields: int = 0
    first_text: str = ""
    longest_text: str = field(default="", repr=False)

    def add(self, row: Any) -> str:
        """Note a row that pyarrow refuses; "skip" lets the reading go on. A row of blanks is no row."""
        if not row.text.strip():
            return "skip"
        if self.count == 0:
            self.first_row, self.first_fields, self.first_text = row.number or 0, row.actual_columns, row.text
        self.count += 1
        if row.text.count("\n") > self.longest_text.count("\n"):
            self.longest_text = row.text
        return "skip"


def read_batches(file: Path, dialect: Dialect, bad: BadRows) -> "Iterator[pa.RecordBatch]":
    """Yield batches with every column as text (null where the field is empty); bad rows are left out and noted.

    When it ends, no thread of pyarrow holds anything of Python's: one that lets go of it while the interpreter ends
    takes the process down with SIGABRT (apache/arrow, issue 34314).
    """
    released = threading.Event()
    released.set()
    try:
        yield from _batches(file, dialect, bad, released)
    finally:
        released.wait(LETTING_GO_SECONDS)


def _batches(file: Path, dialect: Dialect, bad: BadRows, released: threading.Event) -> "Iterator[pa.RecordBatch]":
    names = [f"{i}" for i in range(len(dialect.columns))]  # by position: names of the user's never meet an option
    last = None
    with _readable(dialect, bad), _byte_stream(file, dialect) as stream:
        for batch in arrow_csv.open_csv(  # without a name: a traceback would keep it
            stream,
            read_options=arrow_csv.ReadOptions(
                use_threads=False, block_size=BLOCK, column_names=names, skip_rows=dialect.header_lines
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.separator, newlines_in_values=True, invalid_row_handler=_lent(bad, released)
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
            ),
        ):
            if batch.num_rows:
                bad.rows += batch.num_rows
                last = batch.slice(batch.num_rows - 1)
                yield batch.rename_columns(list(dialect.columns))
    _refuse_open_quote(dialect, bad, last)


def _lent(bad: BadRows, released: threading.Event) -> Callable[[Any], str]:
    """Return what a reader may call for a row that it refuses; tell when it has let go of that."""

    def note(row: Any) -> str:
        return bad.add(row)

    released.clear()
    weakref.finalize(note, released.set).atexit = False
    return note


def refuse_bad_rows(dialect: Dialect, bad: BadRows) -> None:
    """Say which row has too many or too few fields, and the ways out."""
    if bad.count == 0:
        return
    if bad.rows == 0:
        raise UserMistake(
            f"{dialect.name}: the header has {_fields(len(dialect.columns))}, but no row has as many "
            f"(row {bad.first_row} has {bad.first_fields}). Does the header lack a name? "
            f"The separator is taken to be a {SEPARATORS[dialect.separator]}."
        )
    text = bad.first_text.replace("\n", " ").replace("\r", " ")
    text = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    reason = (
        f"A {SEPARATORS[dialect.separator]} inside a field needs quotes around the field."
        if bad.first_fields > len(dialect.columns)
        else "A field is missing, or the row was cut off."
    )
    raise UserMistake(
        f"{dialect.name}, row {bad.first_row} has {_fields(bad.first_fields)}, the header has {len(dialect.columns)}.\n"
        f"  row {bad.first_row}:  {text}\n"
        f"  {reason} Or leave such rows out:\n"
        f"      ingest.bad_rows: skip        ({bad.count} row{'s' * (bad.count > 1)} of {bad.rows + bad.count})"
    )


def _fields(count: int) -> str:
    return f"{count} field{'s' * (count != 1)}"


@contextlib.contextmanager
def _byte_stream(file: Path, dialect: Dialect) -> "Iterator[pa.NativeFile]":
    with pa.OSFile(str(file), "rb") as opened:
        stream = pa.CompressedInputStream(opened, "gzip") if dialect.gzipped else opened
        if dialect.encoding not in ("utf-8", "utf-8-sig"):
            stream = pa.transcoding_input_stream(stream, dialect.encoding, "utf8")
        yield stream


@contextlib.contextmanager
def _readable(dialect: Dialect, bad: BadRows) -> Iterator[None]:
    """Say in the user's words what pyarrow says in its own."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if "straddl" in str(error) or "out of sync" in str(error):
            raise UserMistake(
                f'{dialect.name}: a quote (") opens after row {bad.rows + bad.count + 1} and does not close within '
                f"{BLOCK >> 20} MB. Close it, or double it where it is meant as a sign."
            ) from error
        if "Empty CSV" in str(error) or "Could not skip" in str(error):
            raise UserMistake(f"{dialect.name} has a header and no rows. Nothing can be learned from it.") from error
        raise UserMistake(f"{dialect.name} cannot be read as CSV: {error}") from error


def _refuse_open_quote(dialect: Dialect, bad: BadRows, last: "pa.RecordBatch | None") -> None:
    """Refuse a file whose last row has swallowed the rows after an unclosed quote."""
    if not dialect.odd_quotes:
        return
    swallowed = "" if last is None else max((str(value) for value in last.to_pylist()[0].values()), key=_lines)
    swallowed = max(swallowed, bad.longest_text, key=_lines)
    if _lines(swallowed):
        begin = swallowed.splitlines()[0][:SHOWN]
        raise UserMistake(
            f'{dialect.name}: a quote (") opens at "{begin}" and does not close for {_lines(swallowed)} lines. '
            "Close it, or double it where it is meant as a sign."
        )


def _lines(text: str) -> int:
    return text.count("\n") + text.count("\r")
