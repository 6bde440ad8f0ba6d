"""Small tables and populations for the tests of training."""

from pathlib import Path

import numpy as np
import torch
from sklearn import datasets

from components.core.contracts import Candidate, Fold
from components.core.deadlines import NEVER
from components.core.table import ColumnSchema, Schema, Table
from components.networks.mlp import MLP
from components.networks.network import Inputs
from components.training.batches import Resident
from components.training.population import Population, Row, group
from components.training.spec import TrainingSpec
from components.training.structure import structure


def never():
    return False


def resident(*, num_rows=97, num_inputs=7, num_classes=3, num_folds=3):
    """Rows whose class is a linear rule; folds of two sizes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(num_folds * num_rows, num_inputs, generator=generator)
    y = x @ torch.randn(num_inputs, max(num_classes, 1), generator=generator)
    fit, sample, scored = [], [], []
    for fold in range(num_folds):
        rows = torch.arange(num_rows) + fold * num_rows
        cut = num_rows // 5 + fold % 2
        scored.append(rows[:cut])
        fit.append(rows[cut:])
        sample.append(rows[cut : 2 * cut])
    return Resident(
        x_M=x,
        y_M=y.argmax(1) if num_classes > 1 else y[:, 0],
        fit=tuple(fit),
        sample=tuple(sample),
        scored=tuple(scored),
    )


def rows_of(num_candidates, num_folds, network, training, vary=True):
    """Rows that differ in dropout and smoothing, too, as in a population of several candidates."""
    return [
        Row(
            candidate=candidate,
            fold=fold,
            seed=candidate * 100 + fold,
            network=MLP(**network | ({"dropout": 0.3 * (candidate % 2)} if vary else {})),
            training=TrainingSpec(**training | ({"label_smoothing": 0.1 * (candidate % 2)} if vary else {})),
        )
        for candidate in range(num_candidates)
        for fold in range(num_folds)
    ]


def begin(rows, data, num_outputs, loss, inputs=None):
    inputs = inputs or Inputs(shape=tuple(data.x_M.shape[1:]))
    return [Population(part[0].network.build(inputs, num_outputs), part, data, loss) for part in group(rows, data)]


def grown(rows, data, num_outputs=3, loss="cross_entropy", inputs=None):
    """Train rows to their end; the models by (candidate, fold)."""
    populations = begin(rows, data, num_outputs, loss, inputs)
    for population in populations:
        assert population.train(10**6, never)
    models = [model for population in populations for model in population.began]
    return {(model.row.candidate, model.row.fold): model for model in models}


def same(one, other):
    """Whether two models are equal to the last bit."""
    return (
        torch.equal(one.best_P, other.best_P)
        and torch.equal(one.best_Q, other.best_Q)
        and one.judgement == other.judgement
        and np.array_equal(one.outputs_nC, other.outputs_nC)
    )


def example(name):
    """One of scikit-learn's tables, as `validate` and `split` would declare it."""
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    numbers = name == "diabetes"
    classes = () if numbers else tuple(sorted(frame["target"].astype(str).unique()))
    columns = [
        ColumnSchema(name=column, kind="numeric", use="feature", missing=False)
        for column in frame.columns
        if column != "target"
    ]
    kind = "numeric" if numbers else "categorical"
    columns.append(ColumnSchema(name="target", kind=kind, use="target", levels=classes or None))
    task = "regression" if numbers else "binary" if len(classes) == 2 else "multiclass"
    schema = Schema(table="sha256:1", task=task, target="target", classes=classes, columns=tuple(columns))
    return Table.of(schema, frame)


def folds_of(table, count):
    parts = np.array_split(np.random.default_rng(0).permutation(table.num_rows), count)
    return [
        Fold(
            number=number,
            fit_rows=np.sort(np.concatenate([part for other, part in enumerate(parts) if other != number])),
            score_rows=np.sort(parts[number]),
        )
        for number in range(count)
    ]


def candidate(number, network=None, training=None, preprocess=None):
    quick = {"loss": "auto", "epochs": 12, "batch_size": 32, "optimizer": {"kind": "adamw", "lr": 0.01}}
    spec = {
        "preprocess": preprocess or {"scale": "standard"},
        "network": {"kind": "mlp", "layers": 1, "width": 16} | (network or {}),
        "training": quick | (training or {}),
    }
    return Candidate(number=number, spec=spec, structure=structure(spec))


def drop_none(step, scores):
    return frozenset()


def evaluated(evaluate, generations, folds, checkpoint: Path, report=drop_none, deadline=NEVER):
    """All outcomes, by number."""
    found = evaluate(iter(generations), folds, report=report, deadline=deadline, checkpoint=checkpoint)
    return {outcome.number: outcome for outcome in found}
