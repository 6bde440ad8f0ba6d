"""search: neural networks, chosen by Optuna, trained on the folds; the best are kept with out-of-fold predictions."""

from collections.abc import Sequence

from components.core.contracts import JSON
from components.core.ranges import Choice, Fixed, Group, IntRange, Node
from components.project.space import space_of
from components.training.evaluate import NetworkEvaluate
from components.training.portfolio import start_points
from components.training.spec import TrainingSpec
from components.training.structure import structure
from pipelines.engine.searching import grow_by_search
from pipelines.engine.stage import Stage
from pipelines.engine.train_rows import open_train_rows


def search(stage: Stage) -> str:
    """Search networks on the folds of data/split, completed by data/augment; write the search-like out."""
    train_rows = open_train_rows(stage)
    space = space_of(stage.spec)
    evaluate = NetworkEvaluate(
        train_rows.table,
        train_rows.metric,
        seed=stage.seed,
        cores=stage.cores,
        device=stage.device,
        race=stage.spec.pruner == "racing",
        hang_seconds=stage.spec.hang_seconds,
    )
    try:
        return grow_by_search(
            stage,
            train_rows,
            space=space,
            settings=stage.spec,
            evaluate=evaluate,
            structure=structure,
            steps=_most_epochs(space),
            times=_times,
            portfolio=start_points(train_rows.table.schema.task),
            noun="network",
        )
    finally:
        evaluate.close()


def _times(spec: JSON) -> tuple[int, Sequence[int] | None]:
    """Return a candidate's epochs, and those at which a cycle of its schedule ends: there it may be compared."""
    training = TrainingSpec.model_validate(spec["training"])
    return training.epochs, training.cycle_ends


def _most_epochs(space: Group) -> int:
    """Return the highest value of training.epochs: rungs are counted in epochs of the longest training."""
    training = space.fields["training"]
    assert isinstance(training, Group)
    return _highest(training.fields["epochs"])


def _highest(node: Node) -> int:
    if isinstance(node, Choice):
        return max(_highest(option) for option in node.options)
    assert isinstance(node, Fixed | IntRange), "epochs are whole numbers"
    return int(node.value) if isinstance(node, Fixed) else node.high
