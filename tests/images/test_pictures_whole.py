"""A folder of pictures through all ten stages by the real commands: init, the stages, why, predict, a bundle alone."""

import csv
import json
import shutil

import numpy as np
import pytest
from picture_case import break_some, write_pictures

from components.core.files import read_json, read_parquet
from components.core.table import Schema
from pipelines.cli import main as cli
from pipelines.engine.runner import run_stage
from pipelines.engine.stage import WORDS

SETTINGS = (
    "seconds=none",
    "search.trials=2",
    "search.keep=1",
    "search.training.epochs=2",
    "search.network.blocks=1",
    "search.network.filters=4",
    "boosting.trials=1",
    "boosting.trees.rounds=5",
    "bagging.trees=5",
    "stacking.method=average",
    "split.folds=2",
    "evaluate.resamples=100",
    "augment.brightness={low: 0.0, high: 0.3}",
)


def command(*arguments):
    """Run a command in the current folder; return its exit status."""
    return cli(list(arguments))


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A project whose ten stages have run, with what each of them said."""
    root = tmp_path_factory.mktemp("pictures")
    break_some(write_pictures(root / "photos"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert command("init", "--data", "photos", "--seconds", "60") == 0
        assert command("set", *SETTINGS) == 0
        assert command("check") == 0
        for word in WORDS:
            assert run_stage(word, root) == 0, word
    return root


def test_init_writes_a_project_for_pictures_without_a_target(grown):
    text = (grown / "params.yaml").read_text()
    for line in ("source: photos", "size: 12", "target: label", "rotation: 10", "kind: cnn", "features: pixels"):
        assert line in text
    stages = (grown / "dvc.yaml").read_text()
    assert "      - ${ingest.source}\n" in stages
    assert "      - augment\n" in stages.partition("  search:\n")[2].partition("    outs:")[0]


def test_every_stage_leaves_its_out_and_the_report_shows_pictures(grown):
    assert read_json(grown / "data" / "augment" / "augment.json")["made"] == 0
    assert Schema.read(grown / "data" / "split" / "schema.json").picture == (12, 12, 3)
    trials = read_parquet(grown / "data" / "search" / "trials.parquet")
    assert list(trials["state"]) == ["complete", "complete"]
    assert any(name.startswith("augment.brightness") for name in trials)
    families = {row["family"] for row in read_json(grown / "data" / "stacking" / "stacking.json")["members"]}
    assert families == {"network", "boosting", "extra_trees", "linear"}
    scores = read_json(grown / "data" / "evaluate" / "metrics.json")
    assert scores["rows_test"] == 12
    assert scores["accuracy"] > 0.5
    report = (grown / "data" / "evaluate" / "report.html").read_text()
    assert "3 of 63 pictures cannot be read" in report
    assert "block 1: convolution 3 x 3" in report


def test_changing_the_policy_reruns_the_search_and_not_the_trees(grown):
    from pipelines.engine.dvc_yaml import params_of

    assert "augment" in params_of("search", "image")
    assert "augment" not in params_of("boosting", "image")
    assert "augment" not in params_of("search", "table")


def answers(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_predict_answers_a_folder_with_class_folders_in_order_of_name(grown, monkeypatch, capsys):
    monkeypatch.chdir(grown)
    assert command("predict", "photos", "-o", "out.csv") == 0
    assert "3 pictures cannot be read and get no answer: bar/cut.png (cut off)" in capsys.readouterr().err
    rows = answers(grown / "out.csv")
    assert list(rows[0]) == ["picture", "prediction", "probability_bar", "probability_blob", "probability_cross"]
    names = [row["picture"] for row in rows]
    assert (len(names), names) == (60, sorted(names))
    right = [row["picture"].split("/")[0] == row["prediction"] for row in rows]
    assert np.mean(right) > 0.7
    assert all(abs(sum(float(row[name]) for name in list(row)[2:]) - 1) < 1e-4 for row in rows)


def test_the_bundle_answers_without_the_project(grown, tmp_path, monkeypatch):
    bundle = shutil.copytree(grown / "data" / "export", tmp_path / "model")
    flat = shutil.copytree(grown / "photos" / "cross", tmp_path / "new")
    monkeypatch.chdir(tmp_path)
    assert command("predict", "new", "-o", "out.csv", "--bundle", "model") == 0
    monkeypatch.chdir(grown)
    assert command("predict", "photos", "-o", "out.csv") == 0
    there = {row["picture"].removeprefix("cross/"): row for row in answers(grown / "out.csv")}
    for row in answers(tmp_path / "out.csv"):
        same = there[row["picture"]]
        assert row["probability_cross"] == pytest.approx(same["probability_cross"]) or float(
            row["probability_cross"]
        ) == pytest.approx(float(same["probability_cross"]), abs=1e-6)
    assert len(answers(tmp_path / "out.csv")) == len(list(flat.glob("*.*g")))
    assert sorted(path.name for path in (bundle / "example").iterdir()) == ["disc.png", "noise.png", "ramp.png"]
    assert len(answers(bundle / "example_answer.csv")) == 3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("photos/blob/notes.txt", "is no picture, and this model answers pictures"),
        ("photos/bar/empty.jpg", "holds no picture that can be read: empty.jpg (0 bytes)"),
        ("nowhere", "there is no such file"),
    ],
)
def test_what_cannot_be_answered_is_explained(grown, monkeypatch, capsys, asked, message):
    monkeypatch.chdir(grown)
    assert command("predict", asked, "-o", "no.csv") == 2
    assert message in capsys.readouterr().err


def test_why_names_votes_and_pictures_alike(grown, monkeypatch, capsys):
    monkeypatch.chdir(grown)
    assert command("why", "1") == 0
    out = capsys.readouterr().out
    assert "In the table label is bar" in out
    assert "Train rows most like it" in out
    assert "Columns that moved it" not in out


def test_predictions_are_those_of_the_stage(grown):
    """Scores of the test rows follow from the exported model: the stage and the bundle see the same pixels."""
    from components.project.families import load_bundle

    bundle = load_bundle(grown / "data" / "export")
    frame = bundle.predict_pictures(grown / "photos").set_index("picture")
    table = read_parquet(grown / "data" / "ingest" / "table.parquet")
    rows = read_parquet(grown / "data" / "split" / "rows.parquet")
    tested = rows["row"][rows["part"] == 1]
    right = frame.loc[table["picture"][tested], "prediction"].to_numpy() == table["label"][tested]
    assert right.mean() == pytest.approx(read_json(grown / "data" / "evaluate" / "metrics.json")["accuracy"], abs=1e-5)


def test_copies_are_written_fitted_on_and_never_scored(grown, tmp_path, monkeypatch):
    root = tmp_path / "copied"
    shutil.copytree(grown, root, ignore=shutil.ignore_patterns(".espalier", "search", "boosting", "bagging"))
    monkeypatch.chdir(root)
    assert command("set", "augment.brightness=0.2", "augment.copies=1") == 0
    assert run_stage("augment", root) == 0
    facts = json.loads((root / "data" / "augment" / "augment.json").read_text())
    assert facts["made"] == 48
    made = np.load(root / "data" / "augment" / "made_image.npy")
    assert made.shape == (48, 12, 12, 3)
    sources = read_parquet(root / "data" / "augment" / "made_rows.parquet")["source"]
    real = np.load(root / "data" / "ingest" / "image.npy")[sources]
    assert (made != real).reshape(48, -1).any(axis=1).all()
    assert run_stage("bagging", root) == 0
    for path in (root / "data" / "bagging" / "members" / "linear").glob("oof-*.parquet"):
        assert read_parquet(path)["rows"].max() < 60


def test_a_range_with_copies_is_a_mistake_that_says_so(grown, monkeypatch, capsys):
    monkeypatch.chdir(grown)
    assert command("set", "augment.copies=2") == 2
    assert "augment.brightness is a range, but with augment.copies above 0" in capsys.readouterr().err
