"""The stage search between its folders, on iris, with real networks: tiny counts."""

import shutil

import numpy as np
import pytest

from components.core.files import hash_folder, read_json, read_parquet
from components.core.predictions import read_member_oof
from components.data.splits import read_folds
from components.project.params import read_params, section
from components.training.member import load_network
from pipelines.augment import augment
from pipelines.commands.check import offered_starts
from pipelines.engine.stage import Stage
from pipelines.ingest import ingest
from pipelines.search import search
from pipelines.split import split
from pipelines.validate import validate

PARAMS = """\
seconds: none
seed: 0
metric: auto
ingest: {source: "example:iris"}
validate: {target: species}
split: {folds: 2}
augment: {}
search:
  trials: 5
  generation: 4
  keep: 2
  start: [{network: {width: 32}}, {network: {width: 16}}]
  score_folds: 1
  network: {width: {choose: [16, 32]}}
  training: {epochs: 4}
boosting: {trials: 1}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""


def grow(root, word, function, text=PARAMS):
    (root / "params.yaml").write_text(text)
    out = root / "data" / word
    out.mkdir(parents=True)
    told = []
    stage = Stage(
        word=word, root=root, spec=section(read_params(root), word), out=out, cores=1, device="cpu", tell=told.append
    )
    return function(stage), told


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("iris")
    for word, function in (("ingest", ingest), ("validate", validate), ("split", split), ("augment", augment)):
        grow(root, word, function)
    line, told = grow(root, "search", search)
    return root, line, told


def test_the_out_is_whole(project):
    root, line, told = project
    facts = read_json(root / "data" / "search" / "search.json")
    schema = read_json(root / "data" / "split" / "schema.json")
    assert (facts["table"], facts["metric"], facts["trials"], facts["score_folds"]) == (
        schema["table"],
        "log_loss",
        5,
        1,
    )
    trials = read_parquet(root / "data" / "search" / "trials.parquet")
    assert trials["network.mlp.width"][0] == 32
    assert "network" in line
    counted = [progress for progress in told if progress.done is not None]
    assert counted[-1].done == counted[-1].total == 5
    assert told[-1].text == "growing again on all rows, the best of 2 first"
    assert (root / "data" / "search" / "curves.parquet").exists()
    assert "epochs: 4" in (root / "data" / "search" / "space.yaml").read_text()


def test_members_have_predictions_for_all_train_rows(project):
    root, _, _ = project
    names = read_json(root / "data" / "search" / "search.json")["members"]
    assert len(names) == 2
    test_rows, _ = read_folds(root / "data" / "split")
    for name in names:
        folder = root / "data" / "search" / "members" / name
        oof = read_member_oof(folder)
        assert len(oof.rows_n) == 150 - 1 - len(test_rows)  # iris has one copy
        assert len(load_network(folder).folds) == 2


def test_the_kept_are_trained_again_on_all_rows_and_refit_false_leaves_them(project, tmp_path):
    out = project[0] / "data" / "search"
    for name in read_json(out / "search.json")["members"]:
        member = load_network(out / "members" / name)
        assert member.facts["refit_rows"] == len(member.oof.rows_n)
    root = shutil.copytree(project[0], tmp_path / "again")
    shutil.rmtree(root / "data" / "search")
    _, told = grow(root, "search", search, PARAMS.replace("  keep: 2\n", "  keep: 2\n  refit: 0\n"))
    assert any(progress.found == 5 for progress in told), "the same study: no trial was trained again"
    for name in read_json(out / "search.json")["members"]:
        old = load_network(root / "data" / "search" / "members" / name)
        new = load_network(out / "members" / name)
        assert "refit_rows" not in old.facts
        np.testing.assert_array_equal(old.oof.values_nC, new.oof.values_nC)
        part = old.folds[0]
        assert any((part.tensors[key] != new.folds[0].tensors[key]).any() for key in part.tensors)


def test_a_changed_space_begins_anew_and_check_offers_the_best_of_the_one_before(project, tmp_path):
    root, _, _ = project
    (root / "data" / "search").rename(tmp_path / "first")
    changed = (
        PARAMS.replace("start: [{network: {width: 32}}, {network: {width: 16}}]", "start: none")
        .replace("choose: [16, 32]", "choose: [16, 64]")
        .replace("trials: 5", "trials: 2")
    )
    line, _ = grow(root, "search", search, changed)
    assert "of an earlier space still fit: espalier check" in line
    studies = root / ".espalier" / "studies"
    assert len([path for path in studies.iterdir() if path.is_dir()]) == 2
    (doubt,) = offered_starts(root)
    assert doubt.doubt
    assert "- {network: {" in doubt.way_out
    assert "width: 16" in doubt.way_out
    assert "width: 32" not in doubt.way_out
    shutil.rmtree(root / "data" / "search")
    shutil.rmtree(studies / read_json(studies / "search.json")["study"])
    (studies / "search.json").unlink()
    (tmp_path / "first").rename(root / "data" / "search")


def test_the_same_again_and_with_other_counts(project, tmp_path):
    """Another `keep` finds the trials again; another seed starts a study of its own."""
    root, _, _ = project
    before = hash_folder(root / "data" / "search")
    studies = root / ".espalier" / "studies"
    (root / "data" / "search").rename(tmp_path / "first")
    grow(root, "search", search, PARAMS.replace("keep: 2", "keep: 1"))
    assert len(read_json(root / "data" / "search" / "search.json")["members"]) == 1
    (root / "data" / "search").rename(tmp_path / "second")
    grow(root, "search", search)
    assert hash_folder(root / "data" / "search") == before
    assert len([path for path in studies.iterdir() if path.is_dir()]) == 1
