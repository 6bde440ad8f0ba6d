"""ingest: any source becomes one typed table."""

from components.project.kinds import step
from pipelines.engine.stage import Stage


def ingest(stage: Stage) -> str:
    """Read `ingest.source` into data/ingest."""
    facts = step(stage.kind, "ingest")(stage.spec, stage.root, stage.out)
    return str(facts["line"])
