"""What the benchmarks of the search share: a synthetic table, folds, and a space of plain networks."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

from components.core.contracts import Fold
from components.core.ranges import Group
from components.core.table import ColumnSchema, Schema, Table
from components.data.preprocessing.spec import NetworkPreprocess
from components.metrics import get
from components.networks.mlp import MLP
from components.project.space import parse_space
from components.training.spec import TrainingSpec


def table_of(frame: pd.DataFrame, name: str) -> Table:
    """Return a table of numbers with the classes in the column `target`."""
    classes = tuple(sorted(frame["target"].astype(str).unique()))
    columns = [ColumnSchema(name=str(one), kind="numeric", use="feature", missing=False) for one in frame.columns[:-1]]
    columns.append(ColumnSchema(name="target", kind="categorical", use="target", levels=classes))
    task = "binary" if len(classes) == 2 else "multiclass"
    return Table.of(
        Schema(table=name, task=task, target="target", classes=classes, columns=tuple(columns)),
        frame.assign(target=frame["target"].astype(str)),
    )


def split(num_rows: int, count: int, seed: int) -> list[Fold]:
    """Deal rows to folds."""
    parts = np.array_split(np.random.default_rng(seed).permutation(num_rows), count)
    return [
        Fold(
            number=number,
            fit_rows=np.sort(np.concatenate([part for other, part in enumerate(parts) if other != number])),
            score_rows=np.sort(parts[number]),
        )
        for number in range(count)
    ]


def small_case():
    """Breast cancer on two folds."""
    frame = load_breast_cancer(as_frame=True).frame
    table = table_of(frame, "sha256:breast_cancer")
    return table, split(table.num_rows, 2, 0), get("log_loss")


def plain_space(epochs: int, widths: list[int]) -> Group:
    """Plain networks: two to four layers, AdamW, three searched numbers."""
    network = {
        "kind": "mlp",
        "layers": {"low": 2, "high": 4},
        "width": {"choose": widths},
        "activation": "relu",
        "initialization": "he",
        "batch_norm": False,
        "dropout": {"low": 0.0, "high": 0.5},
        "numbers": "plain",
        "front_scale": False,
        "parametrization": "standard",
        "parametric": False,
    }
    training = {
        "epochs": epochs,
        "batch_size": 256,
        "optimizer": {
            "kind": "adamw",
            "lr": {"low": 1.0e-4, "high": 0.1, "log": True},
            "weight_decay": {"low": 1.0e-6, "high": 0.1, "log": True},
        },
        "schedule": "cosine",
        "label_smoothing": 0.0,
        "early_stopping": {"patience": 8, "min_gain": 1.0e-4},
    }
    preprocess = {"scale": "standard"}
    return Group(
        fields={
            "preprocess": parse_space(preprocess, NetworkPreprocess),
            "network": parse_space(network, MLP),
            "training": parse_space(training, TrainingSpec),
        }
    )


def synthetic(num_rows: int, num_columns: int, seed: int) -> pd.DataFrame:
    """Return a table with two classes: a small random network with noise decides."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((num_rows, num_columns)).astype(np.float32)
    hidden = np.tanh(x @ draw.standard_normal((num_columns, 24)) / np.sqrt(num_columns) * 2)
    logit = hidden @ draw.standard_normal(24) * 1.2 + 0.6 * x[:, 0] * x[:, 1]
    target = (draw.random(num_rows) < 1 / (1 + np.exp(-logit))).astype(int)
    frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(num_columns)])
    return frame.assign(target=target)
