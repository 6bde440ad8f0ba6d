"""The words of the ten stages, for what must know them before anything else is imported."""

WORDS = (
    "ingest",
    "validate",
    "split",
    "augment",
    "search",
    "boosting",
    "bagging",
    "stacking",
    "evaluate",
    "export",
)
