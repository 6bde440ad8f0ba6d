"""A table as every stage after `validate` sees it: the frozen schema, and typed columns that are read when asked for.

Row ids are positions in ingest's Parquet file. Rows made by `augment` follow after the real ones. A table knows the
content hash of its file; whatever refers to row ids carries that hash, and `Table.open` asserts it. Below it lie raw
rows and arrays (`raw_rows.py`).

Pictures lie beside the Parquet file as one memory-mapped array, `image.npy`; the table has their names and, in the
column `pixels`, the hash of each one's bytes, so that the table's hash covers them too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.columns import typed
from components.core.files import read_json, read_parquet, write_json
from components.core.lazy import lazy
from components.core.raw_rows import RawArrays, RawRows

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

Kind = Literal["numeric", "categorical", "boolean", "datetime", "text", "id", "image"]
KINDS: tuple[Kind, ...] = ("numeric", "categorical", "boolean", "datetime", "text", "id", "image")
IMAGE = "image"  # the array of the pictures, and the kind of the column that names them
PICTURE, PIXELS = "picture", "pixels"  # columns of a table of pictures: their names, and hashes of their bytes


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
    picture: tuple[int, ...] | None = None  # (height, width, colours) of all pictures; None: rows are plain columns
    group: str | None = None  # since split: the column whose equal rows stay together (split.by: group)

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns in which two rows are equal when a model cannot tell them apart."""
        return tuple(PIXELS if column.kind == IMAGE else column.name for column in self.features)

    @property
    def noun(self) -> str:
        """What people call a row."""
        return "row" if self.picture is None else "picture"

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
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, ColumnSchema]:
        return {column.name: column for column in self.columns}

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
        picture = None if value["picture"] is None else tuple(value["picture"])
        return cls(**{**value, "classes": tuple(value["classes"]), "columns": tuple(columns), "picture": picture})

    def write(self, path: Path) -> None:
        """Write the schema as JSON."""
        write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> Schema:
        """Read a schema file."""
        return cls.from_json(read_json(path))


class Table:
    """Typed columns of raw rows. Columns are read and typed at first use, and kept."""

    def __init__(
        self,
        schema: Schema,
        raw: RawRows,
        num_real: int,
        arrays: RawArrays | None = None,
        made_rows: Path | None = None,
    ) -> None:
        self.schema = schema
        self.num_rows = len(raw)
        self.num_real = num_real  # rows from here on were made by augment
        self._raw = raw
        self._arrays = RawArrays() if arrays is None else arrays
        self._columns: dict[str, NDArray[Any]] = {}
        self._made_rows = made_rows  # fold and source of each made row
        self._kept: dict[Hashable, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Travel to a worker process without what was made of the columns."""
        return {**self.__dict__, "_kept": {}}

    @classmethod
    def open(cls, schema: Schema, table: Path, made: Path | None = None) -> Table:
        """Open `data/ingest/table.parquet`, with the made rows of augment behind it; its folder names its hash."""
        found = read_json(table.parent / "ingest.json")["table"]
        assert found == schema.table, f"row ids are for table {schema.table}, {table} is {found}"
        raw = RawRows([table] if made is None else [table, made])
        sources = None if made is None else made.parent / "made_rows.parquet"
        if schema.picture is None:
            return cls(schema, raw, raw.lengths[0], made_rows=sources)
        pictures = [table.parent / f"{IMAGE}.npy", *([] if made is None else [made.parent / f"made_{IMAGE}.npy"])]
        return cls(schema, raw, raw.lengths[0], RawArrays(files={IMAGE: tuple(pictures)}), sources)

    @classmethod
    def of(cls, schema: Schema, frame: pd.DataFrame, arrays: Mapping[str, NDArray[Any]] | None = None) -> Table:
        """Wrap raw rows in memory, as `predict` gets them, with their pictures. The target column may be absent."""
        return cls(schema, RawRows([], frame), len(frame), RawArrays(held=arrays or {}))

    def array(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """Return an array of all rows, or of some: "image" is uint8 [n, H, W, D]. All real rows are only mapped."""
        return self._arrays.read(name, rows)

    def taken(self, rows: NDArray[np.int64]) -> Table:
        """Return some rows as a table of their own, in memory, without the target: as somebody would ask them."""
        held = {} if self.schema.picture is None else {IMAGE: self.array(IMAGE, rows)}
        return Table.of(self.schema, self.raw(rows, [column.name for column in self.schema.features]), held)

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

    def sources(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the real row that each row is or was made from."""
        if self._made_rows is None or not (rows >= self.num_real).any():
            return rows
        source_m = self.kept("sources", lambda: read_parquet(self._made_rows or Path())["source"])
        return np.concatenate([np.arange(self.num_real), source_m])[rows]

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what somebody made of the columns under this key; it is made once and stays with the table."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def raw(self, rows: NDArray[np.int64], columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return raw rows as they stand in the file, for people to read."""
        names = [column.name for column in self.schema.columns] if columns is None else list(columns)
        return pd.DataFrame({name: self._raw.column(name).iloc[rows] for name in names}).reset_index(drop=True)
