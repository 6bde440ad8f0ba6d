"""augment: rows made from train rows of the same fold; fitted on, never scored."""

from components.augmentation.folds import parts_of
from components.augmentation.making import augment as make_rows
from components.core.table import Schema
from components.data.splits import read_folds
from pipelines.engine.stage import Stage


def augment(stage: Stage) -> str:
    """Make the rows that augment asks for, inside the fold parts of data/split, out of ingest's table."""
    schema = Schema.read(stage.input("split") / "schema.json")
    _, folds = read_folds(stage.input("split"))
    table = stage.input("ingest") / "table.parquet"
    facts = make_rows(stage.spec, schema, table, parts_of(folds), stage.out, seed=stage.seed)
    if not stage.spec.makes_rows:
        return "nothing asked"
    line = f"{facts['made']} rows made"
    if "too_rare" in facts:
        line += f"; too rare to fill up: {', '.join(facts['too_rare'])}"
    return line
