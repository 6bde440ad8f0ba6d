"""Write a .npy file row by row, without knowing beforehand how many rows will come: as many pictures as can be read.

numpy leaves room in the header for the first axis to grow, so the header is written twice and nothing is moved.
"""

import io
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class NpyWriter:
    """A context: `write` appends rows of one shape and type. Reading: `numpy.load(path, mmap_mode="r")`."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any = np.uint8) -> None:
        self.rows = 0
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._file = path.open("wb")
        self._file.write(self._header())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.seek(0)
                self._file.write(self._header())
        finally:
            self._file.close()

    def write(self, rows: NDArray[Any]) -> None:
        """Append rows [n, *shape]."""
        assert rows.shape[1:] == self._shape, f"rows of {rows.shape[1:]} in a file of {self._shape}"
        self._file.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())
        self.rows += len(rows)

    def _header(self) -> bytes:
        written = io.BytesIO()
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.rows, *self._shape)}
        np.lib.format.write_array_header_1_0(written, described)
        return written.getvalue()
