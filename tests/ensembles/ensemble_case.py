"""A small table with numbers, levels and gaps, its folds, and what the tests of this folder ask of it."""

import numpy as np
import pandas as pd

from components.core.contracts import Fold
from components.core.table import ColumnSchema, Schema, Table

LEVELS = ("blue", "green", "red")
CLASSES = {"binary": ("no", "yes"), "multiclass": ("high", "low", "middle"), "regression": ()}


def frame_of(task: str, num_rows: int = 150, seed: int = 0) -> pd.DataFrame:
    """Rows whose answer depends on a number, a level and chance."""
    random = np.random.default_rng(seed)
    length, width = random.normal(size=num_rows), random.normal(size=num_rows)
    colour = random.integers(0, 3, num_rows)
    answer = length + np.array([-1.0, 0.0, 1.5])[colour] + 0.5 * random.normal(size=num_rows)
    width[random.random(num_rows) < 0.1] = np.nan
    target = {
        "binary": np.where(answer > 0, "yes", "no"),
        "multiclass": np.where(answer > 0.7, "high", np.where(answer < -0.7, "low", "middle")),
        "regression": 1000.0 + 50.0 * answer,
    }[task]
    colours = pd.Series(np.array(LEVELS, dtype=object)[colour])
    colours[random.random(num_rows) < 0.05] = None
    return pd.DataFrame({"length": length, "width": width, "colour": colours, "target": target})


def schema_of(task: str) -> Schema:
    """The schema that validate and split would have written."""
    return Schema(
        table="sha256:tests",
        task=task,
        target="target",
        classes=CLASSES[task],
        columns=(
            ColumnSchema(name="length", kind="numeric", use="feature"),
            ColumnSchema(name="width", kind="numeric", use="feature"),
            ColumnSchema(name="colour", kind="categorical", use="feature", levels=LEVELS),
            ColumnSchema(name="target", kind="numeric" if task == "regression" else "categorical", use="target"),
        ),
    )


def table_of(task: str, num_rows: int = 150, seed: int = 0) -> Table:
    """The table, in memory."""
    return Table.of(schema_of(task), frame_of(task, num_rows, seed))


def folds_of(num_rows: int, num_folds: int = 3) -> list[Fold]:
    """Every third row is scored by the same fold."""
    rows = np.arange(num_rows, dtype=np.int64)
    if num_folds == 1:
        return [Fold(number=0, fit_rows=rows[rows % 5 > 0], score_rows=rows[rows % 5 == 0])]
    parts = [rows % num_folds == number for number in range(num_folds)]
    return [Fold(number=number, fit_rows=rows[~part], score_rows=rows[part]) for number, part in enumerate(parts)]
