"""The stages evaluate and export behind the real stages before them, with linear members alone.

No network and no booster was finished, as after a run that was stopped early: everything must still be whole.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.augmentation.spec import AugmentSpec
from components.core.ranges import Group
from components.data.ingest import IngestSpec
from components.data.splits import SplitSpec
from components.data.validation import ValidateSpec
from components.ensembles.bagging import BaggingSpec
from components.ensembles.stacking import StackingSpec
from components.evaluation.spec import EvaluateSpec
from components.project.families import loaders
from components.search.outcome_tables import write_search_out
from components.search.result import SearchResult
from components.search.spec import SearchSettings
from components.serving.bundle import load_bundle
from components.serving.spec import ExportSpec
from pipelines.augment import augment
from pipelines.bagging import bagging
from pipelines.engine.stage import Stage
from pipelines.evaluate import evaluate
from pipelines.export import export
from pipelines.ingest import ingest
from pipelines.split import split
from pipelines.stacking import stacking
from pipelines.validate import validate


def nothing_found(stage: Stage) -> str:
    table = json.loads((stage.root / "data" / "ingest" / "ingest.json").read_text())["table"]
    result = SearchResult(
        trials=(),
        kept=(),
        ended_by="stopped",
        repeatable=False,
        num_score_folds=3,
        greater_is_better=True,
        closed=(),
        front=(),
    )
    write_search_out(
        stage.out, stage.word, result, space=Group(fields={}), settings=SearchSettings(), table=table, metric="roc_auc"
    )
    return ""


def grow(root: Path, source: str, target: str, **split_settings) -> dict[str, str]:
    stages = {
        "ingest": (ingest, IngestSpec(source=source)),
        "validate": (validate, ValidateSpec(target=target)),
        "split": (split, SplitSpec(folds=3, **split_settings)),
        "augment": (augment, AugmentSpec()),
        "search": (nothing_found, None),
        "boosting": (nothing_found, None),
        "bagging": (bagging, BaggingSpec(members=("linear",))),
        "stacking": (stacking, StackingSpec()),
        "evaluate": (evaluate, EvaluateSpec(resamples=100)),
        "export": (export, ExportSpec()),
    }
    lines = {}
    for word, (function, spec) in stages.items():
        out = root / "data" / word
        out.mkdir(parents=True)
        also = {"evaluate": stages["evaluate"][1]} if word == "export" else {}
        lines[word] = function(Stage(word=word, root=root, spec=spec, out=out, also=also))
    return lines


@pytest.mark.parametrize(
    ("source", "target", "settings"),
    [
        ("iris", "species", {}),
        ("diabetes", "progression", {"by": "random", "test": 0.0}),
        ("breast_cancer", "diagnosis", {}),
    ],
)
def test_from_the_source_to_answers(tmp_path, source, target, settings):
    lines = grow(tmp_path, f"example:{source}", target, **settings)
    out = tmp_path / "data" / "evaluate"
    tested = settings.get("test") != 0.0
    assert ("no test" in lines["evaluate"]) is not tested
    scores = json.loads((out / "scores.json").read_text())
    assert scores["facts"]["judged_on"] == ("test" if tested else "folds")
    assert [one["name"] for one in scores["members"]] == ["ensemble", "linear"]
    assert scores["members"][1]["refit_rows"] == scores["facts"]["rows_train"]
    assert scores["network"] == []
    page = (out / "report.html").read_text()
    assert "No network was finished." in page
    assert str(tmp_path) not in page + (out / "scores.json").read_text()

    bundle = load_bundle(tmp_path / "data" / "export", loaders())
    frame = pd.read_parquet(tmp_path / "data" / "ingest" / "table.parquet")
    answers = bundle.predict(frame.sample(frac=1, random_state=0)).sort_index()
    rows = pd.read_parquet(tmp_path / "data" / "split" / "rows.parquet")
    test_rows = rows["row"][rows["part"] == 1].to_numpy()
    if tested:
        right = answers["prediction"].to_numpy()[test_rows] == frame[target].astype(str).to_numpy()[test_rows]
        assert scores["scores"]["ensemble"]["accuracy"]["value"] == pytest.approx(right.mean(), abs=1e-6)
    else:
        assert len(test_rows) == 0
        assert np.isfinite(answers["prediction"]).all()


def test_the_same_tree_gives_the_same_bytes(tmp_path):
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        grow(tmp_path / name, "example:iris", "species")
    for path in (
        "evaluate/metrics.json",
        "evaluate/scores.json",
        "evaluate/plots/calibration.csv",
        "export/bundle.json",
    ):
        first, again = (tmp_path / name / "data" / path for name in ("first", "again"))
        assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("test", [0.2, 0.0])
def test_a_tree_in_order_of_time(tmp_path, test):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 3))
    when = pd.date_range("2025-01-01", periods=240, freq="D").astype(str)
    frame = pd.DataFrame({"when": when, "a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
    frame["y"] = np.where(x[:, 0] + 0.5 * rng.normal(size=240) > 0, "up", "down")
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "t.csv", index=False)
    lines = grow(tmp_path, str(tmp_path / "t.csv"), "y", by="time", column="when", test=test)
    scores = json.loads((tmp_path / "data" / "evaluate" / "scores.json").read_text())
    assert scores["facts"]["split_by"] == "time"
    assert not [one for one in scores["worries"] if one["word"] in ("leakage", "groups", "time", "uneven_folds")]
    rows = pd.read_parquet(tmp_path / "data" / "split" / "rows.parquet")
    never_scored = int(((rows["part"] == 0) & (rows["fold"] == -1)).sum())
    judged = 48 if test else 240 - never_scored
    assert never_scored == (48 if test else 60)
    assert scores["score"]["rows"] == judged
    assert f"on {judged} rows" in lines["evaluate"]
    assert scores["score"]["value"] > 0.8
