"""validate: schema, findings, leakage: what is wrong is named before anything is trained."""

from components.data.split_facts import unseen_column
from components.project.kinds import step
from pipelines.engine.stage import Stage


def validate(stage: Stage) -> str:
    """Infer the schema of data/ingest, look for what is wrong, keep the rows that can be used."""
    split = stage.also.get("split")  # of tables alone: pictures have no column to be split by
    beside = {} if split is None else {"dealt_by": unseen_column(split.by, split.column)}
    findings_copy = stage.root / ".espalier" / "findings.json"
    facts = step(stage.kind, "validate")(
        stage.spec, stage.input("ingest"), stage.out, findings_copy=findings_copy, **beside
    )
    return str(facts["line"])
