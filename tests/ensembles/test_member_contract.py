"""The contract of `member_contract.py`, run on every family, and on the ensemble of them all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ensemble_case import table_of
from member_contract import CONTRACT, check_predictions_without_the_project, saved

from components import metrics
from components.core.contracts import Member
from components.ensembles.ensemble_member import write_ensemble
from components.ensembles.stacking import StackingSpec, align, choose, load_ensemble
from components.project.families import loaders

TASKS = ("binary", "multiclass", "regression")
FAMILIES = (
    "network",
    "boosting",
    "boosting.lightgbm",
    "boosting.catboost",
    "random_forest",
    "extra_trees",
    "linear",
    "nearest_neighbours",
    "ensemble",
)
Grown = Callable[[str, str], Member]


@pytest.fixture(scope="session")
def member_of(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """Return a member of any of the families; the ensemble is grown from the others."""
    known: dict[str, Member] = {}

    def of(family: str, task: str) -> Member:
        if family != "ensemble":
            return grown(family, task)
        if task not in known:
            known[task] = ensemble_of(grown, task, tmp_path_factory.mktemp("ensemble"))
        return known[task]

    return of


def ensemble_of(grown: Grown, task: str, tmp: Path) -> Member:
    members = [grown(family, task) for family in FAMILIES[:-1]]
    sources = [saved(member, tmp / member.name) for member in members]
    aligned = align([member.oof for member in members])
    table = table_of(task)
    choice = choose(
        StackingSpec(method="linear"),
        aligned,
        table.target()[aligned.rows_n],
        np.array([member.cost() for member in members]),
        metric=metrics.resolve("auto", table.schema.task),
        seed=0,
    )
    folder = tmp / "ensemble"
    folder.mkdir()
    write_ensemble(
        folder,
        method=choice.method,
        combiner=choice.combiner,
        sources=sources,
        oof=choice.oof,
        folds=choice.folds,
        fold_scores=choice.fold_scores,
    )
    return load_ensemble(folder, loaders())


@pytest.mark.parametrize("check_promise", CONTRACT, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_member(
    family: str, task: str, check_promise: Callable[..., None], member_of: Grown, tmp_path: Path
) -> None:
    check_promise(member_of(family, task), loaders()[family.partition(".")[0]], task, tmp_path)


def test_all_members_in_a_fresh_process(member_of: Grown, tmp_path: Path) -> None:
    check_predictions_without_the_project([member_of(family, "binary") for family in FAMILIES], "binary", tmp_path)
