"""Whether a source holds pictures, told from its name and its folder alone. Imports nothing: every command asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIGITS = "example:digits"
TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq")


def is_pictures(root: Path, section: Mapping[str, Any]) -> bool:
    """Tell whether an `ingest` section means pictures. A source that is not there is judged by the other keys."""
    asks = "size" in section or "channels" in section
    source = section.get("source")
    if not isinstance(source, str) or not source.strip():
        return asks
    if source.strip() == DIGITS or source.lower().endswith(".npz"):
        return True
    folder = root / source
    if folder.is_dir():
        return not any(path.suffix.lower() in TABLES for path in folder.iterdir() if path.is_file())
    return asks and not folder.exists()
