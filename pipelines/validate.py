"""validate: schema, findings, leakage: what is wrong is named before anything is trained."""

from components.project.kinds import step
from pipelines.engine.stage import Stage


def validate(stage: Stage) -> str:
    """Infer the schema of data/ingest, look for what is wrong, keep the rows that can be used."""
    facts = step(stage.kind, "validate")(
        stage.spec, stage.input("ingest"), stage.out, findings_copy=stage.root / ".espalier" / "findings.json"
    )
    return str(facts["line"])
