from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from components.data.ingest import IngestSpec, ingest
from components.data.validation import ValidateSpec, validate


@pytest.fixture
def ingested(tmp_path: Path) -> Callable[..., tuple[dict[str, Any], pd.DataFrame]]:
    """Ingest a source given as bytes or text of a file, or as the name of one; return the facts and the table."""

    def run(
        content: bytes | str | None = None, name: str = "t.csv", **spec: Any
    ) -> tuple[dict[str, Any], pd.DataFrame]:
        if content is not None:
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        out = tmp_path / "data" / "ingest"
        out.mkdir(parents=True, exist_ok=True)
        facts = ingest(IngestSpec(**({"source": name} | spec)), tmp_path, out)
        return facts, pd.read_parquet(out / "table.parquet")

    return run


@pytest.fixture
def validated(tmp_path: Path) -> Callable[..., tuple[dict[str, Any], Path]]:
    """Ingest a frame by way of Parquet and validate it; return the facts and the project's data folder."""

    def run(frame: pd.DataFrame, dealt_by: dict[str, str] | None = None, **spec: Any) -> tuple[dict[str, Any], Path]:
        data = tmp_path / "data"
        for word in ("ingest", "validate"):
            (data / word).mkdir(parents=True, exist_ok=True)
        frame.to_parquet(tmp_path / "t.parquet", index=False)
        ingest(IngestSpec(source="t.parquet"), tmp_path, data / "ingest")
        copy = tmp_path / ".espalier" / "findings.json"
        folders = data / "ingest", data / "validate"
        return validate(ValidateSpec(**spec), *folders, findings_copy=copy, dealt_by=dealt_by or {}), data

    return run
