"""Parquet files as a stream of record batches in the few types that a table is stored in.

Whole numbers become int64, real ones float64, moments UTC microseconds, categories their words. Lists, structures and
bytes have no place in a table of rows and columns: they are refused by name.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import UserMistake
from components.core.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")
    pq = lazy("pyarrow.parquet")

BATCH_ROWS = 1 << 14


def stored_schema(file: Path, name: str) -> "pa.Schema":
    """Return names and storage types of a Parquet file's columns. Raises UserMistake."""
    schema = _open(file, name).schema_arrow
    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice:
        raise UserMistake(f"{name}: the column name '{twice[0]}' stands twice. Every column needs a name of its own.")
    return pa.schema([(field.name.strip(), _stored(field.type, field.name, name)) for field in schema])


def common_schema(schemas: Sequence["pa.Schema"], names: Sequence[str]) -> "pa.Schema":
    """Return one schema for all files of a glob: whole and real numbers meet as real ones, all else must agree."""
    fields = {field.name: field.type for field in schemas[0]}
    for schema, name in zip(schemas[1:], names[1:], strict=True):
        for field in schema:
            known = fields[field.name]
            if known == field.type:
                continue
            if {known, field.type} != {pa.int64(), pa.float64()}:
                raise UserMistake(
                    f"{name}: column '{field.name}' holds {field.type}, in {names[0]} {known}. Write both alike."
                )
            fields[field.name] = pa.float64()
    return pa.schema(list(fields.items()))


def read_batches(file: Path, name: str, schema: "pa.Schema") -> "Iterator[pa.RecordBatch]":
    """Yield the rows of a Parquet file in the given schema."""
    try:
        for batch in _open(file, name).iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            columns = {column.strip(): batch.column(i) for i, column in enumerate(batch.schema.names)}
            arrays = [_store(columns[field.name], field.type) for field in schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserMistake(f"{name} is a damaged Parquet file: {error}") from error


def num_rows(file: Path, name: str) -> int:
    """Return the number of rows, from the footer alone."""
    return int(_open(file, name).metadata.num_rows)


def _open(file: Path, name: str) -> "pq.ParquetFile":
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserMistake(f"{name} is a damaged Parquet file: {error}") from error


def _stored(kind: "pa.DataType", column: str, name: str) -> "pa.DataType":
    if pa.types.is_dictionary(kind):
        return _stored(kind.value_type, column, name)
    if pa.types.is_boolean(kind):
        return pa.bool_()
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or kind == pa.uint64():
        return pa.float64()
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pa.timestamp("us")
    if pa.types.is_duration(kind):
        return pa.int64()
    if any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
        return pa.string()
    if pa.types.is_null(kind) or pa.types.is_time(kind):
        return pa.string()
    raise UserMistake(f"{name}: column '{column}' holds {kind}; a cell must be one value. Write the file without it.")


def _store(values: "pa.Array", kind: "pa.DataType") -> "pa.Array":
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = values.cast(pa.timestamp(values.type.unit))  # the moment in UTC
    return pc.cast(values, kind, safe=False)
