"""The table of all metrics: name -> what it is called in a sentence, which way is better, for which task.

A metric is data around one formula, so a new one is one line here and one function beside. All of them keep the same
manners (the contract suite in tests/metrics holds them to it): K models in one call, weights, NaN for a model that
predicts something that is no finite number, NaN for no rows at all, and a documented value in every other corner.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Task
from components.core.errors import UserMistake, did_you_mean
from components.metrics import confusion, log_loss, regression, roc_auc

Needs = Literal["probability", "label", "value"]
Formula = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.float64]]
OfWeights = Callable[[NDArray[Any]], NDArray[np.float64]]
Even = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]]


@dataclass(kw_only=True, eq=False)
class Score:
    """One metric: `components.core.contracts.Metric` around a formula (truth_n, values_KnC, weight_n) -> [K]."""

    name: str
    title: str  # as it is written in a sentence
    greater_is_better: bool
    needs: Needs
    tasks: tuple[Task, ...]
    formula: Formula
    prepared: Callable[[NDArray[Any], NDArray[Any]], OfWeights] | None = None  # where most work needs no weights
    even: Even | None = None  # where there is a quicker way for rows that all count the same

    def __call__(
        self, truth_n: NDArray[Any], values_KnC: NDArray[np.float32], weight_n: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Score K models on the same n rows: [K]; NaN for a model with a value that is not finite, or without rows."""
        is_even = weight_n is None and len(truth_n) > 0 and values_KnC.dtype == np.float32
        if is_even and self.even is not None and np.isfinite(values_KnC).all():
            return self.even(truth_n, values_KnC)
        return self.on(truth_n, values_KnC)(np.ones(len(truth_n)) if weight_n is None else weight_n)

    def on(self, truth_n: NDArray[Any], values_KnC: NDArray[np.float32]) -> OfWeights:
        """Return what scores these rows under any weights, for who asks a thousand times (bootstrap)."""
        assert values_KnC.shape[1:2] == truth_n.shape, "truth is [n], values are [K, n, C]"
        finite_K = np.isfinite(values_KnC).all(axis=(1, 2))
        finite_KnC = values_KnC if finite_K.all() else values_KnC[finite_K]
        score = partial(self.formula, truth_n, finite_KnC) if not self.prepared else self.prepared(truth_n, finite_KnC)

        def scored(weight_n: NDArray[Any]) -> NDArray[np.float64]:
            scores_K = np.full(len(values_KnC), np.nan)
            if weight_n.sum() > 0:
                scores_K[finite_K] = score(weight_n.astype(np.float64))
            return scores_K

        return scored


BOTH: tuple[Task, ...] = ("binary", "multiclass")


def _score(
    name: str, title: str, formula: Formula, needs: Needs, tasks: tuple[Task, ...], *, less: bool = False, **more: Any
) -> Score:
    return Score(name=name, title=title, greater_is_better=not less, needs=needs, tasks=tasks, formula=formula, **more)


_ALL = (
    _score("accuracy", "accuracy", confusion.accuracy, "label", BOTH),
    _score("balanced_accuracy", "balanced accuracy", confusion.balanced_accuracy, "label", BOTH),
    _score("precision", "precision", confusion.averaged("precision", "event"), "label", BOTH),
    _score("recall", "recall", confusion.averaged("recall", "event"), "label", BOTH),
    _score("f1", "F1", confusion.averaged("f1", "event"), "label", BOTH),
    _score("precision_macro", "precision (macro)", confusion.averaged("precision", "macro"), "label", BOTH),
    _score("recall_macro", "recall (macro)", confusion.averaged("recall", "macro"), "label", BOTH),
    _score("f1_macro", "F1 (macro)", confusion.averaged("f1", "macro"), "label", BOTH),
    _score("precision_weighted", "precision (weighted)", confusion.averaged("precision", "weighted"), "label", BOTH),
    _score("recall_weighted", "recall (weighted)", confusion.averaged("recall", "weighted"), "label", BOTH),
    _score("f1_weighted", "F1 (weighted)", confusion.averaged("f1", "weighted"), "label", BOTH),
    _score(
        "roc_auc",
        "ROC AUC",
        roc_auc.roc_auc,
        "probability",
        BOTH,
        prepared=roc_auc.roc_auc_of,
        even=roc_auc.roc_auc_even,
    ),
    _score("log_loss", "log loss", log_loss.log_loss, "probability", BOTH, less=True),
    _score("brier", "Brier score", log_loss.brier, "probability", BOTH, less=True),
    _score("mse", "MSE", regression.mse, "value", ("regression",), less=True),
    _score("rmse", "RMSE", regression.rmse, "value", ("regression",), less=True),
    _score("mae", "MAE", regression.mae, "value", ("regression",), less=True),
    _score("r2", "R2", regression.r2, "value", ("regression",)),
)
METRICS = {metric.name: metric for metric in _ALL}

_AUTO: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
_SAME_AS_MACRO = ("precision", "recall", "f1")  # what these names mean for more than two classes


def get(name: str) -> Score:
    """Return the metric of this name; a `UserMistake` names the nearest one."""
    if name not in METRICS:
        nearest = did_you_mean(name, METRICS) or f"One of: {', '.join(METRICS)}."
        raise UserMistake(f"metric is '{name}', not the name of a metric. {nearest}")
    return METRICS[name]


def names(task: Task) -> tuple[str, ...]:
    """Return the metrics of a task as a report lists them, none twice under two names."""
    return tuple(name for name in optimisable(task) if task != "multiclass" or name not in _SAME_AS_MACRO)


def optimisable(task: Task) -> tuple[str, ...]:
    """Return all names that may stand after `metric:` for this task."""
    return tuple(metric.name for metric in _ALL if task in metric.tasks)


def auto(task: Task) -> str:
    """Return what `metric: auto` means: roc_auc for two classes, log_loss for more, rmse for numbers."""
    return _AUTO[task]


def resolve(word: str, task: Task) -> Score:
    """Return the metric that `metric: <word>` means for a task; a `UserMistake` when it scores another kind of task."""
    metric = get(auto(task) if word == "auto" else word)
    if task not in metric.tasks:
        raise UserMistake(
            f"metric is '{word}', which does not score a {task} task. One of: auto, {', '.join(optimisable(task))}."
        )
    return metric
