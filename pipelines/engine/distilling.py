"""Distillation: one network or booster that imitates the ensemble, trained by those who train all others.

Its settings are those of the best network (or booster) that the tree kept, so nothing is searched: it learns from the
ensemble's out-of-fold answers (`components/ensembles/soft_labels.py`) on the same folds, and is scored by the truth.
Networks see several copies of a row in an epoch and get so many fewer epochs: as many steps as their model had.

The answers that it learns from come from models that have seen the fold which scores it: its score is a little
flattering. The test rows in the report are not.
"""

import shutil
from pathlib import Path
from typing import Any

from components.core.contracts import JSON, Candidate, Evaluate, Fold, Metric, Predictions
from components.core.errors import UserMistake
from components.core.files import read_json
from components.core.table import Schema, Table
from components.ensembles.soft_labels import COPIES, soft_folds, write_soft_rows
from pipelines.engine.stage import Stage

SOURCE = {"network": "search", "boosting": "boosting"}
LEAST_EPOCHS = 4


def distilled(stage: Stage, schema: Schema, folds: list[Fold], oof: Predictions, metric: Metric) -> Path:
    """Train the one model; return its member folder, outside the outs. Raises UserMistake where it cannot be."""
    word = SOURCE[stage.spec.distill]
    spec = _settings(stage, word, schema)
    scratch = stage.studies / "distill"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    stored = stage.input("ingest") / "table.parquet"
    sources = write_soft_rows(scratch / "made.parquet", stored, schema, oof, stage.seed)
    table = Table.open(schema, stored, scratch / "made.parquet")
    evaluate = _network(stage, table, metric) if word == "search" else _booster(stage, table, metric)
    candidate = Candidate(number=0, spec=spec, structure=_structure(spec, word), protected=True)
    outcomes = evaluate(
        iter([[candidate]]),
        soft_folds(folds, sources, table.num_real),
        report=lambda step, scores: frozenset(),
        deadline=stage.deadline,
        checkpoint=scratch / "checkpoint",
    )
    outcome = next(iter(list(outcomes)), None)
    if outcome is None or outcome.folder is None:
        why = "the seconds ended first" if outcome is None else f"it failed ({outcome.cause})"
        raise UserMistake(
            f"stacking.distill is {stage.spec.distill}, but {why}. Give more seconds, or: "
            "espalier set stacking.distill=none"
        )
    return outcome.folder


def _settings(stage: Stage, word: str, schema: Schema) -> JSON:
    """Return the settings of the best model that the branch kept."""
    if schema.picture is not None:
        raise UserMistake("stacking.distill imitates ensembles of tables alone: espalier set stacking.distill=none")
    kept = read_json(stage.input(word) / f"{word}.json")["members"]
    if not kept:
        noun = stage.spec.distill if word == "search" else "booster"
        raise UserMistake(
            f"stacking.distill is {stage.spec.distill}, but {word} kept no {noun} whose settings could be taken. Give "
            f"{word} more seconds, or: espalier set stacking.distill=none"
        )
    spec: dict[str, Any] = dict(read_json(stage.input(word) / "members" / kept[0] / "member.json")["spec"])
    if word == "search" and schema.task != "regression":
        training = dict(spec["training"])
        training["epochs"] = max(min(LEAST_EPOCHS, training["epochs"]), training["epochs"] // COPIES)
        spec["training"] = training
    return spec


def _structure(spec: JSON, word: str) -> str:
    if word == "boosting":
        return "alone"
    from components.training.structure import structure

    return structure(spec)


def _network(stage: Stage, table: Table, metric: Metric) -> Evaluate:
    from components.training.evaluate import NetworkEvaluate

    return NetworkEvaluate(table, metric, seed=stage.seed, cores=stage.cores, device=stage.device)


def _booster(stage: Stage, table: Table, metric: Metric) -> Evaluate:
    from components.ensembles.boosting import BoosterStopping
    from components.ensembles.boosting_evaluate import BoosterEvaluate

    return BoosterEvaluate(table=table, metric=metric, seed=stage.seed, cores=stage.cores, stopping=BoosterStopping())
