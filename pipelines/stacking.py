"""stacking: one ensemble out of all members that search, boosting and bagging kept.

member.json, ensemble.json, members/, oof-<s>.parquet, schema.json   the ensemble (`ensemble_member.py`)
stacking.json   how it was chosen: methods, members, nested score, threshold, Pareto table
distilled/      one model that imitates it, as an ensemble of one; only when it is asked for
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from components import metrics
from components.core.contracts import Member
from components.core.errors import EspalierError
from components.core.files import read_json, write_json
from components.core.predictions import read_member_oof
from components.core.specs import NONE
from components.core.table import Schema, Table
from components.data.splits import read_folds
from components.ensembles.ensemble_member import needed, write_ensemble
from components.ensembles.pareto import beginnings, bytes_of, line, with_front
from components.ensembles.speed import MEASURED_ROWS, admitted, milliseconds_per_row
from components.ensembles.stacking import Choice, StackingSpec, align, choose
from components.project.families import loaders
from pipelines.engine.answering import answering
from pipelines.engine.distilling import distilled
from pipelines.engine.ground import Ground, Source
from pipelines.engine.second import Grown, grow
from pipelines.engine.stage import Stage

SOURCES = ("search", "boosting", "bagging")
DISTILLED = "distilled"
MOST_PARETO_ROWS = 20_000


def stacking(stage: Stage) -> str:
    """Weigh the members by their out-of-fold predictions; write the ensemble's folder, schema.json, stacking.json."""
    sources = [source for word in SOURCES for source in members_of(stage, word)]
    if not sources:
        raise EspalierError("stacking: no member was finished in time. Give the tree more seconds.")
    ground = open_ground(stage, sources)
    left_out: list[Source] = []
    if stage.spec.max_ms_per_row != NONE:
        sources, left_out, ground = _quick_enough(stage, sources, ground)
    second = grow(stage, ground, [source.described for source in sources], _limit_left(stage.spec, sources))
    spec = stage.spec
    if spec.method == "two_layers" and second is None:
        spec = spec.model_copy(update={"method": "greedy"})
    offered = None if second is None else second.offered
    choice = choose(
        spec, ground.aligned, ground.truth_n, ground.cost_M, metric=ground.metric, seed=stage.seed, second=offered
    )
    if choice.method == "two_layers" and second is not None:
        described = read_json(second.folder / "member.json")
        sources = [
            *sources,
            Source(stage="stacking", folder=second.folder, described=described, ms_per_row=second.ms_per_row),
        ]
    _write(stage.out, choice, [source.folder for source in sources], ground.schema)
    one = _distil(stage, ground, choice) if stage.spec.distill != NONE else None
    found = summary(choice, sources, ground)
    found["max_ms_per_row"] = None if stage.spec.max_ms_per_row == NONE else stage.spec.max_ms_per_row
    found["left_out"] = [_measured(source) for source in left_out]
    found["distilled"] = one
    found["pareto"] = _pareto(choice, sources, ground, one)
    write_json(stage.out / "stacking.json", found)
    return _told(stage, choice, sources, second, one)


def open_ground(stage: Stage, sources: Sequence[Source]) -> Ground:
    """Lay the members' predictions side by side, with the truth."""
    schema = Schema.read(stage.input("split") / "schema.json")
    for source in sources:
        found = source.described["table"]
        assert found == schema.table, f"{source.folder} was trained on table {found}, the schema is of {schema.table}"
    aligned = align([read_member_oof(source.folder) for source in sources])
    table = Table.open(schema, stage.input("ingest") / "table.parquet")
    return Ground(
        schema=schema,
        table=table,
        metric=metrics.resolve(stage.metric, schema.task),
        aligned=aligned,
        truth_n=table.target()[aligned.rows_n],
        cost_M=np.array([source.described["cost"] for source in sources], dtype=np.int64),
    )


def members_of(stage: Stage, word: str) -> list[Source]:
    """Return the members that a stage kept, the best first."""
    out = stage.input(word)
    folders = [answering(stage, out / "members" / name) for name in read_json(out / f"{word}.json")["members"]]
    return [Source(stage=word, folder=folder, described=read_json(folder / "member.json")) for folder in folders]


def _quick_enough(stage: Stage, sources: Sequence[Source], ground: Ground) -> tuple[list[Source], list[Source], Ground]:
    """Measure all members; return those that stay within the limit together, the others, and the first ones' ground."""
    asked = ground.table.taken(ground.aligned.rows_n[:MEASURED_ROWS])
    table = loaders()

    def measured(source: Source) -> Source:
        member: Member = table[source.described["family"]](source.folder)
        return replace(source, ms_per_row=milliseconds_per_row(member, asked))

    known = [measured(source) for source in sources]
    ms_M = np.array([source.ms_per_row for source in known])
    names = [source.name for source in known]
    limit = float(stage.spec.max_ms_per_row)
    kept = admitted(ground.aligned.values_MnC, ground.scores(), ground.cost_M, ms_M, limit, names)
    others = [source for number, source in enumerate(known) if number not in kept]
    return [known[number] for number in kept], others, ground.only(kept)


def _limit_left(spec: StackingSpec, sources: Sequence[Source]) -> float | None:
    """Return how many milliseconds a second layer may still take; None: any."""
    if spec.max_ms_per_row == NONE:
        return None
    return float(spec.max_ms_per_row) - sum(source.ms_per_row or 0.0 for source in sources)


