"""split: the test rows go to evaluate and nowhere else; the folds serve every member."""

from components.data.splits import split as deal_rows
from pipelines.engine.stage import Stage


def split(stage: Stage) -> str:
    """Deal the rows of data/validate to test and folds, and complete the schema from the train rows."""
    facts = deal_rows(stage.spec, stage.input("ingest"), stage.input("validate"), stage.out, seed=stage.seed)
    return str(facts["line"])
