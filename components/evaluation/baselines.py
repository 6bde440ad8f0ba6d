"""What the ensemble must beat: a dummy that looks at no column, and the plain linear model anybody tries first.

The dummy says the shares of the classes, or the mean. The linear model is scikit-learn's logistic regression or ridge
with its own defaults on standardised columns, categories as `encode: auto` has them: nothing about it is tuned, so it
is a fair "without Espalier". (The tuned linear member of `bagging` is another one.) Both are fitted anew here and saved
nowhere.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.table import Table
from components.data.preprocessing.images import PixelFeatures
from components.data.preprocessing.pipeline import build
from components.data.preprocessing.spec import BaggingPreprocess

MOST_ROWS, MOST_PICTURES = 100_000, 4000  # that the linear baseline is fitted on: it is to be quick
MOST_NUMBERS = 2_000_000  # rows times classes, with that
BASELINES = ("linear_baseline", "dummy_baseline")  # in the order of the table of scores


def title(name: str, task: str) -> str:
    """Return what a baseline is called in a sentence."""
    if name == "dummy_baseline":
        return "guessing"
    if name == "default":
        return "the default configuration"
    return "linear regression" if task == "regression" else "logistic regression"


def predict_dummy(table: Table, fit_rows: NDArray[np.int64], num_rows: int) -> NDArray[np.float32]:
    """Return the class shares or the mean of the fit rows, once per row: [num_rows, C]."""
    truth = table.target()[fit_rows]
    if table.schema.task == "regression":
        answer = np.array([truth.mean()])
    else:
        answer = np.bincount(truth, minlength=table.schema.num_outputs) / len(truth)
    return np.tile(answer.astype(np.float32), (num_rows, 1))


def predict_linear(table: Table, fit_rows: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Fit the plain linear model on `fit_rows` and predict `rows`: [len(rows), C]."""
    from sklearn.linear_model import LogisticRegression, Ridge

    most = MOST_ROWS if table.schema.picture is None else MOST_PICTURES
    most = min(most, MOST_NUMBERS // table.schema.num_outputs)
    fit_rows = fit_rows[:: -(-len(fit_rows) // most)]
    preprocessor, inputs = build(_inputs(table), table.schema).fit_transform(table, fit_rows)
    inputs_NF = inputs.numeric_NF.astype(np.float64)
    asked_NF = preprocessor.transform(table, rows).numeric_NF.astype(np.float64)
    truth: NDArray[Any] = table.target()[fit_rows]
    if table.schema.task == "regression":
        return Ridge().fit(inputs_NF, truth).predict(asked_NF).astype(np.float32)[:, None]
    values = np.zeros((len(rows), table.schema.num_outputs), dtype=np.float32)
    present = np.unique(truth)
    if len(present) == 1:
        values[:, present[0]] = 1.0
        return values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "did not converge": it is a baseline, as far as it came
        values[:, present] = LogisticRegression(max_iter=300).fit(inputs_NF, truth).predict_proba(asked_NF)
    return values


def _inputs(table: Table) -> BaggingPreprocess | PixelFeatures:
    """Standardised columns; of pictures the pixels."""
    if table.schema.picture is not None:
        return PixelFeatures()
    return BaggingPreprocess(scale="standard", encode="auto")


def dummy_loss(table: Table, rows: NDArray[np.int64]) -> float:
    """Return the loss of guessing in the unit of learning curves: cross-entropy, or 1 for a standardised target."""
    if table.schema.task == "regression":
        return 1.0
    shares = predict_dummy(table, rows, 1)[0].astype(np.float64)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