def _write(out: Path, choice: Choice, folders: Sequence[Path], schema: Schema) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_ensemble(
        out,
        method=choice.method,
        combiner=choice.combiner,
        threshold=choice.threshold,
        sources=folders,
        oof=choice.oof,
        folds=choice.folds,
        fold_scores=choice.fold_scores,
    )
    schema.write(out / "schema.json")


def _distil(stage: Stage, ground: Ground, choice: Choice) -> dict[str, Any]:
    """Train one model on the ensemble's answers and write it as an ensemble of one into data/stacking/distilled."""
    _, folds = read_folds(stage.input("split"))
    mine = [fold for fold in folds if fold.number in choice.folds]
    folder = answering(stage, distilled(stage, ground.schema, mine, choice.oof, ground.metric))
    alone = align([read_member_oof(folder)])
    truth_n = ground.table.target()[alone.rows_n]
    described = read_json(folder / "member.json")
    cost_M = np.array([described["cost"]], dtype=np.int64)
    spec = StackingSpec(method="best", calibrate=stage.spec.calibrate)
    imitating = choose(spec, alone, truth_n, cost_M, metric=ground.metric, seed=stage.seed)
    _write(stage.out / DISTILLED, imitating, [folder], ground.schema)
    return {
        "name": described["name"],
        "family": described["family"],
        "score": float(np.mean(imitating.fold_scores)),
        "fold_scores": list(imitating.fold_scores),
        "threshold": imitating.threshold,
        "cost": described["cost"],
        "bytes": bytes_of(folder),
    }


def summary(choice: Choice, sources: Sequence[Source], ground: Ground) -> dict[str, Any]:
    """Return stacking.json: the ensemble, and every member that was considered, the best first.

    Scores are means over the folds, on the rows that all members have; the ensemble's are those of combiners that
    have not seen the fold. `nested` are those of choices that have not seen it either: what new rows will find.
    """
    scores_MP = choice.member_scores_MP
    if len(sources) > len(scores_MP):
        parts = [read_json(sources[-1].folder / "member.json")["fold_scores"]]
        scores_MP = np.concatenate([scores_MP, np.array(parts)[:, : scores_MP.shape[1]]])
    rows = [
        {
            "name": source.name,
            "family": source.described["family"],
            "stage": source.stage,
            "fold_scores": scores_P.tolist(),
            "score": float(scores_P.mean()),
            "weight": float(weight),
            "cost": source.described["cost"],
            "ms_per_row": source.ms_per_row,
        }
        for source, scores_P, weight in zip(sources, scores_MP, choice.combiner.weight_M.tolist(), strict=True)
    ]
    rows.sort(key=lambda row: -row["score"] if ground.metric.greater_is_better else row["score"])
    return {
        "table": ground.schema.table,
        "metric": ground.metric.name,
        "greater_is_better": ground.metric.greater_is_better,
        "method": choice.method,
        "methods": dict(choice.method_scores),
        "tied": list(choice.tied),
        "temperature": choice.combiner.temperature,
        "threshold": choice.threshold,
        "rows": len(choice.oof.rows_n),
        "folds": list(choice.folds),
        "fold_scores": list(choice.fold_scores),
        "score": float(np.mean(choice.fold_scores)),
        "nested": {"score": float(np.mean(choice.nested_scores)), "fold_scores": list(choice.nested_scores)},
        "members": rows,
    }


def _measured(source: Source) -> dict[str, Any]:
    """Return what stacking.json says of a member that was too slow."""
    return {"name": source.name, "stage": source.stage, "ms_per_row": source.ms_per_row}


def _pareto(
    choice: Choice, sources: Sequence[Source], ground: Ground, one: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Return the table of score, speed and size (`components/ensembles/pareto.py`), at most 20 000 rows judging."""
    facts = {
        source.name: {
            "cost": source.described["cost"],
            "bytes": bytes_of(source.folder),
            "ms_per_row": source.ms_per_row,
        }
        for source in sources
    }
    num_first = len(ground.cost_M)
    every = -(-len(ground.truth_n) // MOST_PARETO_ROWS)
    some = np.arange(len(ground.truth_n))[::every]
    scores = ground.scores().only(np.isin(np.arange(len(ground.truth_n)), some))
    first = {name: facts[name] for name in list(facts)[:num_first]}
    lines = beginnings(ground.aligned.values_MnC[:, some], scores, ground.cost_M, first)
    used = [sources[m].name for m in needed(choice.combiner, [source.folder for source in sources])]
    lines.append(line("ensemble", float(np.mean(choice.fold_scores)), used, facts))
    if one is not None:
        known = {one["name"]: {"cost": one["cost"], "bytes": one["bytes"], "ms_per_row": None}}
        lines.append(line(DISTILLED, one["score"], [one["name"]], known))
    return with_front(lines, greater_is_better=ground.metric.greater_is_better)


def _told(
    stage: Stage, choice: Choice, sources: Sequence[Source], second: Grown | None, one: Mapping[str, Any] | None
) -> str:
    """Return the stage's line."""
    used = int((choice.combiner.weight_M > 0).sum())
    score = float(np.mean(choice.fold_scores))
    text = f"{choice.method}: {used} of {len(sources)} members   {score:.4f}"
    if stage.spec.method == "two_layers" and second is None:
        text += "   (no second layer: it needs two folds, time, and room below the limit)"
    return text if one is None else f"{text}   distilled {one['score']:.4f}"
