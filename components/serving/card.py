"""The texts beside an exported model: how to predict with it, and what it is (a model card; Mitchell et al. 2019).

The example rows are made up from the schema (low, middle and high of each range, first and last levels), so that no row
of anybody's data leaves the project with the model.
"""

import statistics
from typing import Any

from components.core.contracts import JSON
from components.core.numbers import dates, shown
from components.core.table import IMAGE, ColumnSchema, Schema

NUM_EXAMPLES = 3
MOST_LEVELS = 6


def example_columns(schema: Schema) -> dict[str, list[Any]]:
    """Return three made-up rows: column -> values."""
    return {column.name: _examples(column) for column in schema.features}


def _examples(column: ColumnSchema) -> list[Any]:
    if column.kind in ("categorical", "boolean"):
        levels = column.levels or ("",)
        return [levels[place * (len(levels) - 1) // (NUM_EXAMPLES - 1)] for place in range(NUM_EXAMPLES)]
    if column.low is None or column.high is None:
        return [""] * NUM_EXAMPLES
    if column.kind == "datetime":
        import numpy as np

        ends = (column.low, (column.low + column.high) / 2, column.high)
        return [str(np.datetime64(int(second), "s")) for second in ends]
    middle = (column.low + column.high) / 2
    whole = column.low.is_integer() and column.high.is_integer()
    return [column.low, float(round(middle)) if whole else middle, column.high]


def readme_text(schema: Schema) -> str:
    """Return README.md of a bundle: the lines that predict."""
    needed = ", ".join(f"`{column.name}`" for column in schema.features[:8])
    more = f" and {len(schema.features) - 8} more (`schema.json`)" if len(schema.features) > 8 else ""
    answer = "`prediction`"
    if schema.task != "regression":
        answer += " and " + ", ".join(f"`probability_{name}`" for name in schema.classes[:4])
        answer += ", …" if len(schema.classes) > 4 else ""
    return f"""# A model that predicts `{schema.target}`

Wherever Espalier is installed (`pip install "espalier-automl[cpu]"`), without the project that grew it:

```console
$ espalier predict rows.csv -o answers.csv --bundle .
```

```python
from pathlib import Path

import pandas as pd

from components.project.families import loaders
from components.serving.bundle import load_bundle

bundle = load_bundle(Path("."), loaders())
answers = bundle.predict(pd.read_csv("rows.csv"))
```

It needs the columns {needed}{more}, raw, in any order. It answers {answer}, one line per row, in the same order.
Try it with `example.csv`, three made-up rows; `example_answer.csv` holds what it answered when it was written.
No file here is a program: JSON, safetensors, and the boosters' own formats (UBJSON, text, cbm).
"""


def card_text(schema: Schema, facts: JSON) -> str:
    """Return card.md: what it is, on what it was grown, how good it is, what it must not be used for."""
    folds = list(facts["fold_scores"])
    error = statistics.stdev(folds) / len(folds) ** 0.5 if len(folds) > 1 else None
    spread = f" ± {shown(error, error)} (standard error over {len(folds)} folds)" if error else ""
    rows = "\n".join(_column_line(column) for column in schema.columns if column.use == "feature")
    left_out = [column.name for column in schema.columns if column.use == "left_out"]
    without = f"\nLeft out: {', '.join(left_out)}.\n" if left_out else ""
    what = {"binary": "one of two classes", "multiclass": f"one of {len(schema.classes)} classes"}.get(
        schema.task, "a number"
    )
    classes = f": {', '.join(schema.classes[:20])}" if schema.classes else ""
    return f"""# Model card: `{schema.target}`

**What it is.** An ensemble grown by Espalier {facts["espalier"]}. From {_inputs(schema)} it predicts
`{schema.target}`, {what}{classes}.

**How it answers.** {_answering(schema, facts["threshold"])}

**How good it is.** {facts["title"]} {shown(facts["score"], error)}{spread}, on out-of-fold rows. The models were chosen
by these rows; the score on test rows, with its interval, stands in the report of the project.

**What it was grown on.** The table with the content hash `{schema.table}`.

**What it must not be used for.** Rows unlike those it was grown on: outside the ranges below, from another time, place
or population. `espalier predict` names such values; it cannot notice that their meaning has changed. It finds what goes
together, not what causes what. Who decides about people by it must look at its errors for each group first.

| column | kind | range or levels of the train rows |
|---|---|---|
{rows}
{without}"""


def _answering(schema: Schema, threshold: float | None) -> str:
    if schema.task == "regression":
        return "With the value itself."
    if threshold is None:
        return "With the likelier class." if schema.task == "binary" else "With the likeliest class."
    return f"`{schema.classes[1]}` from a probability of {threshold:.3g} on, else `{schema.classes[0]}`."


def _inputs(schema: Schema) -> str:
    if schema.picture is None:
        return f"{len(schema.features)} columns"
    height, width, colours = schema.picture
    return f"a picture, {width} x {height} {'gray' if colours == 1 else 'in colour'} once it is resized,"


def _column_line(column: ColumnSchema) -> str:
    if column.levels is not None:
        about = ", ".join(column.levels[:MOST_LEVELS]) + (", …" if len(column.levels) > MOST_LEVELS else "")
    elif column.low is not None and column.high is not None and column.kind == "numeric":
        about = f"{shown(column.low)} to {shown(column.high)}"
    elif column.low is not None and column.high is not None and column.kind == "datetime":
        about = dates(column.low, column.high)
    else:
        about = ""
    if column.kind == IMAGE:
        about = "PNG or JPEG of any size"
    cells = (column.name, column.kind, about)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
