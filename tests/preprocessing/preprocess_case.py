"""Small tables for tests of single techniques."""

import numpy as np
import pandas as pd

from components.core.table import ColumnSchema, Schema, Table
from components.data.preprocessing.pipeline import build


def one_column(kind, values, truth=None, *, levels=None, classes=("no", "yes"), missing=None):
    """A table of one feature x and the target y; numbers as truth make a regression."""
    task = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    columns = (
        ColumnSchema(name="x", kind=kind, use="feature", levels=levels, missing=missing),
        ColumnSchema(name="y", kind="categorical" if classes else "numeric", use="target"),
    )
    schema = Schema(table="-", task=task, target="y", classes=tuple(classes), columns=columns)
    truth = [classes[0] if classes else 0.0] * len(values) if truth is None else truth
    return Table.of(
        schema, pd.DataFrame({"x": pd.Series(values, dtype=object if kind != "numeric" else float), "y": truth})
    )


def fitted_on(spec, table, rows=None, seed=0):
    """Fit on some rows (all by default): the preprocessor, and the fit rows' own features."""
    rows = np.arange(table.num_rows) if rows is None else np.asarray(rows)
    return build(spec, table.schema, seed).fit_transform(table, rows)
