"""Grown members, once for all tests of this folder: growing is the slow part."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ensemble_case import folds_of, table_of

from components import metrics
from components.core.contracts import Candidate, Member
from components.core.deadlines import NEVER
from components.ensembles.bagging import BaggingSpec, grow_bagging
from components.ensembles.boosting import BoosterStopping
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.ensembles.boosting_member import load_booster

NUM_ROWS = 150


def grow_boosters(task: str, folder: Path, *, library: str = "xgboost", cores: int = 1, **trees: object) -> Member:
    table = table_of(task, NUM_ROWS)
    evaluate = BoosterEvaluate(
        table=table,
        metric=metrics.resolve("auto", table.schema.task),
        seed=1,
        cores=cores,
        stopping=BoosterStopping(patience=5),
    )
    spec = {"trees": {"kind": library, "rounds": 30, **trees}, "preprocess": {}}
    candidate = Candidate(number=7, spec=spec, structure=library)
    outcomes = evaluate(
        iter([[candidate]]),
        folds_of(NUM_ROWS),
        report=lambda step, scores: frozenset(),
        deadline=NEVER,
        checkpoint=folder,
    )
    (outcome,) = outcomes
    assert outcome.state == "complete", outcome.cause
    return load_booster(folder / "00007")


def grow_bags(task: str, *, cores: int = 1) -> dict[str, Member]:
    table = table_of(task, NUM_ROWS)
    bagged = grow_bagging(
        BaggingSpec(members=("random_forest", "extra_trees", "linear", "nearest_neighbours"), trees=25, refit=False),
        table,
        folds_of(NUM_ROWS),
        metric=metrics.resolve("auto", table.schema.task),
        seed=1,
        cores=cores,
        deadline=NEVER,
    )
    return {member.name: member for member in bagged.members}


def grow_networks(task: str, folder: Path) -> Member:
    """What one worker of the network search does, without a process around it."""
    from components.training.evaluate import begin
    from components.training.member import load_network
    from components.training.tasks import Task, Work

    table = table_of(task, NUM_ROWS)
    resting = folder / "resting"
    resting.mkdir()
    work = Work(
        table=table,
        folds=tuple(folds_of(NUM_ROWS)),
        metric=metrics.resolve("auto", table.schema.task).name,
        seed=1,
        device="cpu",
        deadline=NEVER,
        checkpoint=folder,
        resting=resting,
    )
    spec = {
        "preprocess": {"scale": "standard"},
        "network": {"kind": "mlp", "layers": 1, "width": 16},
        "training": {"epochs": 15, "batch_size": 32, "optimizer": {"kind": "adamw", "lr": 0.03}},
    }
    answer = begin(work)(Task(candidates=(Candidate(number=3, spec=spec, structure="mlp"),), until=None)).by_number[3]
    assert answer.outcome.state == "complete", answer.outcome.cause
    return load_network(folder / "00003")


Grown = Callable[[str, str], Member]


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """Return a member of a family for a task; the same one for all tests."""
    known: dict[tuple[str, str], Member] = {}

    def of(family: str, task: str) -> Member:
        if (family, task) not in known and family.startswith("boosting"):  # boosting, boosting.lightgbm, ...
            library = family.partition(".")[2] or "xgboost"
            known[family, task] = grow_boosters(task, tmp_path_factory.mktemp("booster"), library=library)
        if (family, task) not in known and family == "network":
            known[family, task] = grow_networks(task, tmp_path_factory.mktemp("network"))
        if (family, task) not in known:
            known.update({(name, task): member for name, member in grow_bags(task).items()})
        return known[family, task]

    return of
