"""Real small tables with real small models behind the contract `Member`: what judge, page and summary are tested on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.core.contracts import Fold, Predictions
from components.core.table import ColumnSchema, Schema, Table
from components.evaluation.honesty import honesty_of
from components.evaluation.judge import Case
from components.evaluation.layout import Scores
from components.evaluation.material import Material, Searched, Trial, searched_facts
from components.evaluation.report.view import View, errors_alike, histograms_of, parts_of, worst_rows
from components.evaluation.spec import EvaluateSpec
from components.metrics import auto, get


def schema_of(frame: pd.DataFrame, target: str, task: str, classes: tuple[str, ...] = ()) -> Schema:
    columns = []
    for name in frame.columns:
        if name == target:
            columns.append(
                ColumnSchema(name=name, kind="numeric" if task == "regression" else "categorical", use="target")
            )
        elif pd.api.types.is_numeric_dtype(frame[name].dtype):
            low, high = float(frame[name].min()), float(frame[name].max())
            columns.append(ColumnSchema(name=name, kind="numeric", use="feature", low=low, high=high))
        else:
            levels = tuple(sorted(frame[name].dropna().unique()))
            columns.append(ColumnSchema(name=name, kind="categorical", use="feature", levels=levels))
    return Schema(table="sha256:0", task=task, target=target, classes=classes, columns=tuple(columns))


@dataclass
class SmallMember:
    """Fold models of scikit-learn on the numeric columns; predicts with their mean."""

    name: str
    family: str
    models: list[Any]
    oof: Predictions
    task: str
    num_outputs: int
    asked: list[int] = field(default_factory=list)

    def predict(self, table: Table, rows: np.ndarray | None = None) -> np.ndarray:
        wanted = np.arange(table.num_rows) if rows is None else rows
        self.asked.append(len(wanted))
        return np.mean([answers(model, inputs(table, wanted), self.task) for model in self.models], axis=0).astype(
            np.float32
        )

    def cost(self) -> int:
        return 1000

    def save(self, folder: Path) -> None:
        raise AssertionError("not saved in these tests")


@dataclass
class Blend:
    """The plain mean of members: a stand-in for the ensemble."""

    members: list[SmallMember]
    name: str = "ensemble"
    family: str = "ensemble"

    @property
    def oof(self) -> Predictions:
        first = self.members[0].oof
        values = np.mean([member.oof.values_nC for member in self.members], axis=0)
        return Predictions(rows_n=first.rows_n, fold_n=first.fold_n, values_nC=values)

    def predict(self, table: Table, rows: np.ndarray | None = None) -> np.ndarray:
        return np.mean([member.predict(table, rows) for member in self.members], axis=0).astype(np.float32)

    def cost(self) -> int:
        return sum(member.cost() for member in self.members)

    def save(self, folder: Path) -> None:
        raise AssertionError("not saved in these tests")


def inputs(table: Table, rows: np.ndarray) -> np.ndarray:
    names = [column.name for column in table.schema.features if column.kind == "numeric"]
    return np.nan_to_num(np.column_stack([table.column(name)[rows] for name in names]))


def answers(model: Any, matrix: np.ndarray, task: str) -> np.ndarray:
    return model.predict(matrix)[:, None] if task == "regression" else model.predict_proba(matrix)


def frame_of(name: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = bunch.data.copy()
    frame.columns = [str(column) for column in frame.columns]
    if name == "diabetes":
        return frame.assign(target=bunch.target), "regression", ()
    words = np.array([str(word) for word in bunch.target_names])
    classes = tuple(sorted(words))
    return frame.assign(target=words[bunch.target]), "binary" if len(classes) == 2 else "multiclass", classes


def make_case(
    name: str = "breast_cancer", *, test: bool = True, seed: int = 0, resamples: int = 200, metric: str = "auto"
) -> Case:
    """Train two small members on one of scikit-learn's own tables, on three folds, and leave a fifth for the test."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame, task, classes = frame_of(name)
    table = Table.of(schema_of(frame, "target", task, classes), frame)
    order = np.random.default_rng(seed).permutation(len(frame))
    num_test = len(frame) // 5 if test else 0
    test_rows, train = np.sort(order[:num_test]), order[num_test:]
    part_of = np.arange(len(train)) % 3
    folds = [
        Fold(number=s, fit_rows=np.sort(train[part_of != s]), score_rows=np.sort(train[part_of == s])) for s in range(3)
    ]

    def linear() -> Any:
        return make_pipeline(StandardScaler(), Ridge(30.0) if task == "regression" else LogisticRegression(C=0.3))

    def forest() -> Any:
        kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
        return kind(20, random_state=seed, min_samples_leaf=3)

    members = [
        fitted(label, family, make, table, folds)
        for label, family, make in (("mlp-7", "network", linear), ("xgboost-3", "boosting", forest))
    ]
    return Case(
        table=table,
        ensemble=Blend(members),
        members={member.name: member for member in members},
        folds=folds,
        test_rows=test_rows.astype(np.int64),
        metric=get(auto(task) if metric == "auto" else metric),
        spec=EvaluateSpec(resamples=resamples),
        seed=seed,
    )


def fitted(label: str, family: str, make: Any, table: Table, folds: list[Fold]) -> SmallMember:
    task = table.schema.task
    models, rows, numbers, values = [], [], [], []
    for fold in folds:
        model = make().fit(inputs(table, fold.fit_rows), table.target()[fold.fit_rows])
        models.append(model)
        rows.append(fold.score_rows)
        numbers.append(np.full(len(fold.score_rows), fold.number, dtype=np.int16))
        values.append(answers(model, inputs(table, fold.score_rows), task))
    order = np.argsort(np.concatenate(rows))
    oof = Predictions(
        rows_n=np.concatenate(rows)[order].astype(np.int64),
        fold_n=np.concatenate(numbers)[order],
        values_nC=np.concatenate(values)[order].astype(np.float32),
    )
    return SmallMember(label, family, models, oof, task, table.schema.num_outputs)


