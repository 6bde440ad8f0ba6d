"""ingest: any source becomes one typed table, `table.parquet`, with a hash of its content.

Everything streams: a first pass decides what each CSV column is stored as, a second one writes, so memory depends on
the width of the table and not on its length. Kinds (categorical, date, id) are not decided here but by validate: ingest
keeps values as they stand, and only tells numbers from text.

Elsewhere: what a source is (`sources.py`), how a CSV file is written (`sniffing.py`) and read (`csv_stream.py`),
numbers or text (`column_types.py`), Parquet (`parquet_stream.py`), examples (`examples.py`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from components.core.errors import UserMistake, did_you_mean
from components.core.files import atomic_file, hash_file, write_json
from components.core.lazy import lazy
from components.core.specs import Spec, setting
from components.data import csv_stream, parquet_stream
from components.data.column_types import ColumnType, store
from components.data.csv_stream import BadRows
from components.data.examples import load_example
from components.data.sniffing import ENCODINGS, SEPARATORS, Dialect, sniff
from components.data.sources import Source, find_source
from components.data.table_writer import TableWriter

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy("pyarrow")


class IngestSpec(Spec):
    """What to read, and what to do with rows that cannot be read."""

    source: str = setting(..., "file, glob, example:NAME")
    bad_rows: Literal["stop", "skip"] = setting("stop", "stop | skip; rows with too many or too few fields")


def ingest(spec: IngestSpec, root: Path, out: Path) -> dict[str, Any]:
    """Read the source, seen from `root`, into `out/table.parquet`; write and return `ingest.json`, and `line`."""
    source = find_source(root, spec.source)
    schema, batches, facts = open_source(source, spec.bad_rows)
    with atomic_file(out / "table.parquet") as temporary, TableWriter(temporary, schema) as writer:
        for batch in batches:
            writer.write(batch)
    if writer.rows == 0:
        raise UserMistake(f"{spec.source} has a header and no rows. Nothing can be learned from it.")
    facts |= {
        "table": hash_file(out / "table.parquet"),
        "rows": writer.rows,
        "columns": schema.names,
        "source": spec.source,
        "files": len(source.files),
        "format": source.format,
    }
    write_json(out / "ingest.json", facts)
    bad = f", {facts['bad_rows']} bad rows left out" if facts["bad_rows"] else ""
    return {**facts, "line": f"{facts['rows']} rows, {len(facts['columns'])} columns{bad}"}


def open_source(source: Source, bad_rows: str) -> "tuple[pa.Schema, Iterator[pa.RecordBatch], dict[str, Any]]":
    """Return the storage schema, the rows, and what is known so far: separator, encoding, bad_rows."""
    facts: dict[str, Any] = {"separator": None, "encoding": None, "bad_rows": 0}
    if source.format == "example":
        frame = load_example(source.example)
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        return table.schema, iter(table.to_batches()), facts
    if source.format == "parquet":
        schemas = [
            parquet_stream.stored_schema(file, name) for file, name in zip(source.files, source.names, strict=True)
        ]
        require_same_columns([schema.names for schema in schemas], source.names)
        schema = parquet_stream.common_schema(schemas, source.names)
        return schema, _parquet_rows(source, schema), facts
    dialects = [sniff(file, name) for file, name in zip(source.files, source.names, strict=True)]
    require_same_columns([dialect.columns for dialect in dialects], source.names)
    schema, num_bad = _csv_schema(source, dialects, bad_rows)
    facts |= {
        "separator": SEPARATORS[dialects[0].separator],
        "encoding": ENCODINGS.get(dialects[0].encoding, "UTF-16"),
        "bad_rows": num_bad,
    }
    return schema, _csv_rows(source, dialects, schema), facts


def require_same_columns(columns: Sequence[Sequence[str]], names: Sequence[str]) -> None:
    """Refuse a glob whose files have different columns; their order is free."""
    for found, name in zip(columns[1:], names[1:], strict=True):
        missing = [column for column in columns[0] if column not in found]
        extra = [column for column in found if column not in columns[0]]
        if missing:
            hint = did_you_mean(missing[0], extra)
            raise UserMistake(f"{name} has no column '{missing[0]}', which {names[0]} has. {hint}".rstrip())
        if extra:
            raise UserMistake(
                f"{name} has a column '{extra[0]}', which {names[0]} has not. All files need the same ones."
            )


def _csv_schema(source: Source, dialects: Sequence[Dialect], bad_rows: str) -> "tuple[pa.Schema, int]":
    """Read all rows once to decide the storage type of each column, and to count the rows that cannot be read."""
    columns = dialects[0].columns
    comma = any(dialect.separator == "," for dialect in dialects)
    types = {column: ColumnType(decimal_comma=not comma) for column in columns}
    num_bad = 0
    for file, dialect in zip(source.files, dialects, strict=True):
        bad = BadRows()
        for batch in csv_stream.read_batches(file, dialect, bad):
            for column in columns:
                types[column].watch(batch.column(column))
        if bad_rows == "stop" or bad.rows == 0:
            csv_stream.refuse_bad_rows(dialect, bad)
        num_bad += bad.count
    return pa.schema([(column, types[column].arrow) for column in columns]), num_bad


def _csv_rows(source: Source, dialects: Sequence[Dialect], schema: "pa.Schema") -> "Iterator[pa.RecordBatch]":
    for file, dialect in zip(source.files, dialects, strict=True):
        for batch in csv_stream.read_batches(file, dialect, BadRows()):
            arrays = [store(batch.column(field.name), field.type) for field in schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _parquet_rows(source: Source, schema: "pa.Schema") -> "Iterator[pa.RecordBatch]":
    for file, name in zip(source.files, source.names, strict=True):
        yield from parquet_stream.read_batches(file, name, schema)
