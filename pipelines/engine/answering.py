"""What speaks for a member to rows that nobody has seen: all its folds, or after a split by time its newest one."""

import shutil
from pathlib import Path

from components.core.files import read_json
from components.ensembles.newest_fold import newest_fold_only
from components.project.families import loaders
from pipelines.engine.stage import Stage


def answering(stage: Stage, member: Path) -> Path:
    """Return the folder to read a member from: its own, or a copy outside the outs with its newest fold alone."""
    if read_json(stage.input("split") / "split.json")["by"] != "time":
        return member
    copy = stage.studies / "newest_fold" / "-".join(member.relative_to(stage.root).parts)
    shutil.rmtree(copy, ignore_errors=True)
    newest_fold_only(member, copy, loaders())
    return copy
