"""A table as every stage after `validate` sees it: the frozen schema, and typed columns that are read when asked for.

Row ids are positions in ingest's Parquet file. Rows made by `augment` follow after the real ones. A table knows the
content hash of its file; whatever refers to row ids carries that hash, and `Table.open` asserts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.columns import typed
from components.core.files import read_json, write_json
from components.core.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

Kind = Literal["numeric", "categorical", "boolean", "datetime", "text", "id"]
KINDS: tuple[Kind, ...] = ("numeric", "categorical", "boolean", "datetime", "text", "id")


@dataclass(frozen=True, kw_only=True)
class ColumnSchema:
    """One column: what it holds and what it is used for."""

    name: str
    kind: Kind
    use: Literal["feature", "target", "left_out"]
    why: str = ""  # one sentence: how the kind was inferred, or why it is left out
    levels: tuple[str, ...] | None = None  # categorical and boolean; since split: those of the train rows, sorted
    low: float | None = None  # since split: range of the train rows (numeric, datetime)
    high: float | None = None
    missing: bool | None = None  # since split: whether any train row has no value here; None: not looked at


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Written by validate, completed by split with levels and ranges of the train rows, saved with every bundle."""

    table: str  # content hash of the table this schema was made from
    task: Literal["binary", "multiclass", "regression"]
    target: str
    classes: tuple[str, ...]  # sorted; empty for regression; binary: classes[1] is the event
    columns: tuple[ColumnSchema, ...]  # in the order of the file

    @property
    def features(self) -> tuple[ColumnSchema, ...]:
        """The columns that models may see."""
        return tuple(column for column in self.columns if column.use == "feature")

    @property
    def num_outputs(self) -> int:
        """C: columns of `Predictions.values_nC`; two for two classes, one for numbers."""
        return len(self.classes) if self.task != "regression" else 1

    def column(self, name: str) -> ColumnSchema:
        """Return the column of this name."""
        return next(column for column in self.columns if column.name == name)

    def with_columns(self, columns: Sequence[ColumnSchema]) -> Schema:
        """Return a copy with other columns."""
        return replace(self, columns=tuple(columns))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Schema:
        """Read what `to_json` returned."""
        columns = [
            ColumnSchema(**{**column, "levels": None if column["levels"] is None else tuple(column["levels"])})
            for column in value["columns"]
        ]
        return cls(**{**value, "classes": tuple(value["classes"]), "columns": tuple(columns)})

    def write(self, path: Path) -> None:
        """Write the schema as JSON."""
        write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> Schema:
        """Read a schema file."""
        return cls.from_json(read_json(path))


class Table:
    """Typed columns of raw rows. Columns are read and typed at first use, and kept."""

    def __init__(self, schema: Schema, raw: RawRows, num_real: int) -> None:
        self.schema = schema
        self.num_rows = len(raw)
        self.num_real = num_real  # rows from here on were made by augment
        self._raw = raw
        self._columns: dict[str, NDArray[Any]] = {}

    @classmethod
    def open(cls, schema: Schema, table: Path, made: Path | None = None) -> Table:
        """Open `data/ingest/table.parquet`, with the made rows of augment behind it; its folder names its hash."""
        found = read_json(table.parent / "ingest.json")["table"]
        assert found == schema.table, f"row ids are for table {schema.table}, {table} is {found}"
        raw = RawRows([table] if made is None else [table, made])
        return cls(schema, raw, raw.lengths[0])

    @classmethod
    def of(cls, schema: Schema, frame: pd.DataFrame) -> Table:
        """Wrap raw rows in memory, as `predict` gets them. The target column may be absent."""
        return cls(schema, RawRows([], frame), len(frame))

    def column(self, name: str) -> NDArray[Any]:
        """Return one typed column of all rows [num_rows]: float64, or int32 level numbers (see `core.columns`)."""
        if name not in self._columns:
            column = self.schema.column(name)
            self._columns[name] = typed(self._raw.column(name), column.kind, column.levels)
        return self._columns[name]

    def target(self) -> NDArray[Any]:
        """Return class numbers int64 [num_rows] (-1: none), or values float64 [num_rows]."""
        name = self.schema.target
        if name not in self._columns:
            kind = "numeric" if self.schema.task == "regression" else "categorical"
            values = typed(self._raw.column(name), kind, self.schema.classes)
            self._columns[name] = values if kind == "numeric" else np.maximum(values, -1).astype(np.int64)
        return self._columns[name]

    def raw(self, rows: NDArray[np.int64], columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return raw rows as they stand in the file, for people to read."""
        names = [column.name for column in self.schema.columns] if columns is None else list(columns)
        return pd.DataFrame({name: self._raw.column(name).iloc[rows] for name in names}).reset_index(drop=True)


class RawRows:
    """Raw columns of one or several Parquet files laid one under another, or of a frame."""

    def __init__(self, files: Sequence[Path], frame: pd.DataFrame | None = None) -> None:
        import pyarrow.parquet as pq

        self._files = tuple(files)
        self._frame = frame
        self.lengths = tuple(pq.read_metadata(file).num_rows for file in files) if frame is None else (len(frame),)

    def __len__(self) -> int:
        return sum(self.lengths)

    def column(self, name: str) -> pd.Series:
        """Return one raw column."""
        if self._frame is not None:
            return self._frame[name]
        import pyarrow.parquet as pq

        parts = [pq.read_table(file, columns=[name], partitioning=None).column(0).to_pandas() for file in self._files]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
