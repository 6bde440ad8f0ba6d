"""What a source looks like, for `init`, `check` and `predict`: facts at a glance, and rows in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.lazy import lazy
from components.data import parquet_stream
from components.data.csv_stream import BadRows, read_batches, refuse_bad_rows
from components.data.examples import load_example
from components.data.ingest import open_source, require_same_columns
from components.data.sniffing import ENCODINGS, SEPARATORS, sniff
from components.data.sources import Source, find_source

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pd = lazy("pandas")
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

COUNTED_BYTES = 1 << 25  # a CSV source up to this size is read to its end, so that its rows are counted


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What one glance at a source tells."""

    files: tuple[str, ...]  # as found, relative to the project; empty for example:NAME
    format: str  # csv | parquet | example
    columns: tuple[str, ...]
    rows: int
    rows_exact: bool  # False: a guess, from the first rows of a large CSV
    size_bytes: int
    separator: str | None  # "comma", "semicolon", "tab", "bar"
    encoding: str | None  # "UTF-8", ...


def describe_source(root: Path, source: str, *, bad_rows: str = "skip") -> SourceFacts:
    """Look at a source; a large CSV is only decoded, not parsed.

    Raises UserMistake when it cannot be read: with `bad_rows` "stop" also for rows of too many or too few fields, as
    far as it was parsed.
    """
    found = find_source(root, source)
    size = sum(file.stat().st_size for file in found.files)
    separator = encoding = None
    exact = True
    if found.format == "example":
        frame = load_example(found.example)
        columns, rows = tuple(frame.columns), len(frame)
    elif found.format == "parquet":
        pairs = list(zip(found.files, found.names, strict=True))
        names = [parquet_stream.stored_schema(file, name).names for file, name in pairs]
        require_same_columns(names, found.names)
        columns, rows = tuple(names[0]), sum(parquet_stream.num_rows(file, name) for file, name in pairs)
    else:
        columns, rows, exact, separator, encoding = _describe_csv(found, size, bad_rows)
    return SourceFacts(
        files=found.names,
        format=found.format,
        columns=columns,
        rows=rows,
        rows_exact=exact,
        size_bytes=size,
        separator=separator,
        encoding=encoding,
    )


def read_rows(root: Path, source: str, limit: int | None = None, *, bad_rows: str = "stop") -> "pd.DataFrame":
    """Read a source (or its first `limit` rows) into memory, stored as ingest stores them. Raises UserMistake."""
    schema, batches, _ = open_source(find_source(root, source), bad_rows)
    taken, num_rows = [], 0
    for batch in batches:
        taken.append(batch)
        num_rows += batch.num_rows
        if limit is not None and num_rows >= limit:
            break
    table = pa.Table.from_batches(taken, schema)
    return (table if limit is None else table.slice(0, limit)).to_pandas()


def _describe_csv(found: Source, size: int, bad_rows: str) -> tuple[tuple[str, ...], int, bool, str, str]:
    dialects = [sniff(file, name) for file, name in zip(found.files, found.names, strict=True)]
    require_same_columns([dialect.columns for dialect in dialects], found.names)
    rows, read = 0, 0
    exact = size <= COUNTED_BYTES
    for file, dialect in zip(found.files, dialects, strict=True):
        bad = BadRows()
        for batch in read_batches(file, dialect, bad):
            rows += batch.num_rows
            read += _bytes_in_file(batch)
            if not exact:
                break
        if bad_rows == "stop" or bad.rows == 0:
            refuse_bad_rows(dialect, bad)
        if not exact:
            rows = round(rows * size / max(1, read))
            break
    encoding = ENCODINGS.get(dialects[0].encoding, "UTF-16")
    return dialects[0].columns, rows, exact, SEPARATORS[dialects[0].separator], encoding


def _bytes_in_file(batch: "pa.RecordBatch") -> int:
    """Return how many bytes of a CSV in UTF-8 these texts were, but for quotes: a separator or line end after each."""
    texts = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in batch.columns)
    return int(texts) + batch.num_rows * batch.num_columns
