"""Every command that looks at a grown project, and what leads out of it: the bundle, the cures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from whole_project import SOURCE, TARGET, Project

from pipelines.engine.stage import WORDS


def test_the_bundle_predicts_elsewhere_in_the_order_of_the_rows(grown: Project, tmp_path: Path) -> None:
    model = shutil.copytree(grown.root / "data" / "export", tmp_path / "model")
    table = pd.read_csv(grown.root / SOURCE).sample(frac=1.0, random_state=0)
    there_and_back = pd.concat([table, table[::-1]])
    there_and_back.drop(columns=TARGET).to_csv(tmp_path / "rows.csv", index=False)
    words = ("espalier", "predict", "rows.csv", "-o", "answers.csv", "--bundle", model.name)
    assert "356 rows answered" in grown.do(*words, cwd=tmp_path)
    answers = pd.read_csv(tmp_path / "answers.csv")
    classes = ["class_0", "class_1", "class_2"]
    probabilities = answers[[f"probability_{name}" for name in classes]].to_numpy()
    assert list(answers) == ["prediction", *(f"probability_{name}" for name in classes)]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(probabilities, probabilities[::-1], atol=1e-6)
    assert answers["prediction"].tolist() == [classes[place] for place in probabilities.argmax(axis=1)]
    assert (answers["prediction"].to_numpy() == there_and_back[TARGET].to_numpy()).mean() > 0.9


def test_the_bundle_answers_its_own_example_as_it_says(grown: Project, tmp_path: Path) -> None:
    export = grown.root / "data" / "export"
    grown.look("predict", str(export / "example.csv"), "-o", str(tmp_path / "answer.parquet"))
    answer = pd.read_parquet(tmp_path / "answer.parquet")
    expected = pd.read_csv(export / "example_answer.csv")
    pd.testing.assert_frame_equal(answer, expected, check_dtype=False, rtol=1e-5)


def test_leaderboard(grown: Project) -> None:
    said = grown.look("leaderboard")
    assert all(name in said for name in ("ensemble", "linear", "random_forest", "extra_trees", "lightgbm-", "mlp-"))
    board = json.loads(grown.look("leaderboard", "--json", "--limit", "100"))
    scores = {row["name"]: row["score"] for row in board["rows"]}
    assert board["metric"] == "log_loss"
    everyone = [row["score"] for row in board["rows"]]  # a trial of the search and one of boosting share a number
    assert everyone == sorted(everyone)
    members = [row["score"] for row in board["rows"] if row["kept"] and row["name"] != "ensemble"]
    assert scores["ensemble"] <= min(members)


def test_why(grown: Project, more_boosters: Project) -> None:
    said = grown.do("espalier", "why", "search")
    assert "search is up to date." in said
    assert "it has never run" in said
    said = more_boosters.do("espalier", "why", "boosting")
    assert "boosting.trials  2 -> 3  (params.yaml, line" in said
    assert "after boosting" in more_boosters.do("espalier", "why", "stacking")
    assert "Did you mean" in grown.look("why", "stakcing", status=2)
    said = grown.look("why", "3")
    assert "Row 3 is answered" in said
    assert "Train rows most like it" in said
    assert "rows 1 to" in grown.look("why", "100000", status=2)


def test_explain_check_list_fix(grown: Project) -> None:
    assert all(word in grown.look("explain") for word in WORDS)
    assert "6" in grown.look("explain", "search.trials")
    assert "log_loss" in grown.look("explain", "metric")
    assert "no mistakes" in grown.look("check")
    assert "components/ensembles/boosting.py" in grown.look("list")
    assert "No finding has a cure" in grown.look("fix")


def test_report(grown: Project) -> None:
    lines = grown.look("report", "--text").strip().splitlines()
    assert len(lines) == 5
    assert f"{TARGET} in {SOURCE}: 178 rows" in lines[0]
    assert "on 36 rows that nothing was trained or chosen on" in lines[1]
    assert "| ensemble |" in grown.look("report", "--md")
    page = (grown.root / "data" / "evaluate" / "report.html").read_text()
    assert len(page) < 5_000_000
    assert "36 rows" in page


def test_params_short_and_full_are_the_same_file(project: Project) -> None:
    file = project.root / "params.yaml"
    before = file.read_text()
    project.look("params", "--short")
    assert len(file.read_text().splitlines()) < 30
    project.look("check")
    assert project.look("params") == before
    project.look("params", "--full")
    assert file.read_text() == before


def test_pin_has_nothing_to_write_where_counts_decided(grown: Project) -> None:
    before = (grown.root / "params.yaml").read_text()
    assert "Counts decide now" in grown.look("pin")
    assert (grown.root / "params.yaml").read_text() == before


def test_a_leak_stops_the_run_keeps_the_model_and_is_cured_by_one_word(project: Project) -> None:
    table = pd.read_csv(project.root / SOURCE)
    table["bottled_as"] = table[TARGET].str.replace("class_", "label ")
    table.to_csv(project.root / SOURCE, index=False)
    model = project.files("data/export")
    said = project.do("espalier", "run", status=2)
    assert "bottled_as alone predicts cultivar" in said
    assert "validate.drop: [bottled_as]" in said
    assert "Your last model in data/export is as it was." in said
    assert project.files("data/export") == model
    assert "+   drop: [bottled_as]" in project.look("fix", "leakage")
    project.do("dvc", "repro", "validate")
    findings = json.loads((project.root / "data" / "validate" / "findings.json").read_text())
    assert "leakage" not in json.dumps(findings)


def test_a_mistake_in_params_starts_nothing(project: Project) -> None:
    file = project.root / "params.yaml"
    file.write_text(file.read_text().replace("pruner: halving", "pruner: halvin"))
    said = project.do("espalier", "run", status=2)
    assert "search.pruner" in said
    assert "halving" in said
    assert project.grew() == []
