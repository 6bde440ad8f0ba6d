"""boosting: gradient-boosted trees, tuned by the same search as networks; the best are kept with their folds."""

from components.core.contracts import JSON
from components.ensembles.boosting import start_points
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.project.space import space_of
from components.search.spec import SearchSettings
from pipelines.engine.searching import grow_by_search
from pipelines.engine.stage import Stage
from pipelines.engine.train_rows import open_train_rows


def boosting(stage: Stage) -> str:
    """Tune boosters on the folds of data/split, completed by data/augment; write the search-like out."""
    train_rows = open_train_rows(stage)
    spec = stage.spec
    evaluate = BoosterEvaluate(
        table=train_rows.table,
        metric=train_rows.metric,
        seed=stage.seed,
        cores=stage.cores,
        stopping=spec.early_stopping,
        preprocess_of=spec.preprocess_of,
    )
    return grow_by_search(
        stage,
        train_rows,
        space=space_of(spec),
        settings=SearchSettings(trials=spec.trials, seconds=spec.seconds, keep=spec.keep, pruner="none"),
        evaluate=evaluate,
        structure=_alone,
        portfolio=start_points(train_rows.table.schema.task),
        noun="booster",
    )


def _alone(spec: JSON) -> str:
    """Boosters share nothing while they grow: one structure for all."""
    return "xgboost"
