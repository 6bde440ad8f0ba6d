"""The ten stages, the tree that joins them, and the command line: the only place that knows Prefect and DVC."""
