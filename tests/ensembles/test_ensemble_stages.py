"""The stages boosting, bagging and stacking on real small tables: their outs, their bytes, their predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from stage_case import no_search, run

from components import metrics
from components.core.deadlines import Deadline
from components.core.errors import EspalierError
from components.core.files import hash_folder, read_json, read_parquet, write_json
from components.core.table import Schema, Table
from components.data.splits import read_folds
from components.ensembles.stacking import load_ensemble
from components.project.families import loaders
from pipelines.engine.stage import Progress


def grow(root: Path) -> Path:
    for word in ("ingest", "validate", "split", "augment", "bagging", "boosting"):
        run(root, word)
    no_search(root)
    run(root, "stacking")
    return root / "data"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grow(tmp_path_factory.mktemp("project"))


def test_clean_runs_leave_the_same_bytes(data: Path, tmp_path: Path) -> None:
    again = grow(tmp_path)
    for word in ("bagging", "boosting", "stacking"):
        assert hash_folder(data / word) == hash_folder(again / word), word


def test_what_boosting_writes(data: Path) -> None:
    out = data / "boosting"
    facts = read_json(out / "boosting.json")
    assert facts["trials"] == 3
    assert len(facts["members"]) == 2
    assert {path.name for path in (out / "members").iterdir()} == set(facts["members"])
    trials = read_parquet(out / "trials.parquet")
    for library, params in (("lightgbm", ("leaves", "columns")), ("xgboost", ("max_depth", "columns_by_level"))):
        assert {f"trees.{library}.{word}" for word in ("learning_rate", "subsample", "l2", *params)} <= trials.keys()
    assert list(trials["trees"]) == ["lightgbm", "xgboost", "lightgbm"], "each comes early"
    assert trials["trees.xgboost.max_depth"][1] == 5, "known strong points first, the quick one before the others"
    assert list(trials["state"]) == ["complete"] * 3


def test_what_bagging_writes(data: Path) -> None:
    out = data / "bagging"
    facts = read_json(out / "bagging.json")
    assert (facts["members"], facts["trees"]) == (["random_forest", "extra_trees", "linear"], 25)
    note = read_json(data.parent / ".espalier" / "studies" / "bagging.json")
    assert note["ended_by"] == "trees"


def test_no_clock_no_path_no_date_in_an_out(data: Path) -> None:
    for path in (path for word in ("bagging", "boosting", "stacking") for path in (data / word).rglob("*.json")):
        text = path.read_text()
        assert str(data.parent) not in text
        assert not {"seconds", "time", "date", "started", "duration"} & set(json.loads(text)), path


def test_what_stacking_writes(data: Path) -> None:
    out = data / "stacking"
    facts = read_json(out / "stacking.json")
    assert len(facts["members"]) == 5
    assert {member["stage"] for member in facts["members"]} == {"boosting", "bagging"}
    scores = [member["score"] for member in facts["members"]]
    assert scores == sorted(scores), "log loss: the least is the best"
    assert facts["score"] <= scores[0]
    used = {member["name"] for member in facts["members"] if member["weight"] > 0}
    assert {path.name for path in (out / "members").iterdir()} == used
    assert Schema.read(out / "schema.json").table == facts["table"]
    described = read_json(out / "member.json")
    assert (described["score"], described["fold_scores"]) == (facts["score"], facts["fold_scores"])


def test_the_ensemble_predicts_test_rows(data: Path) -> None:
    member = load_ensemble(data / "stacking", loaders())
    schema = Schema.read(data / "stacking" / "schema.json")
    table = Table.open(schema, data / "ingest" / "table.parquet")
    rows, _ = read_folds(data / "split")
    values = member.predict(table, rows)
    assert metrics.get("accuracy")(table.target()[rows], values[None])[0] > 0.85
    frame = table.raw(rows).drop(columns=schema.target)
    np.testing.assert_array_equal(member.predict(Table.of(schema, frame)), values)


def test_progress_is_told(data: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    (tmp_path / "data").mkdir()
    for word in ("ingest", "split", "augment"):
        (tmp_path / "data" / word).symlink_to(data / word)
    line = run(tmp_path, "bagging", told=told, members=["linear"])
    assert line.startswith("1 member   best ")
    assert [(progress.done, progress.total) for progress in told] == [(done, 4) for done in (1, 2, 3, 4)]


def test_nothing_in_time_is_said(tmp_path: Path) -> None:
    for word in ("ingest", "validate", "split", "augment"):
        run(tmp_path, word)
    run(tmp_path, "boosting", deadline=Deadline.after(0.0))
    assert read_json(tmp_path / "data" / "boosting" / "boosting.json")["members"] == []
    no_search(tmp_path)
    write_json(tmp_path / "data" / "bagging" / "bagging.json", {"members": []})
    with pytest.raises(EspalierError, match="no member was finished in time"):
        run(tmp_path, "stacking")


def test_regression_from_end_to_end(tmp_path: Path) -> None:
    for word, settings in {
        "ingest": {"source": "example:diabetes"},
        "validate": {"target": "progression"},
        "split": {"by": "random"},
        "augment": {},
        "bagging": {},
        "boosting": {},
    }.items():
        run(tmp_path, word, **settings)
    no_search(tmp_path)
    line = run(tmp_path, "stacking")
    facts = read_json(tmp_path / "data" / "stacking" / "stacking.json")
    assert facts["score"] <= min(member["score"] for member in facts["members"]) * (1 + 1e-6)
    assert line.startswith(facts["method"])
