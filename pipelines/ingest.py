"""ingest: any source becomes one typed table."""

from components.data.ingest import ingest as read_source
from pipelines.engine.stage import Stage


def ingest(stage: Stage) -> str:
    """Read `ingest.source` into data/ingest."""
    facts = read_source(stage.spec, stage.root, stage.out)
    line = f"{facts['rows']} rows, {len(facts['columns'])} columns"
    return line if facts["bad_rows"] == 0 else f"{line}, {facts['bad_rows']} bad rows left out"
