"""What lies below a table: raw columns of Parquet files laid one under another, and arrays mapped into memory.

Both are read when they are asked for, may be held in memory instead (rows that somebody hands to `predict`), and travel
to worker processes as the names of their files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
else:
    pd = lazy("pandas")


class RawArrays:
    """Arrays of rows: one or several .npy files laid one under another and mapped into memory, or held in it."""

    def __init__(
        self,
        files: Mapping[str, tuple[Path, ...]] | None = None,
        held: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self._files = files or {}
        self._held = held or {}
        self._mapped: dict[str, list[NDArray[Any]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Travel to a worker process without what is mapped: it maps the files itself."""
        return {**self.__dict__, "_mapped": {}}

    def read(self, name: str, rows: NDArray[np.int64] | None) -> NDArray[Any]:
        """Return all rows or some of them."""
        parts = self._parts(name)
        if rows is None:
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        found = np.empty((len(rows), *parts[0].shape[1:]), dtype=parts[0].dtype)
        first = 0
        for part in parts:
            here = (rows >= first) & (rows < first + len(part))
            found[here] = part[rows[here] - first]
            first += len(part)
        return found

    def _parts(self, name: str) -> list[NDArray[Any]]:
        if name in self._held:
            return [self._held[name]]
        if name not in self._mapped:
            self._mapped[name] = [np.load(file, mmap_mode="r", allow_pickle=False) for file in self._files[name]]
        return self._mapped[name]


class RawRows:
    """Raw columns of one or several Parquet files laid one under another, or of a frame."""

    def __init__(self, files: Sequence[Path], frame: pd.DataFrame | None = None) -> None:
        import pyarrow.parquet as pq

        self._files = tuple(files)
        self._frame = frame
        self._opened: dict[Path, pq.ParquetFile] = {}
        self.lengths = tuple(pq.read_metadata(file).num_rows for file in files) if frame is None else (len(frame),)

    def __len__(self) -> int:
        return sum(self.lengths)

    def column(self, name: str) -> pd.Series:
        """Return one raw column."""
        if self._frame is not None:
            return self._frame[name]
        parts = [self._read(file, name).to_pandas() for file in self._files]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def __getstate__(self) -> dict[str, Any]:
        """Travel to a worker process without open files: it opens them itself."""
        return {**self.__dict__, "_opened": {}}

    def _read(self, file: Path, name: str) -> pa.ChunkedArray:
        """Read a column of a file that stays open: opening one of 1500 columns takes as long as reading them all."""
        import pyarrow.parquet as pq

        if file not in self._opened:
            self._opened[file] = pq.ParquetFile(file)
        return self._opened[file].read(columns=[name]).column(0)
