"""What split tells about what it did: split.json, and the stage's line."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.specs import NONE
from components.core.table import Schema
from components.data.findings import Finding

HOLDS = {"group": "the group", "time": "the time", "column": "the words train and test"}
"""What `split.column` is for, by `split.by`; other ways need no column."""


def unseen_column(by: str, column: str) -> dict[str, str]:
    """Return the column that rows are dealt by, with why models do not see it; empty where there is none.

    A model that saw it would know how the rows were dealt.
    """
    return {column: f"split.by is {by}"} if by in HOLDS and column != NONE else {}


def facts_of(
    spec: Any,
    schema: Schema,
    truth_n: NDArray[np.float64],
    test_n: NDArray[np.bool_],
    fold_n: NDArray[np.int16],
    left_out: int,
    repeated: int,
) -> dict[str, Any]:
    """Return split.json: how many rows and classes each side has; `spec` is the SplitSpec."""
    sides = {"train": ~test_n, "test": test_n, **{f"fold {s}": fold_n == s for s in range(spec.folds)}}
    classes = {
        side: {name: int((truth_n[rows] == i).sum()) for i, name in enumerate(schema.classes)}
        for side, rows in sides.items()
    }
    return {
        "table": schema.table,
        "by": spec.by,
        "folds": spec.folds,
        "rows_train": int((~test_n).sum()),
        "rows_test": int(test_n.sum()),
        "rows_fold": [int((fold_n == s).sum()) for s in range(spec.folds)],
        "left_out": left_out,  # train rows that equal a test row, where the user's column put both
        "repeated": repeated,  # test rows that equal an earlier train row, in a split by time
        "classes": classes if schema.classes else {},
    }


def line_of(spec: Any, facts: dict[str, Any], findings: Sequence[Finding]) -> str:
    """Return the stage's line in the terminal."""
    folds = f"in {spec.folds} folds" if spec.folds > 1 else f"({facts['rows_fold'][0]} of them for validation)"
    last = "the last " if spec.by == "time" else ""
    test = f"test {last}{facts['rows_test']}" if facts["rows_test"] else "no test rows"
    how = {"time": f"in order of {spec.column}"}.get(spec.by, f"by {spec.column}" if spec.by in HOLDS else spec.by)
    more = f", {facts['left_out']} copies of test rows left out" if facts["left_out"] else ""
    more += f", {facts['repeated']} test rows equal an earlier one" if facts["repeated"] else ""
    more += f", {len(findings)} warning{'s' * (len(findings) > 1)}" if findings else ""
    return f"train {facts['rows_train']} {folds}, {test}, {how}{more}"
