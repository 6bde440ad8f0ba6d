"""augment: rows made from train rows of the same fold; fitted on, never scored."""

from components.augmentation.folds import parts_of
from components.core.table import Schema
from components.data.splits import read_folds
from components.project.kinds import step
from pipelines.engine.stage import Stage


def augment(stage: Stage) -> str:
    """Make the rows that augment asks for, inside the fold parts of data/split, out of ingest's table."""
    schema = Schema.read(stage.input("split") / "schema.json")
    _, folds = read_folds(stage.input("split"))
    table = stage.input("ingest") / "table.parquet"
    facts = step(stage.kind, "augment")(stage.spec, schema, table, parts_of(folds), stage.out, seed=stage.seed)
    return str(facts["line"])
