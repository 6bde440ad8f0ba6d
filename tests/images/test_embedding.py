"""`features: embedding`: boosting and bagging stand on the search, each fold on the network of that same fold."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ruamel.yaml import YAML

from components.core.errors import UserMistake
from components.core.files import read_json, write_json
from components.core.table import Schema, Table
from components.data.splits import read_folds
from components.project.embedding import fold_embeddings
from components.project.families import loaders
from components.project.lock import current_lock, read_lock
from components.training.member import load_network
from pipelines.cli import main as cli
from pipelines.engine.budget import lanes
from pipelines.engine.dvc_yaml import render
from pipelines.engine.runner import run_stage

SETTINGS = (
    "seconds=none",
    "split.folds=2",
    "split.test=0.5",
    "augment={}",
    "search.trials=1",
    "search.training.optimizer={kind: adamw, lr: 0.01}",
    "search.training.batch_size=16",
    "search.network.blocks=1",
    "search.network.filters=8",
    "search.training.epochs=3",
    "boosting.trials=1",
    "boosting.trees.rounds=15",
    "bagging.members=[extra_trees, linear, nearest_neighbours]",
    "bagging.trees=10",
    "evaluate.resamples=100",
)
BEFORE = ("ingest", "validate", "split", "augment")


def command(*words):
    return cli(list(words))


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A project of digits whose branches have grown on embeddings, by real commands in the order of the tree."""
    root = tmp_path_factory.mktemp("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert command("init", "--data", "example:digits", "--seconds", "60") == 0
        assert command("set", *SETTINGS, "boosting.features=embedding", "bagging.features=embedding") == 0
        assert command("check") == 0
        for word in (*BEFORE, "search", "boosting", "bagging", "stacking", "export"):
            assert run_stage(word, root) == 0, word
    return root


def test_dvc_grows_them_after_the_search_in_one_lane(grown):
    asked = (
        "import json; from pathlib import Path; from pipelines.engine.plan import make_plan;"
        "plan = make_plan(Path(), stage='', force=False, parallel=3, total_cores=12);"
        "print(json.dumps([[step.word, step.upstream, plan.after[step.word]] for step in plan.steps]), plan.cores)"
    )
    ran = subprocess.run([sys.executable, "-c", asked], cwd=grown, capture_output=True, text=True, check=True)
    told, end = json.JSONDecoder().raw_decode(ran.stdout)
    upstream = {word: set(above) for word, above, _ in told}
    assert upstream["bagging"] == upstream["boosting"] == {"augment", "search"}
    words = [word for word, _, _ in told]
    assert words.index("search") < min(words.index("bagging"), words.index("boosting"))
    assert all("search" in after for word, _, after in told if word in ("bagging", "boosting"))
    assert ran.stdout[end:].count("12") == 3, "one lane: nobody's cores wait for the search"


def test_only_a_tree_that_asks_for_it_has_code_of_networks_in_these_stages(grown):
    assert "torch" not in current_lock()["bagging"]
    lock = current_lock(grown)
    assert "torch" in lock["bagging"]
    assert "torch" in lock["boosting"]
    assert read_lock(grown) == lock, "written when dvc.yaml was brought in step"
    stages = YAML(typ="safe").load(render("repository", "photos", "image", {"bagging": ("search",)}))["stages"]
    assert "components/training" in stages["bagging"]["deps"]
    assert "components/training" not in stages["boosting"]["deps"]


def test_lanes_of_branches_that_wait_for_the_search():
    assert lanes(3, 12, frozenset({"bagging"})) == ((("boosting",), 4), (("search", "bagging"), 8))
    assert lanes(2, 8, frozenset({"boosting"})) == ((("bagging",), 1), (("search", "boosting"), 7))
    assert lanes(2, 8, frozenset({"bagging", "boosting"})) == ((("search", "bagging", "boosting"), 8),)


def test_each_fold_sees_by_its_own_network(grown):
    data = grown / "data"
    best = read_json(data / "search" / "search.json")["members"][0]
    networks = {fold.number: fold for fold in load_network(data / "search" / "members" / best).folds}
    member = loaders()["linear"](data / "bagging" / "members" / "linear")
    for part in member.parts:
        theirs = networks[part.number].tensors
        assert theirs.keys() == part.preprocessor.tensors.keys()
        for name, tensor in theirs.items():
            np.testing.assert_array_equal(part.preprocessor.tensors[name], tensor)
    first, second = (part.preprocessor.tensors for part in member.parts)
    assert any((first[name] != second[name]).any() for name in first)


def test_out_of_fold_answers_come_from_models_that_have_not_seen_the_row(grown):
    data = grown / "data"
    schema = Schema.read(data / "split" / "schema.json")
    table = Table.open(schema, data / "ingest" / "table.parquet")
    _, folds = read_folds(data / "split")
    for family, stage in (("linear", "bagging"), ("boosting", "boosting")):
        name = read_json(data / stage / f"{stage}.json")["members"][0] if stage == "boosting" else family
        member = loaders()[family](data / stage / "members" / name)
        right = member.oof.values_nC.argmax(axis=1) == table.target()[member.oof.rows_n]
        assert right.mean() > 0.4, "guessing is right in a tenth"
        for part, fold in zip(member.parts, folds, strict=True):
            np.testing.assert_array_equal(np.sort(part.oof.rows_n), np.sort(fold.score_rows))
            np.testing.assert_allclose(part.predict(table, part.oof.rows_n), part.oof.values_nC, atol=1e-5)
        networks = sum(part.preprocessor.cost() for part in member.parts)
        assert member.cost() > networks > 0, "what the networks cost is counted"


def test_the_bundle_answers_without_the_project(grown, tmp_path, monkeypatch):
    """A member holds its networks: with its folder alone pictures are answered; on any number of threads."""
    data = grown / "data"
    table = Table.open(Schema.read(data / "split" / "schema.json"), data / "ingest" / "table.parquet")
    folder = shutil.copytree(data / "bagging" / "members" / "extra_trees", tmp_path / "extra_trees")
    here = loaders()["extra_trees"](folder).predict(table, np.arange(40))
    monkeypatch.chdir(tmp_path)
    there = loaders()["extra_trees"](data / "bagging" / "members" / "extra_trees").predict(table, np.arange(40))
    np.testing.assert_array_equal(here, there)
    rows = np.arange(300)
    one, two = (
        fold_embeddings(data / "search", "bagging", [0, 1], threads).of_fold(0).fit(table, rows).transform(table, rows)
        for threads in (1, 2)
    )
    np.testing.assert_array_equal(one.numeric_NF, two.numeric_NF)
    np.testing.assert_allclose(one.numeric_NF.std(axis=0)[one.numeric_NF.any(axis=0)], 1.0, atol=1e-3)


def test_a_tree_that_does_not_list_the_search_is_refused_and_mended(grown, tmp_path, monkeypatch, capsys):
    root = shutil.copytree(grown, tmp_path / "copy", ignore=shutil.ignore_patterns("boosting", "bagging"))
    monkeypatch.chdir(root)
    assert command("set", "boosting.features=pixels") == 0
    text = (root / "dvc.yaml").read_text()
    assert "data/search" not in text.partition("  boosting:\n")[2].partition("params:")[0]
    params = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(params.replace("features: pixels", "features: embedding", 1))
    capsys.readouterr()
    assert command("check") == 2
    said = capsys.readouterr().out
    assert "dvc.yaml: the deps of boosting" in said
    assert "boosting stands on data/augment, data/search here" in " ".join(said.split())
    assert run_stage("boosting", root) == 2
    assert "boosting stands on data/augment, data/search here" in capsys.readouterr().err
    assert command("check", "--fix") == 0
    assert (root / "dvc.yaml").read_text() == (grown / "dvc.yaml").read_text()


def test_a_search_that_kept_nothing_is_said(grown, tmp_path):
    write_json(tmp_path / "search.json", {"members": []})
    with pytest.raises(UserMistake, match=r"boosting.features is embedding, but search kept no network that has all"):
        fold_embeddings(tmp_path, "boosting", [0, 1], 1)
    with pytest.raises(UserMistake, match="no network that has all folds"):
        fold_embeddings(grown / "data" / "search", "bagging", [0, 1, 2], 1)


def test_another_network_is_another_study(grown):
    """What was grown on one network is not taken for what another one sees."""
    notes = grown / ".espalier" / "studies"
    names = {path.name.rpartition("-")[0] for path in notes.iterdir() if path.is_dir()}
    assert {"bagging", "boosting", "search"} <= names
    records = [json.loads((grown / "data" / word / "out.json").read_text()) for word in ("search", "bagging")]
    assert records[1]["made_from"]["search"] == records[0]["hash"]
