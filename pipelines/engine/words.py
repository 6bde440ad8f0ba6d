"""The words of the ten stages, for what must know them before anything else is imported."""

BEFORE = ("ingest", "validate", "split", "augment")  # the branches; short
BRANCHES = ("search", "boosting", "bagging")  # they compute: they lease cores and have a deadline
WORDS = (*BEFORE, *BRANCHES, "stacking", "evaluate", "export")
