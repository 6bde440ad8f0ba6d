"""From the words in `ingest.source` to files: one file, a glob, or an example. What kind a file is, its bytes say.

Messages name files as the user wrote them. How a CSV is read is in `sniffing.py` and `csv_stream.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.core.errors import UserMistake, did_you_mean
from components.data.examples import PREFIX, example_name

Format = Literal["csv", "parquet", "example"]
GLOB_SIGNS = frozenset("*?[")
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a zip archive. Save the sheet as CSV, or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV",
    b"%PDF": "a PDF. Export the table as CSV",
    b"SQLite format 3": "a SQLite database. Export the table as CSV or Parquet",
    b"BZh": "compressed with bzip2. Unpack it, or compress it with gzip",
    b"\xfd7zXZ": "compressed with xz. Unpack it, or compress it with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd. Unpack it, or compress it with gzip",
    b"\x89PNG": "a picture",
    b"ARROW1": "an Arrow (Feather) file. Write it as Parquet",
    b"\x89HDF": "an HDF5 file. Write the table as Parquet or CSV",
}
"""First bytes of files that people take for tables, and what to do with them."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows come from: files in order of name, all of one format; or the name of an example."""

    written: str  # as it stands in params.yaml
    format: Format
    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()  # of the files, as messages show them
    example: str = ""


def find_source(root: Path, written: str) -> Source:
    """Find the files that `written` means, seen from the project's folder. Raises UserMistake."""
    if written.startswith(PREFIX):
        return Source(written=written, format="example", example=example_name(written))
    if "://" in written:
        raise UserMistake(f"ingest.source is {written}: only files are read. Save it here and name the file.")
    if not written.strip():
        raise UserMistake(
            "ingest.source is empty. Name a CSV or Parquet file, a glob such as raw/*.csv, or example:iris."
        )
    files = _glob(root, written) if GLOB_SIGNS & set(written) and not (root / written).exists() else (root / written,)
    for file in files:
        _refuse_what_is_no_file(root, file, written)
    names = tuple(_name(root, file) for file in files)
    formats = [format_of(file, name) for file, name in zip(files, names, strict=True)]
    if len(set(formats)) > 1:
        other = names[next(i for i, found in enumerate(formats) if found != formats[0])]
        raise UserMistake(
            f"ingest.source {written}: {names[0]} is {formats[0]} and {other} is {formats[names.index(other)]}. "
            "All files of a glob have one format: write a narrower glob."
        )
    return Source(written=written, format=formats[0], files=files, names=names)


def format_of(file: Path, name: str) -> Format:
    """Tell Parquet from CSV by the first bytes; refuse what is neither."""
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        raise UserMistake(f"{name} cannot be read: {error.strerror}.") from error
    if not head:
        raise UserMistake(f"{name} is empty (0 bytes). A table needs a header and rows.")
    if head.startswith(b"PAR1"):
        return "parquet"
    if file.suffix.lower() in (".parquet", ".pq"):
        raise UserMistake(
            f"{name} is no Parquet file: it does not begin with PAR1. Write it anew, or rename a CSV to .csv."
        )
    for sign, meaning in FOREIGN.items():
        if head.startswith(sign):
            raise UserMistake(f"{name} is no CSV: it is {meaning}.")
    return "csv"


def _glob(root: Path, written: str) -> tuple[Path, ...]:
    pattern = Path(written)
    base = Path(pattern.anchor) if pattern.is_absolute() else root
    try:
        found = base.glob(str(pattern.relative_to(pattern.anchor)) if pattern.is_absolute() else written)
        files = sorted(path for path in found if path.is_file() and not path.name.startswith("."))
    except ValueError as error:
        raise UserMistake(f"ingest.source is {written}: {error}.") from error
    if not files:
        raise UserMistake(f"ingest.source is {written}: no file matches. Is the folder right? Seen from the project.")
    return tuple(files)


def _refuse_what_is_no_file(root: Path, file: Path, written: str) -> None:
    if file.is_dir():
        raise UserMistake(
            f"ingest.source is {written}: that is a folder. For its tables write {written.rstrip('/')}/*.csv"
        )
    if not file.exists():
        near = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, near) or "Paths are seen from the folder that holds params.yaml."
        raise UserMistake(f"ingest.source is {written}: there is no such file. {hint}")
    if not file.is_file():
        raise UserMistake(f"ingest.source is {written}: that is no ordinary file. Save the table in a file.")


def _name(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
