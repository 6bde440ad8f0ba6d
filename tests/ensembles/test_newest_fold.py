"""After a split by time a member answers new rows with its newest fold alone; out-of-fold predictions stay whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stage_case import no_search, run

from components import metrics
from components.core.contracts import Member
from components.core.files import read_json
from components.core.predictions import read_member_oof
from components.core.table import Schema, Table
from components.data.splits import read_folds
from components.ensembles.newest_fold import newest_fold_only
from components.ensembles.stacking import load_ensemble
from components.project.families import loaders

NUM_ROWS = 600


def turning_table() -> pd.DataFrame:
    """Rows in order of time whose truth turns from one column to another."""
    rng = np.random.default_rng(3)
    x_NF = rng.normal(size=(NUM_ROWS, 4))
    angle_N = np.linspace(0, 0.6 * np.pi, NUM_ROWS)
    y_N = 4 * (x_NF[:, 0] * np.cos(angle_N) + x_NF[:, 1] * np.sin(angle_N)) + rng.normal(size=NUM_ROWS)
    return pd.DataFrame(x_NF, columns=list("abcd")).assign(day=np.arange(NUM_ROWS), y=y_N)


@pytest.fixture(scope="module")
def by_time(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("by_time")
    turning_table().to_csv(root / "rows.csv", index=False)
    for word, settings in {
        "ingest": {"source": str(root / "rows.csv")},
        "validate": {"target": "y", "on_error": "warn"},
        "split": {"by": "time", "column": "day", "folds": 3},
        "augment": {},
        "bagging": {"members": ["extra_trees", "linear"], "refit": False},
        "boosting": {"trials": 1, "keep": 1, "refit": 0},
    }.items():
        run(root, word, **settings)
    no_search(root)
    run(root, "stacking", method="two_layers")
    return root / "data"


def test_the_ensemble_holds_the_newest_fold_of_every_member(by_time: Path) -> None:
    member = load_ensemble(by_time / "stacking", loaders())
    names = {one.name for one in member.members}
    assert "second_layer" in names
    for name in names:
        folder = by_time / "stacking" / "members" / name
        assert [path.name for path in folder.glob("fold-*.json")] == ["fold-2.json"]
        assert read_json(folder / "member.json")["folds"] == [2]
    counted = {one["name"]: one["cost"] for one in read_json(by_time / "stacking" / "stacking.json")["members"]}
    assert {one.name: one.cost() for one in member.members} == {name: counted[name] for name in names}


def test_out_of_fold_predictions_of_all_folds_stay(by_time: Path) -> None:
    for one in load_ensemble(by_time / "stacking", loaders()).members:
        assert sorted(set(one.oof.fold_n.tolist())) == [0, 1, 2]
    (name,) = read_json(by_time / "boosting" / "boosting.json")["members"]
    before = read_member_oof(by_time / "boosting" / "members" / name)
    (after,) = [one.oof for one in load_ensemble(by_time / "stacking", loaders()).members if one.name == name]
    np.testing.assert_array_equal(before.rows_n, after.rows_n)
    np.testing.assert_array_equal(before.values_nC, after.values_nC)


@pytest.mark.parametrize("stage", ["bagging", "boosting"])
def test_where_the_truth_turns_the_newest_fold_is_better_than_the_mean(
    stage: str, by_time: Path, tmp_path: Path
) -> None:
    table = Table.open(Schema.read(by_time / "split" / "schema.json"), by_time / "ingest" / "table.parquet")
    rows, _ = read_folds(by_time / "split")

    def error(member: Any) -> float:
        return float(metrics.get("rmse")(table.target()[rows], member.predict(table, rows)[None])[0])

    for name in read_json(by_time / stage / f"{stage}.json")["members"]:
        folder = by_time / stage / "members" / name
        load = loaders()[read_json(folder / "member.json")["family"]]
        newest_fold_only(folder, tmp_path / name, loaders())
        assert error(load(tmp_path / name)) < 0.97 * error(load(folder)), name


def test_networks_too(grown: Callable[[str, str], Member], tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    member = grown("network", "binary")
    member.save(tmp_path / "all")
    newest_fold_only(tmp_path / "all", tmp_path / "newest", loaders())
    newest = loaders()["network"](tmp_path / "newest")
    folds = len(read_json(tmp_path / "all" / "member.json")["folds"])
    assert folds > 1
    assert newest.cost() * folds == member.cost()
    np.testing.assert_array_equal(newest.oof.values_nC, member.oof.values_nC)
