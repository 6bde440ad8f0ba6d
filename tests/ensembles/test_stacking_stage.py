"""The stage stacking on a real small table: two layers, a limit of speed, the Pareto table, distillation, threshold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stage_case import no_search, run

from components import metrics
from components.core.errors import UserMistake
from components.core.files import hash_folder, read_json, write_json
from components.core.table import Schema, Table
from components.data.splits import read_folds
from components.ensembles.stacking import load_ensemble
from components.project.families import load_bundle, loaders


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stages before stacking on a table of two classes."""
    root = tmp_path_factory.mktemp("two_classes")
    for word, settings in {
        "ingest": {"source": "example:breast_cancer"},
        "validate": {"target": "diagnosis"},
        "split": {"folds": 3},
        "augment": {},
        "bagging": {"members": ["extra_trees", "linear"]},
        "boosting": {"trials": 2, "keep": 1},
    }.items():
        run(root, word, **settings)
    no_search(root)
    return root


def stacked(root: Path, into: Path, *, metric: str = "auto", **settings: Any) -> tuple[str, dict[str, Any]]:
    """Run stacking in a project whose other outs are those of `root`."""
    (into / "data").mkdir(parents=True)
    for path in (root / "data").iterdir():
        if path.name not in ("stacking", "export"):
            (into / "data" / path.name).symlink_to(path)
    line = run(into, "stacking", metric=metric, **settings)
    return line, read_json(into / "data" / "stacking" / "stacking.json")


def test_two_layers_from_end_to_end(two_classes: Path, tmp_path: Path) -> None:
    line, facts = stacked(two_classes, tmp_path, method="two_layers", metric="log_loss")
    assert line.startswith("two_layers")
    assert {member["name"] for member in facts["members"]} >= {"second_layer", "extra_trees"}
    out = tmp_path / "data" / "stacking"
    member = load_ensemble(out, loaders())
    schema = Schema.read(out / "schema.json")
    table = Table.open(schema, tmp_path / "data" / "ingest" / "table.parquet")
    rows, _ = read_folds(tmp_path / "data" / "split")
    values = member.predict(table, rows)
    assert metrics.get("accuracy")(table.target()[rows], values[None])[0] > 0.9
    assert hash_folder(out) == hash_folder(stacked_again(two_classes, tmp_path / "again"))


def stacked_again(root: Path, into: Path) -> Path:
    stacked(root, into, method="two_layers", metric="log_loss")
    return into / "data" / "stacking"


def test_a_limit_of_speed_leaves_slow_members_out(two_classes: Path, tmp_path: Path) -> None:
    """The limit is set between what was measured a moment ago for a line and for a forest, far apart."""
    _, free = stacked(two_classes, tmp_path / "free", max_ms_per_row=1000.0)
    ms = {member["name"]: member["ms_per_row"] for member in free["members"]}
    assert free["left_out"] == []
    assert all(value > 0 for value in ms.values())
    assert all(one["ms_per_row"] > 0 for one in free["pareto"])
    with pytest.raises(UserMistake, match="no member is so quick"):
        stacked(two_classes, tmp_path / "none", max_ms_per_row=1e-9)
    limit = (min(ms.values()) * max(ms.values())) ** 0.5
    _, facts = stacked(two_classes, tmp_path / "some", max_ms_per_row=limit)
    assert facts["max_ms_per_row"] == limit
    assert facts["left_out"]
    assert all(one["ms_per_row"] > 0 for one in facts["left_out"])
    assert sum(member["ms_per_row"] for member in facts["members"] if member["weight"]) <= limit
    names = {member["name"] for member in facts["members"]}
    assert names.isdisjoint(one["name"] for one in facts["left_out"])


def test_the_pareto_table_has_the_best_member_and_the_ensemble(two_classes: Path, tmp_path: Path) -> None:
    _, facts = stacked(two_classes, tmp_path)
    lines = facts["pareto"]
    assert (lines[0]["what"], lines[-1]["what"]) == ("best member", "ensemble")
    assert lines[-1]["score"] == facts["score"]
    assert all(one["ms_per_row"] is None and one["bytes"] > 0 and one["cost"] > 0 for one in lines)
    assert any(one["front"] for one in lines)
    sizes = [len(one["members"]) for one in lines[:-1]]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("example", ["two_classes", "numbers"])
def test_a_distilled_booster_is_exported_in_place_of_the_ensemble(
    example: str, two_classes: Path, tmp_path: Path
) -> None:
    root = two_classes
    if example == "numbers":
        root = tmp_path / "root"
        for word, settings in {
            "ingest": {"source": "example:diabetes"},
            "validate": {"target": "progression"},
            "split": {"by": "random", "folds": 3},
            "augment": {},
            "bagging": {"members": ["extra_trees", "linear"]},
            "boosting": {"trials": 1, "keep": 1},
        }.items():
            run(root, word, **settings)
        no_search(root)
    line, facts = stacked(root, tmp_path / "project", distill="boosting", method="greedy")
    one = facts["distilled"]
    assert f"distilled {one['score']:.4f}" in line
    assert facts["pareto"][-1]["what"] == "distilled"
    assert one["family"] == "boosting"
    tried = [member["score"] for member in facts["members"]]
    if example == "two_classes":
        assert one["score"] > min(tried) - 0.02
    else:
        assert one["score"] < 1.1 * max(tried), "the error of a model that learned something"
    run(tmp_path / "project", "export")
    bundle = load_bundle(tmp_path / "project" / "data" / "export")
    assert [member.name for member in bundle.member.members] == [one["name"]]
    assert bundle.facts["score"] == one["score"]


def test_distilling_from_nothing_is_said(two_classes: Path, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="search kept no network whose settings could be taken"):
        stacked(two_classes, tmp_path, distill="network")


def test_a_threshold_set_by_hand_acts_in_the_bundle(two_classes: Path, tmp_path: Path) -> None:
    stacked(two_classes, tmp_path, method="average")
    run(tmp_path, "export", beside={"evaluate": {"threshold": 0.9}})
    answers = called_by_the_bundle(tmp_path, at=0.9)
    assert ((answers > 0.5) & (answers < 0.9)).any()
    assert "from a probability of 0.9 on" in (tmp_path / "data" / "export" / "card.md").read_text()


def called_by_the_bundle(root: Path, at: float) -> np.ndarray:
    """Check that the exported model calls exactly the rows from this probability on; return the probabilities."""
    bundle = load_bundle(root / "data" / "export")
    table = Table.open(bundle.schema, root / "data" / "ingest" / "table.parquet")
    answers = bundle.predict(table.raw(np.arange(table.num_rows)))
    event = answers[f"probability_{bundle.schema.classes[1]}"].to_numpy()
    np.testing.assert_array_equal(answers["prediction"] == bundle.schema.classes[1], event >= at)
    return event


def test_f1_has_a_threshold_that_the_bundle_uses(two_classes: Path, tmp_path: Path) -> None:
    _, facts = stacked(two_classes, tmp_path, metric="f1", method="average")
    out = tmp_path / "data" / "stacking"
    assert read_json(out / "ensemble.json")["threshold"] == facts["threshold"]
    write_json(out / "stacking.json", {**facts, "threshold": 0.9})
    run(tmp_path, "export")
    event = called_by_the_bundle(tmp_path, at=0.9)
    assert ((event > 0.5) & (event < 0.9)).any()
