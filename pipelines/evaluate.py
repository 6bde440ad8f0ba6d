"""The stage evaluate: the only one that sees the test rows. Scores, plots, and the report.

Three parts: `judge` turns models and rows into numbers, `complete` adds what the other stages found out and the
sentences, `render` shows it. What a clock measured (speed, times, why a search ended) goes into the page alone.
"""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from components import metrics
from components.core.contracts import Member
from components.core.files import read_json, write_json, write_text
from components.core.table import Schema, Table
from components.data.splits import read_folds
from components.ensembles.ensemble_member import EnsembleMember
from components.ensembles.second_layer import SecondLayer
from components.evaluation.baselines import dummy_loss
from components.evaluation.complete import complete, headline, with_endings
from components.evaluation.honesty import honesty_of
from components.evaluation.judge import Case, judge
from components.evaluation.layout import Scores
from components.evaluation.material import (
    Material,
    diagnosis_of,
    network_table,
    read_endings,
    read_material,
    searched_facts,
)
from components.evaluation.plot_tables import write_plots
from components.evaluation.remembered import Remembered
from components.evaluation.report.contact_sheet import sheet_of
from components.evaluation.report.page import render
from components.evaluation.report.view import View, errors_alike, histograms_of, parts_of, worst_rows
from components.evaluation.words import both
from components.project.families import loaders
from components.search.first_point import default_folder
from pipelines.engine import ledger
from pipelines.engine.answering import answering
from pipelines.engine.stage import WORDS, Stage

MOST_TIMED_ROWS = 1000
PARETO = ("what", "members", "score", "cost", "bytes", "front")  # without milliseconds: a clock may not reach an out
BOOSTERS = ("xgboost", "xgboost-cpu", "lightgbm", "catboost")
LIBRARIES = ("espalier-automl", "torch", *BOOSTERS, "scikit-learn", "optuna", "numpy")


def evaluate(stage: Stage) -> str:
    """Judge the ensemble of data/stacking; write metrics.json, scores.json, plots/ and report.html."""
    folders = {word: stage.input(word) for word in WORDS[: WORDS.index("evaluate")]}
    material = read_material(folders)
    case = open_case(stage, material)
    scores = complete(judge(case), told(stage, case, material, folders))
    write_json(stage.out / "metrics.json", headline(scores))
    write_json(stage.out / "scores.json", scores)
    (stage.out / "plots").mkdir()
    write_plots(stage.out / "plots", scores, material, case.judged.truth_n, case.judged.called()[0])
    write_text(stage.out / "report.html", render(_view(stage, case, material, scores)))
    where = f"{scores['score']['rows']} {case.table.schema.noun}s" + (
        "" if case.judged_on == "test" else " out of fold, no test"
    )
    return f"{case.metric.title} {both(scores['score'])} on {where}"


def open_case(stage: Stage, material: Material) -> Case:
    """Load the ensemble, the table and the rows."""
    schema: Schema = material.schema
    assert schema.table == material.stacking["table"] == material.ingest["table"], "outs of different tables"
    test_rows, folds = read_folds(stage.input("split"))
    ensemble = loaders()["ensemble"](stage.input("stacking"))
    assert isinstance(ensemble, EnsembleMember)
    ensemble = remembering(ensemble)
    return Case(
        table=Table.open(schema, stage.input("ingest") / "table.parquet"),
        ensemble=ensemble,
        members={member.name: member for member in ensemble.members},
        threshold=stage.spec.threshold_for(schema.task, ensemble.threshold),
        default=_default(stage, ensemble),
        folds=folds,
        test_rows=test_rows,
        metric=metrics.resolve(stage.metric, schema.task),
        spec=stage.spec,
        seed=stage.seed,
    )


def remembering(ensemble: EnsembleMember) -> EnsembleMember:
    """Return the ensemble with members that remember their last answer: asked for it and alone, they work once."""
    known: dict[str, Member] = {}
    for one in ensemble.members:
        if isinstance(one, SecondLayer):
            known[one.name] = replace(one, first=tuple(known[seen.name] for seen in one.first))
        else:
            known[one.name] = Remembered(member=one)
    return replace(ensemble, members=tuple(known.values()))


def _default(stage: Stage, ensemble: EnsembleMember) -> Member | None:
    """Return what boosting began with, else what search began with: the first start point, trained like any trial."""
    for word in ("boosting", "search"):
        folder = default_folder(stage.input(word))
        if folder is not None:
            described = read_json(folder / "member.json")
            known = [member for member in ensemble.members if member.name == described["name"]]
            return known[0] if known else loaders()[described["family"]](answering(stage, folder))
    return None


