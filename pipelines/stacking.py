"""stacking: one ensemble out of all members that search, boosting and bagging kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components import metrics
from components.core.errors import EspalierError
from components.core.files import read_json, write_json
from components.core.predictions import read_member_oof
from components.core.table import Schema, Table
from components.ensembles.ensemble_member import write_ensemble
from components.ensembles.stacking import Choice, align, choose
from pipelines.engine.stage import Stage

SOURCES = ("search", "boosting", "bagging")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A member that may become part of the ensemble."""

    stage: str
    folder: Path
    described: Any  # member.json


def stacking(stage: Stage) -> str:
    """Weigh the members by their out-of-fold predictions; write the ensemble's folder, schema.json, stacking.json."""
    schema = Schema.read(stage.input("split") / "schema.json")
    metric = metrics.resolve(stage.metric, schema.task)
    sources = [source for word in SOURCES for source in members_of(stage, word)]
    if not sources:
        raise EspalierError("stacking: no member was finished in time. Give the tree more seconds.")
    for source in sources:
        found = source.described["table"]
        assert found == schema.table, f"{source.folder} was trained on table {found}, the schema is of {schema.table}"
    aligned = align([read_member_oof(source.folder) for source in sources])
    truth_n = Table.open(schema, stage.input("ingest") / "table.parquet").target()[aligned.rows_n]
    cost_M = np.array([source.described["cost"] for source in sources], dtype=np.int64)
    choice = choose(stage.spec, aligned, truth_n, cost_M, metric=metric, seed=stage.seed)
    write_ensemble(
        stage.out,
        method=choice.method,
        combiner=choice.combiner,
        sources=[source.folder for source in sources],
        oof=choice.oof,
        folds=choice.folds,
        fold_scores=choice.fold_scores,
    )
    schema.write(stage.out / "schema.json")
    write_json(stage.out / "stacking.json", summary(choice, sources, metric, schema.table))
    used = int((choice.combiner.weight_M > 0).sum())
    return f"{choice.method}: {used} of {len(sources)} members   {float(np.mean(choice.fold_scores)):.4f}"


def members_of(stage: Stage, word: str) -> list[Source]:
    """Return the members that a stage kept, the best first."""
    out = stage.input(word)
    folders = [out / "members" / name for name in read_json(out / f"{word}.json")["members"]]
    return [Source(stage=word, folder=folder, described=read_json(folder / "member.json")) for folder in folders]


def summary(choice: Choice, sources: list[Source], metric: metrics.Score, table: str) -> dict[str, Any]:
    """Return stacking.json: the ensemble, and every member that was considered, the best first.

    Scores are means over the folds, on the rows that all members have; the ensemble's are those of combiners that
    have not seen the fold.
    """
    rows = [
        {
            "name": source.described["name"],
            "family": source.described["family"],
            "stage": source.stage,
            "fold_scores": scores_P.tolist(),
            "score": float(scores_P.mean()),
            "weight": float(weight),
            "cost": source.described["cost"],
        }
        for source, scores_P, weight in zip(
            sources, choice.member_scores_MP, choice.combiner.weight_M.tolist(), strict=True
        )
    ]
    rows.sort(key=lambda row: -row["score"] if metric.greater_is_better else row["score"])
    return {
        "table": table,
        "metric": metric.name,
        "greater_is_better": metric.greater_is_better,
        "method": choice.method,
        "methods": dict(choice.method_scores),
        "rows": len(choice.oof.rows_n),
        "folds": list(choice.folds),
        "fold_scores": list(choice.fold_scores),
        "score": float(np.mean(choice.fold_scores)),
        "members": rows,
    }