def told_about(case: Case, **others: Any) -> dict[str, Any]:
    """What the other stages would tell, for a case."""
    schema = case.table.schema
    members = []
    for member in case.members.values():
        scores = []
        for fold in case.folds:
            inside = np.isin(member.oof.rows_n, fold.score_rows)
            truth = case.table.target()[member.oof.rows_n[inside]]
            scores.append(float(case.metric(truth, member.oof.values_nC[inside][None])[0]))
        members.append(
            {
                "name": member.name,
                "family": member.family,
                "stage": {"network": "search"}.get(member.family, member.family),
                "score": float(np.mean(scores)),
                "fold_scores": scores,
                "weight": 0.5,
                "cost": member.cost(),
                "bytes": 120_000,
                "refit_rows": None,
            }
        )
    members.sort(key=lambda one: -one["score"] if case.metric.greater_is_better else one["score"])
    facts = {
        "source": "example:breast_cancer",
        "target": schema.target,
        "task": schema.task,
        "classes": list(schema.classes),
        "event": schema.classes[1] if schema.task == "binary" else None,
        "metric": case.metric.name,
        "title": case.metric.title,
        "greater_is_better": case.metric.greater_is_better,
        "table": schema.table,
        "seed": case.seed,
        "rows": case.table.num_rows,
        "rows_train": len(case.train_rows),
        "rows_test": len(case.test_rows),
        "columns": len(schema.features),
        "folds": len(case.folds),
        "split_by": "stratified",
        "noun": schema.noun,
        "judged_on": case.judged_on,
        "default": None if case.default_there is None else case.default_there.name,
        "threshold_by": "folds",
        "interval": case.spec.interval,
        "resamples": case.spec.resamples,
    }
    told = {
        "made_from": {"stacking": "sha256:1"},
        "facts": facts,
        "members": members,
        "ensemble": {"cost": case.ensemble.cost(), "bytes": 240_000},
        "diagnosis": {"word": "fits", "sentence": "It fits well.", "cure": "", "member": "mlp-7", "stage": "search"},
        "network": [{"layer": "hidden 1: linear", "shape": [30, 64], "parameters": 1984}],
        "findings": [],
        "honesty": honesty_of(material_of(case), greater_is_better=case.metric.greater_is_better),
        "pareto": [
            {"what": "best member", "members": ["mlp-7"], "score": 0.95, "cost": 1000, "bytes": 120_000, "front": True},
            {
                "what": "ensemble",
                "members": ["mlp-7", "xgboost-3"],
                "score": 0.96,
                "cost": 2000,
                "bytes": 240_000,
                "front": True,
            },
        ],
        "searched": {
            word: searched_facts(found, greater_is_better=case.metric.greater_is_better)
            for word, found in material_of(case).searches.items()
        },
    }
    return {**told, **others}


def material_of(case: Case) -> Material:
    """What the other stages would have written."""
    rng = np.random.default_rng(case.seed)
    epochs = np.arange(1, 41)
    trials = tuple(
        Trial(
            number=n,
            state="failed" if n == 11 else "pruned" if n % 3 == 2 else "complete",
            cause="diverged" if n == 11 else "",
            message="the loss is <no number>" if n == 11 else "",
            score=None if n == 11 else float(0.9 + 0.1 * rng.random()),
            fold_scores=() if n % 3 == 2 else tuple((0.9 + 0.1 * rng.random(3)).tolist()),
            params={"network.mlp.layers": 2 + n % 3, "training.optimizer.adamw.lr": 0.001 * (n + 1)},
        )
        for n in range(24)
    )
    curve = (np.exp(-epochs / 8) + 0.10).astype(np.float32), (np.exp(-epochs / 8) + 0.14).astype(np.float32)
    closed = ("training.optimizer sgd (9 of 9 diverged)",)
    searched = Searched(trials=trials, curves={7: curve}, members=("mlp-7",), closed=closed)
    schema = case.table.schema
    return Material(
        schema=schema,
        ingest={
            "source": "example:breast_cancer",
            "rows": case.table.num_rows,
            "columns": [c.name for c in schema.columns],
            "table": schema.table,
            "format": "example",
            "bad_rows": 0,
        },
        split={"by": "stratified"},
        augment={"made": 0},
        stacking={
            "table": schema.table,
            "method": "greedy",
            "members": [],
            "score": 0.96,
            "folds": [0, 1, 2],
            "nested": {"score": 0.95, "fold_scores": [0.94, 0.95, 0.96]},
        },
        findings=[],
        searches={"search": searched, "boosting": Searched(trials=trials[:9], curves={}, members=("xgboost-3",))},
    )


def view_of(case: Case, scores: Scores) -> View:
    counts, missing = histograms_of(case)
    return View(
        scores=scores,
        material=material_of(case),
        truth_n=case.judged.truth_n,
        values_nC=case.judged.values_KnC[0],
        histograms=counts,
        missing=missing,
        parts=parts_of(case),
        worst=worst_rows(case),
        alike=errors_alike(case),
        ms_per_row=0.41,
        times=[("ingest", 2.0), ("boosting", 33.0), ("search", 66.0)],
        grown="20 Nov 2026 14:37",
        cores=2,
        versions={"python": "3.11.2"},
    )
