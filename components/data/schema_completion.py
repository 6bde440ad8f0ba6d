"""What the schema learns from the train rows: levels, ranges, and where values miss. No other row is looked at."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text, typed
from components.core.raw_rows import RawRows
from components.core.table import IMAGE, Schema
from components.data.schema_inference import sort_words


def complete(schema: Schema, raw: RawRows, train_rows: NDArray[np.int64]) -> Schema:
    """Return the schema with levels (sorted), low, high and missing of the train rows for every feature."""
    columns = []
    for column in schema.columns:
        if column.use != "feature" or column.kind == IMAGE:
            columns.append(column)
            continue
        values = raw.column(column.name).iloc[train_rows].reset_index(drop=True)
        facts: dict[str, Any] = {}
        if column.kind == "categorical":
            text = as_text(values)
            facts["levels"] = tuple(sort_words([str(word) for word in text.dropna().unique()]))
            facts["missing"] = bool(text.isna().any())
        elif column.kind == "text":
            facts["missing"] = bool(as_text(values).isna().any())
        else:
            numbers = typed(values, column.kind, column.levels)
            known = numbers[~np.isnan(numbers)]
            facts["missing"] = len(known) < len(numbers)
            if column.kind != "boolean" and len(known):
                facts |= {"low": float(known.min()), "high": float(known.max())}
        columns.append(replace(column, **facts))
    return schema.with_columns(columns)
