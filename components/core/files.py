"""Files that are whole or absent: written to a temporary name in the same folder, synced, renamed.

What is written into a folder that is not yet named is synced with it, all at once: the sixteen small files of a
network take 12 ms one by one and 3 together.

JSON and Parquet are written so that equal content gives equal bytes: sorted keys, no dates, no metadata of a library.
"""

import contextlib
import ctypes
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.errors import DiskFullError, UserMistake

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
_unnamed: set[Path] = set()  # folders that are being written


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; renamed to `path` when the block ends well, removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with disk_full_is_clear(path):
            yield temporary
            if _unnamed.isdisjoint(path.parents):
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """Yield a new empty folder beside `path`; it replaces `path` when the block ends well, removed otherwise.

    `synced`: False where the caller waits for the disk later (`sync`), before it counts on the folder.

    Where folders can swap names there is one at every moment: a search that was killed between deleting a folder and
    naming the next one had lost weights that it had finished, once in some hundred kills.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    _unnamed.add(temporary)
    try:
        with disk_full_is_clear(path):
            yield temporary
            if synced:
                sync([temporary])
            if not (path.exists() and _exchange(temporary, path)):
                shutil.rmtree(path, ignore_errors=True)
                temporary.replace(path)
    finally:
        _unnamed.discard(temporary)
        shutil.rmtree(temporary, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders swap their names in one step; returns False where the system or the disk cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), swap) == 0


def sync(folders: Sequence[Path]) -> None:
    """Wait until all files in these folders of one disk are on it. Raises OSError."""
    sync_file_system = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if sync_file_system is not None:
        for folder in folders[:1]:
            _sync_file_system(folder, sync_file_system)
        return
    for path in (path for folder in folders for path in folder.rglob("*")):  # no Linux
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _sync_file_system(folder: Path, sync_file_system: Callable[[int], int]) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        if sync_file_system(opened):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(opened)


@contextlib.contextmanager
def disk_full_is_clear(path: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" into one sentence with the numbers."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise _disk_full(path.parent, f", while writing {path.name}") from error


@contextlib.contextmanager
def refusals_are_clear() -> Iterator[None]:
    """Turn what the operating system refuses anywhere in a command (no right, no room) into one sentence."""
    try:
        yield
    except OSError as error:
        where = Path(str(error.filename)) if error.filename else Path.cwd()
        if error.errno in NO_ROOM:
            raise _disk_full(where) from error
        if error.errno not in NO_RIGHT:
            raise
        raise UserMistake(
            f"{_lasting(where)} cannot be read or written: {str(error.strerror).lower()}. "
            "Change its rights, or work in another folder."
        ) from error


def _disk_full(folder: Path, what: str = "") -> DiskFullError:
    folder = next(above for above in (_lasting(folder), *folder.parents) if above.is_dir())
    left = shutil.disk_usage(folder).free / 1e6
    return DiskFullError(f"disk full: {left:.1f} MB left in {folder}{what}. Free some space and run again.")


def _lasting(path: Path) -> Path:
    """Return the path, or the folder above it that is not one of our temporary ones."""
    return next((above.parent for above in reversed((path, *path.parents)) if above.name.endswith(".tmp")), path)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, indent: int | None = 1) -> None:
    """Write JSON with sorted keys and a final newline; NaN and infinity are refused.

    `indent`: None is a single line, four times as quick: Python's quick encoder has no indentation.
    """
    write_text(path, _text(value, indent=indent) + "\n")


def _text(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, sort_keys=True, allow_nan=False, ensure_ascii=False, default=_plain)


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_parquet(path: Path, columns: Mapping[str, NDArray[Any] | list[Any]]) -> None:
    """Write named columns of equal length; the same values give the same bytes.

    Only texts get a dictionary: a column of numbers is three times as quick without, and a third smaller.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_statistics=False, use_dictionary=texts)


def read_parquet(path: Path) -> dict[str, NDArray[Any]]:
    """Read all columns of a Parquet file as numpy arrays."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, partitioning=None)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def hash_file(path: Path) -> str:
    """Return "sha256:..." of the bytes of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def hash_folder(folder: Path, leave_out: frozenset[str] = frozenset()) -> str:
    """Return "sha256:..." over names and bytes of all files below a folder, in order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in leave_out:
            digest.update(f"{name}\0{hash_file(path)}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def hash_json(value: Any) -> str:
    """Return 16 hex digits that stand for a JSON value."""
    return hashlib.sha256(_text(value).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
