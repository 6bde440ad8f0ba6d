"""Writes record batches as one Parquet file whose bytes depend on the values alone, not on how they came in blocks."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from components.core.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
else:
    pa = lazy("pyarrow")
    pq = lazy("pyarrow.parquet")

CELLS = 1 << 21  # of one row group: 16 MB of numbers, however wide the table is
MOST_ROWS = 1 << 16


class TableWriter:
    """A context: `write` batches of the schema; row groups have a fixed number of rows."""

    def __init__(self, path: Path, schema: "pa.Schema") -> None:
        self.rows = 0
        self._schema = schema
        self._group = max(1, min(MOST_ROWS, CELLS // max(1, len(schema.names))))
        self._waiting: list[pa.RecordBatch] = []
        self._num_waiting = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_statistics=False)

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._num_waiting:
                self._flush(self._num_waiting)
        finally:
            self._writer.close()

    def write(self, batch: "pa.RecordBatch") -> None:
        """Take the next rows."""
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._num_waiting += batch.num_rows
        while self._num_waiting >= self._group:
            self._flush(self._group)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema)
        self._writer.write_table(table.slice(0, rows).combine_chunks(), row_group_size=rows)
        rest = table.slice(rows)
        self._waiting = rest.to_batches()
        self._num_waiting = rest.num_rows
