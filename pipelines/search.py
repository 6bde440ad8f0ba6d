"""search: neural networks, chosen by Optuna, trained on the folds; the best are kept with out-of-fold predictions."""

from components.core.ranges import Choice, Fixed, Group, IntRange, Node
from components.project.space import space_of
from components.search.pruners import rungs
from components.training.evaluate import NetworkEvaluate
from components.training.portfolio import start_points
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
        rungs=rungs(stage.spec.pruner, _most_epochs(space)),
    )
    try:
        return grow_by_search(
            stage,
            train_rows,
            space=space,
            settings=stage.spec,
            evaluate=evaluate,
            structure=structure,
            portfolio=start_points(train_rows.table.schema.task),
            noun="network",
        )
    finally:
        evaluate.close()


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
