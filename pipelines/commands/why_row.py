"""`espalier why 1042`: the members' votes on one row, the columns that moved it, the train rows most like it."""

from pathlib import Path

import numpy as np

from components.core.errors import UserMistake
from components.core.files import read_parquet
from components.core.numbers import shown
from components.core.seeds import generator
from components.core.table import Schema, Table
from components.ensembles.ensemble_member import EnsembleMember
from components.evaluation.row import RowStory, tell_row
from components.project.families import loaders
from components.project.params import read_params

SHOWN_COLUMNS = 5


def run_row(root: Path, number: int) -> int:
    """Print the story of row `number` of the source, counted from 1 below the header."""
    data = root / "data"
    if not (data / "stacking" / "ensemble.json").is_file():
        raise UserMistake("there is no model yet to ask about a row. Grow one with: espalier run")
    schema = Schema.read(data / "stacking" / "schema.json")
    table = Table.open(schema, data / "ingest" / "table.parquet")
    if not 1 <= number <= table.num_rows:
        raise UserMistake(f"row {number} is not there: the table has the rows 1 to {table.num_rows}.")
    ensemble = loaders()["ensemble"](data / "stacking")
    assert isinstance(ensemble, EnsembleMember)
    parts = read_parquet(data / "split" / "rows.parquet")
    train_rows = parts["row"][parts["part"] == 0].astype(np.int64)
    row = number - 1
    rng = generator(read_params(root).top.seed, "why", row)
    story = tell_row(ensemble, ensemble.members, table, row, train_rows, rng)
    print(_text(story, table, row, train_rows))
    return 0


def _text(story: RowStory, table: Table, row: int, train_rows: np.ndarray) -> str:
    schema = table.schema
    what = f'"{schema.classes[story.output]}" with probability ' if schema.classes else ""
    seen = "a train row: most of its models have seen it" if row in train_rows else "nothing was trained on it"
    lines = [f"  Row {row + 1} is answered {what}{shown(story.answer)} ({seen})."]
    truth = table.raw(np.array([row]), [schema.target])[schema.target].iloc[0]
    lines.append(f"  In the table {schema.target} is {truth}.")
    lines += ["", "  Votes"] + [f"    {name:<16} {shown(vote):>8}" for name, vote in story.votes]
    if story.columns:
        lines += ["", "  Columns that moved it most (against the values of train rows)"]
    for name, value, moved in story.columns[:SHOWN_COLUMNS]:
        lines.append(f"    {name[:28]:<28} {value[:20]:>20}   {'+' if moved > 0 else ''}{shown(moved)}")
    lines += ["", "  Train rows most like it (distance 0 to 1)"]
    targets = table.raw(np.array([one for one, _ in story.alike], dtype=np.int64), [schema.target])[schema.target]
    for (one, distance), target in zip(story.alike, targets, strict=True):
        lines.append(f"    row {one + 1:<8} {shown(distance):>8}   {schema.target} {target}")
    return "\n".join(lines)
