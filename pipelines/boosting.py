"""boosting: gradient-boosted trees, tuned by the search that tunes networks; the best grow once more on all rows."""

import math
from typing import Any

from components.core.contracts import JSON
from components.core.errors import UserMistake
from components.core.table import Schema
from components.data.preprocessing.pipeline import load
from components.data.preprocessing.spec import TreePreprocess
from components.data.preprocessing.suited import suited
from components.ensembles.boosting import BoostingSettings, Sample, sample_of
from components.ensembles.boosting_device import AT_A_TIME, choose
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.ensembles.boosting_libraries import FIRST, start_points
from components.ensembles.boosting_refit import refit
from components.project.boosting_section import boosting_space, refused_settings
from components.search.spec import SearchSettings
from pipelines.engine.searching import grow_by_search, note_refit, to_refit
from pipelines.engine.seen import embeddings_for
from pipelines.engine.stage import Stage
from pipelines.engine.train_rows import TrainRows, open_train_rows


def boosting(stage: Stage) -> str:
    """Tune boosters on the folds of data/split, completed by data/augment; write the search-like out."""
    train_rows = open_train_rows(stage)
    schema, spec = train_rows.table.schema, stage.spec
    monotone = getattr(spec, "monotone", {})
    _refuse(spec, schema, monotone)
    device = choose(stage.device, spec.libraries)
    sample = _sample(train_rows)
    seen = embeddings_for(stage, train_rows)
    again = spec.refit != 0 and seen is None  # what a fold sees with a network of its own, no other fold can use
    evaluate = BoosterEvaluate(
        table=train_rows.table,
        metric=train_rows.metric,
        seed=stage.seed,
        cores=stage.cores if device == "cpu" else min(AT_A_TIME, stage.cores),
        stopping=spec.early_stopping,
        preprocess_of=spec.preprocess_of if seen is None else lambda candidate: seen,
        load_preprocessor=load if seen is None else seen.load,
        monotone=monotone,
        device=device,
    )
    told = grow_by_search(
        stage,
        train_rows,
        space=suited(boosting_space(spec, sample), schema.task, TreePreprocess),
        settings=SearchSettings(trials=spec.trials, seconds=spec.seconds, keep=spec.keep, pruner="none"),
        evaluate=evaluate,
        structure=_alone,
        portfolio=start_points(spec.libraries, schema.task, sample=sample),
        noun="booster",
        more={} if seen is None else {"seen": seen.digest},
        refit_seconds=(lambda _: math.inf) if again else None,  # not known; what is left over goes to the search
    )
    done = refit(evaluate, to_refit(stage), train_rows.folds, stage.deadline) if again else 0
    note_refit(stage, done)
    return told


def _refuse(spec: BoostingSettings, schema: Schema, monotone: Any) -> None:
    """Raise UserMistake with all that cannot be; `check` says most of it before."""
    found = [f"boosting.{'.'.join(key)} {problem} {way_out}" for key, problem, way_out in refused_settings(spec)]
    if monotone and schema.task == "multiclass":
        found.append(f"boosting.monotone needs two classes or numbers; the target has {len(schema.classes)} classes.")
    features = {column.name: column.kind for column in schema.features}
    for name in monotone:
        if name not in features:
            found.append(f"boosting.monotone.{name} is not a column that trees see. Take it out.")
        elif features[name] not in ("numeric", "boolean"):
            found.append(f"boosting.monotone.{name} is {features[name]}: only numbers rise and fall. Take it out.")
    if found:
        raise UserMistake("\n".join(f"params.yaml: {line}" for line in found))


def _sample(train_rows: TrainRows) -> Sample:
    """Return how many rows make a quick booster on this table: see `sample_of`."""
    schema = train_rows.table.schema
    fewest = min(len(fold.fit_rows) for fold in train_rows.folds)
    height_width = schema.picture or (1,)
    columns = len(schema.features) if schema.picture is None else _product(height_width) // 3
    return sample_of(fewest, columns, schema.num_outputs if schema.task == "multiclass" else 1)


def _product(numbers: tuple[int, ...]) -> int:
    found = 1
    for number in numbers:
        found *= number
    return found


def _alone(spec: JSON) -> str:
    """Boosters share nothing while they grow: one structure for each library."""
    return str(spec["trees"].get("kind", FIRST))
