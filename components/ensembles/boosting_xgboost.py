"""XGBoost: hist trees, categories as they are, missing values on the side that each split learns.

Code 0 (missing, or a level that the train rows do not have) becomes XGBoost's own "missing". Sources: the searched
space is TabArena's, the start `default` the tuned default of XGB-TD (Holzmüller et al., pytabkit); published values
that lie outside our ranges (a child weight of 5e-6, no L2) stand at the nearest end. Saved as XGBoost's UBJSON, without
what no answer needs.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Task
from components.core.lazy import lazy
from components.ensembles.boosting_fit import Asked, CutOff, Grown, Library, Part, Predict, Start, matrix

if TYPE_CHECKING:
    import xgboost
else:
    xgboost = lazy("xgboost")

OBJECTIVES = {
    "binary": {"objective": "binary:logistic", "eval_metric": "logloss"},
    "multiclass": {"objective": "multi:softprob", "eval_metric": "mlogloss"},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}
STATISTICS = re.compile(rb"(?:loss_changes|sum_hessian|base_weights)\[\$d#L(.{8})", re.DOTALL)  # and so many float32


def starts(task: Task) -> list[Start]:
    """Quick, the tuned default, and a careful one of many small steps."""
    same = {"leaves": "auto", "l1": 1e-4, "columns_by_level": 1.0}
    quick = {"learning_rate": 0.1, "max_depth": 5, "min_child_weight": 1.0, "subsample": 0.8, "columns": 0.8, "l2": 1.0}
    if task == "regression":
        default = {"learning_rate": 0.05, "max_depth": 9, "min_child_weight": 2.0, "subsample": 0.7, "columns": 1.0}
    else:
        default = {"learning_rate": 0.08, "max_depth": 6, "min_child_weight": 1e-3, "subsample": 0.65, "columns": 1.0}
        default |= {"columns_by_level": 0.9}
    careful = {"learning_rate": 0.03, "max_depth": 4, "min_child_weight": 1.0, "subsample": 0.8, "columns": 0.7}
    return [{**same, **quick}, {**same, "l2": 1e-3, **default}, {**same, "l2": 1.0, **careful}]


def words(asked: Asked) -> dict[str, Any]:
    """Say the settings in XGBoost's words."""
    trees = asked.trees
    found = {
        **OBJECTIVES[asked.task],
        "learning_rate": trees.learning_rate,
        "max_depth": trees.max_depth,
        "min_child_weight": trees.min_child_weight,
        "subsample": trees.subsample,
        "colsample_bytree": trees.columns,
        "colsample_bylevel": trees.columns_by_level,
        "colsample_bynode": trees.columns_by_node,
        "reg_lambda": trees.l2,
        "reg_alpha": trees.l1,
        "max_bin": trees.max_bins,
        "max_cat_to_onehot": trees.one_hot + 1,  # XGBoost's own: fewer than this
        "tree_method": "hist",
        "device": asked.device,
        "seed": asked.seed % 2**31,
        "nthread": 1,
        "verbosity": 0,
    }
    if trees.leaves != "auto":
        found |= {"grow_policy": "lossguide", "max_leaves": trees.leaves}
    if any(asked.signs):
        found["monotone_constraints"] = asked.signs
    if asked.task == "multiclass":
        found["num_class"] = asked.num_outputs
    return found


def grow(asked: Asked, fit: Part, scored: Part | None, cut_off: CutOff) -> Grown | None:
    """Grow until the scored part's loss has not fallen for `patience` rounds; None when `cut_off` said so first."""
    same: Mapping[str, Any] = {
        "feature_types": column_types(fit[0]),
        "enable_categorical": True,
        "nthread": 1,
        "max_bin": asked.trees.max_bins,
    }
    train = xgboost.QuantileDMatrix(matrix(fit[0]), label=fit[1], **same)
    settings, watch = words(asked), _watch(cut_off)
    losses: dict[str, dict[str, list[float]]] = {}
    judges: dict[str, Any] = {"callbacks": [watch]}
    if scored is not None:
        validation = xgboost.QuantileDMatrix(matrix(scored[0]), label=scored[1], ref=train, **same)
        stopping = xgboost.callback.EarlyStopping(rounds=asked.patience, data_name="validation", save_best=True)
        # in this order: xgboost asks until one says stop, and early stopping must have seen the round that is cut off
        judges = {"evals": [(train, "train"), (validation, "validation")], "callbacks": [stopping, watch]}
    booster = xgboost.train(
        settings,
        train,
        asked.trees.most_rounds,
        evals_result=losses,
        verbose_eval=False,
        **judges,
    )
    if watch.was_cut_off:
        return None
    booster.set_attr(best_iteration=None, best_score=None)
    return Grown(
        content=lean(bytes(booster.save_raw("ubj"))),
        rounds=booster.num_boosted_rounds(),
        levels=asked.trees.levels(None if asked.trees.leaves == "auto" else asked.trees.leaves),
        curves={part: np.array(losses[part][settings["eval_metric"]], dtype=np.float32) for part in losses},
    )


def lean(content: bytes) -> bytes:
    """Return a booster's UBJSON with zeros where no answer looks: less than half of the bytes when packed.

    XGBoost wants the statistics there when it reads, so they cannot be left out.
    """
    bare = bytearray(content)
    for found in STATISTICS.finditer(content):
        size = 4 * int.from_bytes(found[1], "big")
        bare[found.end() : found.end() + size] = bytes(size)
    return bytes(bare)


def read(content: bytes) -> Predict:
    """Return what predicts with a saved booster, on the processor."""
    booster = xgboost.Booster({"nthread": 1, "verbosity": 0})
    booster.load_model(bytearray(content))

    def predict(features: Features) -> NDArray[Any]:
        types = column_types(features)
        return booster.predict(
            xgboost.DMatrix(matrix(features), feature_types=types, enable_categorical=True, nthread=1)
        )

    return predict


def column_types(features: Features) -> list[str]:
    """Return XGBoost's word for each column of `matrix`: q is a quantity, c a category."""
    return ["q"] * features.numeric_NF.shape[1] + ["c"] * features.codes_NG.shape[1]


def has_gpu() -> bool:
    """Whether the installed XGBoost can use a GPU (extra `gpu`, not `cpu`)."""
    return bool(xgboost.build_info().get("USE_CUDA", False))


def _watch(cut_off: CutOff) -> Any:
    """Return a callback that asks the clock after every round (made here, so that xgboost is imported only now)."""

    class Watch(xgboost.callback.TrainingCallback):
        was_cut_off = False

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            self.was_cut_off = cut_off()
            return self.was_cut_off

    return Watch()


LIBRARY = Library(
    word="xgboost",
    ending="ubj",
    lacks=frozenset(),
    ranges=MappingProxyType({}),
    starts=starts,
    grow=grow,
    read=read,
)
