"""Grow one booster on one fold: settings to XGBoost's words, early stopping, the deadline. One thread, always.

Categories are handed over as they are: code 0 (missing, or a level that the train rows do not have) becomes XGBoost's
own "missing", for which every split learns a side. Regression learns the standardised target, so that L2 and the
float32 of XGBoost mean the same for house prices and for milligrams; predictions come back in the target's own units.
The round that is kept is the best one on the part that the fold scores, by log loss or squared error whatever the
metric: those are smooth, and the metric judges the finished model.

Legend: n rows, F numeric columns, G coded columns, C outputs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features
from components.core.lazy import lazy
from components.ensembles.boosting import TreesSpec

if TYPE_CHECKING:
    import xgboost
else:
    xgboost = lazy("xgboost")

OBJECTIVES = {
    "binary": {"objective": "binary:logistic", "eval_metric": "logloss"},
    "multiclass": {"objective": "multi:softprob", "eval_metric": "mlogloss"},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A booster cut at its best round, and its losses round by round."""

    ubj: bytes
    rounds: int
    curves: Mapping[str, NDArray[np.float32]]  # train, validation: [all rounds, also those after the best]


def matrix(features: Features) -> NDArray[np.float32]:
    """Lay numbers and codes side by side; missing and unknown are NaN [n, F + G]."""
    codes_NG = features.codes_NG.astype(np.float32) - 1.0
    codes_NG[codes_NG < 0] = np.nan
    return np.hstack([features.numeric_NF, codes_NG])


def column_types(features: Features) -> list[str]:
    """Return XGBoost's word for each column of `matrix`: q is a quantity, c a category."""
    return ["q"] * features.numeric_NF.shape[1] + ["c"] * features.codes_NG.shape[1]


def xgboost_settings(trees: TreesSpec, task: str, num_classes: int, seed: int) -> dict[str, Any]:
    """Say the settings in XGBoost's words."""
    words = {
        **OBJECTIVES[task],
        "learning_rate": trees.learning_rate,
        "max_depth": trees.max_depth,
        "min_child_weight": trees.min_child_weight,
        "subsample": trees.subsample,
        "colsample_bytree": trees.columns,
        "reg_lambda": trees.l2,
        "tree_method": "hist",
        "seed": seed % 2**31,
        "nthread": 1,
        "verbosity": 0,
    }
    return {**words, "num_class": num_classes} if task == "multiclass" else words


def grow(
    settings: Mapping[str, Any],
    fit: tuple[Features, NDArray[Any]],
    scored: tuple[Features, NDArray[Any]],
    *,
    rounds: int,
    patience: int,
    cut_off: Callable[[], bool],
) -> Grown | None:
    """Grow until the scored part's loss has not fallen for `patience` rounds; None when `cut_off` said so first."""
    words = {"feature_types": column_types(fit[0]), "enable_categorical": True, "nthread": 1}
    train = xgboost.QuantileDMatrix(matrix(fit[0]), label=fit[1], **words)
    validation = xgboost.QuantileDMatrix(matrix(scored[0]), label=scored[1], ref=train, **words)
    watch = _watch(cut_off)
    losses: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        dict(settings),
        train,
        rounds,
        evals=[(train, "train"), (validation, "validation")],
        evals_result=losses,
        verbose_eval=False,
        # in this order: xgboost asks until one says stop, and early stopping must have seen the round that is cut off
        callbacks=[xgboost.callback.EarlyStopping(rounds=patience, data_name="validation", save_best=True), watch],
    )
    if watch.was_cut_off:
        return None
    booster.set_attr(best_iteration=None, best_score=None)
    return Grown(
        ubj=bytes(booster.save_raw("ubj")),
        rounds=booster.num_boosted_rounds(),
        curves={part: np.array(losses[part][settings["eval_metric"]], dtype=np.float32) for part in losses},
    )


def _watch(cut_off: Callable[[], bool]) -> Any:
    """Return a callback that asks the clock after every round (made here, so that xgboost is imported only now)."""

    class Watch(xgboost.callback.TrainingCallback):
        was_cut_off = False

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            self.was_cut_off = cut_off()
            return self.was_cut_off

    return Watch()
