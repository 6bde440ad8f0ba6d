"""bagging: forests, a linear model, nearest neighbours, one of each per fold, averaged."""

import math
from typing import TYPE_CHECKING

from components.core.files import hash_folder, hash_json, write_json
from components.ensembles.bagging import grow_bagging
from pipelines.engine.seen import embeddings_for
from pipelines.engine.stage import Progress, Stage
from pipelines.engine.train_rows import TrainRows, open_train_rows

if TYPE_CHECKING:
    from components.project.embedding import FoldEmbeddings


def bagging(stage: Stage) -> str:
    """Grow the members on the folds of data/split, completed by data/augment; write them and bagging.json.

    bagging.json: {"table", "metric", "greater_is_better", "members": [names], "trees", "repeats"}. Why it ended
    lies beside the studies, as for searches: a run ended by the clock and one of the same counts leave the same out.
    """
    train_rows = open_train_rows(stage)
    seen = embeddings_for(stage, train_rows)
    bagged = grow_bagging(
        stage.spec,
        train_rows.table,
        train_rows.folds,
        seen=seen,
        metric=train_rows.metric,
        seed=stage.seed,
        cores=stage.cores,
        deadline=stage.deadline,
        checkpoint=stage.studies / f"bagging-{_what_decides(stage, train_rows, seen)}",
        report_progress=lambda done, total: stage.tell(Progress(done=done, total=total)),
    )
    for member in bagged.members:
        folder = stage.out / "members" / member.name
        folder.mkdir(parents=True)
        member.save(folder)
    names = [member.name for member in bagged.members]
    write_json(
        stage.out / "bagging.json",
        {
            "table": train_rows.table.schema.table,
            "metric": train_rows.metric.name,
            "greater_is_better": train_rows.metric.greater_is_better,
            "members": names,
            "trees": bagged.trees,
            "repeats": bagged.repeats,
        },
    )
    write_json(
        stage.studies / "bagging.json",
        {
            "ended_by": bagged.ended_by,
            "members": names,
            "trees": bagged.trees,
            "repeats": bagged.repeats,
            "repeatable": True,
        },
    )
    scores = [math.fsum(member.scores) / len(member.scores) for member in bagged.members]
    best = max(scores) if train_rows.metric.greater_is_better else min(scores)
    return f"{len(names)} member{'' if len(names) == 1 else 's'}   best {best:.4f}"


def _what_decides(stage: Stage, train_rows: TrainRows, seen: "FoldEmbeddings | None") -> str:
    """Return a hash of all that decides a batch of trees: which members and how many trees are no part of it."""
    return hash_json(
        {
            "preprocess": stage.spec.settled(),
            "seen": None if seen is None else seen.digest,
            "seed": stage.seed,
            "code": stage.code,
            "table": train_rows.table.schema.table,
            "split": hash_folder(stage.input("split"), frozenset({"out.json"})),
            "augment": hash_folder(stage.input("augment"), frozenset({"out.json"})),
        }
    )
