"""search: neural networks, chosen by Optuna, judged on the folds; the best train once more on all rows."""

import shutil
from collections.abc import Sequence
from functools import partial

from components.core.contracts import JSON, Task
from components.core.ranges import Choice, Fixed, Group, IntRange, Node
from components.data.preprocessing.spec import NetworkPreprocess
from components.data.preprocessing.suited import suited
from components.project.kinds import step
from components.project.space import space_of
from components.search.result import SearchResult
from components.training.evaluate import NetworkEvaluate
from components.training.fitting import fitted, precisions
from components.training.refit import Timed, refit, seconds_for
from components.training.spec import TrainingSpec
from components.training.structure import structure
from pipelines.engine.searching import grow_by_search, note_refit, to_refit
from pipelines.engine.stage import Progress, Stage
from pipelines.engine.train_rows import TrainRows, open_train_rows

REFIT_ROWS = 100  # that the folds fit, for each second of each core
LEAST_SILENCE_SECONDS = 15.0  # to start a worker and prepare the folds on a busy machine


def search(stage: Stage) -> str:
    """Search networks on the folds of data/split, completed by data/augment; write the search-like out."""
    train_rows = open_train_rows(stage)
    space = whole_space(stage, train_rows.table.schema.task)
    training = space.fields["training"]
    assert isinstance(training, Group), "one class is one group"
    evaluate = NetworkEvaluate(
        train_rows.table,
        train_rows.metric,
        seed=stage.seed,
        cores=stage.cores,
        device=stage.device,
        race=stage.spec.pruner == "racing",
        hang_seconds=_silence(stage),
        precisions=precisions(training),
        tell=lambda line: stage.tell(Progress(text=line)),
    )
    stage.tell(Progress(text=evaluate.line))
    timed, again = Timed(evaluate), _is_refit(stage, train_rows)
    try:
        told = grow_by_search(
            stage,
            train_rows,
            space=space,
            settings=stage.spec,
            evaluate=timed,
            structure=structure,
            steps=_most_epochs(space),
            times=_times,
            portfolio=step(stage.kind, "start")(train_rows.table.schema.task, train_rows.num_real),
            noun="network",
            refit_seconds=partial(_refit_seconds, stage, train_rows, timed) if again else None,
        )
        note_refit(stage, _refit(stage, train_rows, timed) if again else 0)
        return told
    finally:
        evaluate.close()


def _is_refit(stage: Stage, train_rows: TrainRows) -> bool:
    """Whether time is kept back for a refit: never for pictures, where trees see with what each fold's network learned.

    With many rows and few seconds a quarter of them would end trials that were half done, and yet do for no refit.
    """
    rows = sum(len(fold.fit_rows) for fold in train_rows.folds)
    return getattr(stage.spec, "refit", 0) != 0 and rows <= REFIT_ROWS * stage.deadline.left() * stage.cores


def _refit_seconds(stage: Stage, train_rows: TrainRows, timed: Timed, found: SearchResult) -> float:
    """Return how long it will take to train kept networks again, those that `refit` names and there is time for."""
    most = len(found.kept) if stage.spec.refit == "auto" else stage.spec.refit
    members = [kept.folder for kept in found.kept[:most]]
    return seconds_for(members, timed, train_rows.folds, stage.deadline.left())


def _refit(stage: Stage, train_rows: TrainRows, timed: Timed) -> int:
    """Train the kept networks again on all rows, those for which there is time; return how many."""
    scratch = stage.studies / "refit"
    shutil.rmtree(scratch, ignore_errors=True)
    done = refit(
        timed,
        to_refit(stage),
        train_rows.folds,
        greater_is_better=train_rows.metric.greater_is_better,
        deadline=stage.deadline,
        scratch=scratch,
    )
    shutil.rmtree(scratch, ignore_errors=True)
    return done


def _silence(stage: Stage) -> float:
    """Return how long a trial may give no sign of life: of few seconds it must not take most along."""
    return min(stage.spec.hang_seconds, max(LEAST_SILENCE_SECONDS, stage.deadline.left() / 4))


def whole_space(stage: Stage, task: Task) -> Group:
    """Return the space of the section, and of the sections beside it that decide a network for this kind of data.

    Raises UserMistake where its training does not fit the task.
    """
    beside = {word: section.space() for word, section in stage.also.items()}
    fields = space_of(stage.spec).fields
    training = fields["training"]
    assert isinstance(training, Group), "one class is one group"
    space = Group(fields={**fields, "training": fitted(training, task), **beside})
    return suited(space, task, NetworkPreprocess)


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