def told(stage: Stage, case: Case, material: Material, folders: Mapping[str, Path]) -> dict[str, Any]:
    """Return the part of scores.json that other stages know (form: `components/evaluation/layout.py`)."""
    best = material.searches["search"].members[:1]
    better = case.metric.greater_is_better
    return {
        "made_from": dict(stage.made_from),
        "facts": _facts(stage, case, material),
        "members": [_member(row, folders) for row in material.stacking["members"]],
        "ensemble": {"cost": case.ensemble.cost(), "bytes": _bytes(folders["stacking"] / "members")},
        "diagnosis": diagnosis_of(material, dummy_loss(case.table, case.train_rows)),
        "network": network_table(folders["search"] / "members" / best[0], material.schema) if best else [],
        "findings": list(material.findings),
        "honesty": honesty_of(material, greater_is_better=better),
        "pareto": [{key: one[key] for key in PARETO} for one in material.stacking["pareto"]],
        "searched": {
            word: searched_facts(found, greater_is_better=better) for word, found in material.searches.items()
        },
    }


def _facts(stage: Stage, case: Case, material: Material) -> dict[str, Any]:
    schema = material.schema
    return {
        "default": None if case.default_there is None else case.default_there.name,
        "threshold_by": "params" if stage.spec.threshold != "auto" else "folds",
        "source": material.ingest["source"],
        "target": schema.target,
        "task": schema.task,
        "classes": list(schema.classes),
        "event": schema.classes[1] if schema.task == "binary" else None,
        "metric": case.metric.name,
        "title": case.metric.title,
        "greater_is_better": case.metric.greater_is_better,
        "table": schema.table,
        "seed": stage.seed,
        "rows": material.ingest["rows"],
        "rows_train": len(case.train_rows),
        "rows_test": len(case.test_rows),
        "columns": len(schema.features),
        "folds": len(case.folds),
        "split_by": material.split["by"],
        "noun": schema.noun,
        "judged_on": case.judged_on,
        "interval": stage.spec.interval,
        "resamples": stage.spec.resamples,
    }


def _member(row: Mapping[str, Any], folders: Mapping[str, Path]) -> dict[str, Any]:
    kept = ("name", "family", "stage", "fold_scores", "score", "cost")
    copy = folders["stacking"] / "members" / row["name"]  # what answers new rows; those without weight have none
    folder = copy if copy.exists() else folders[row["stage"]] / "members" / row["name"]
    weight = row["weight"] if row["weight"] > 0 else None
    refit_rows = read_json(folder / "member.json").get("facts", {}).get("refit_rows")
    return {**{key: row[key] for key in kept}, "weight": weight, "bytes": _bytes(folder), "refit_rows": refit_rows}


def _bytes(folder: Path) -> int:
    """Bytes that predicting needs: without the out-of-fold predictions."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("oof-")]
    return sum(path.stat().st_size for path in files)


def _view(stage: Stage, case: Case, material: Material, scores: Scores) -> View:
    counts, missing = histograms_of(case)
    lines = ledger.last_by_stage(stage.root)
    return View(
        scores=with_endings(scores, read_endings(stage.studies)),
        material=material,
        truth_n=case.judged.truth_n,
        values_nC=case.judged.values_KnC[0],
        histograms=counts,
        missing=missing,
        parts=parts_of(case),
        worst=worst_rows(case),
        alike=errors_alike(case),
        sheet=sheet_of(case, stage.input("search") / "members", material.searches["search"].members),
        ms_per_row=_milliseconds(case),
        ms_of_members={one.name: one.ms_per_row for one in case.members.values() if isinstance(one, Remembered)},
        times=[(word, lines[word].seconds) for word in WORDS if word in lines and word not in ("evaluate", "export")],
        grown=datetime.now().astimezone().strftime("%d %b %Y %H:%M").lstrip("0"),
        cores=os.cpu_count(),
        versions=_versions(),
    )


def _milliseconds(case: Case) -> float:
    """Time one call for up to 1000 rows, as a user would ask them."""
    rows = case.rows[:MOST_TIMED_ROWS]
    asked = case.table.taken(rows)
    began = time.perf_counter()
    case.ensemble.predict(asked)
    return 1000 * (time.perf_counter() - began) / len(rows)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
