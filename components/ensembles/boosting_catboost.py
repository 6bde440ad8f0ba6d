"""CatBoost: symmetric trees (one question per level), categories by ordered target statistics.

A missing or unknown level is a level of its own. Sources: the ranges are TabArena's, the start points AutoGluon's
default and two around it. Saved as CatBoost's own format (.cbm) without most of its metadata, which holds the time and
a random id: the rest is the same for the same booster. `leaves` as a number grows trees that are not symmetric.
"""

import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Task
from components.core.lazy import lazy
from components.ensembles.boosting_fit import Asked, CutOff, Grown, Library, Part, Predict, Start

if TYPE_CHECKING:
    import catboost
else:
    catboost = lazy("catboost")

LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
KEPT = {"params", "class_params"}  # of the metadata: what prediction needs
PARTS = {"learn": "train", "validation": "validation"}


def starts(_: Task) -> list[Start]:
    """Quick, the default that others take, and a deeper one."""
    same = {"leaves": "auto", "columns_by_level": 1.0}
    quick = {"learning_rate": 0.1, "max_depth": 5, "subsample": 0.8, "l2": 3.0}
    default = {"learning_rate": 0.05, "max_depth": 6, "subsample": 0.8, "l2": 3.0}
    deeper = {"learning_rate": 0.06, "max_depth": 8, "subsample": 0.9, "l2": 6.0}
    return [{**same, **quick}, {**same, **default}, {**same, **deeper}]


def words(asked: Asked) -> dict[str, Any]:
    """Say the settings in CatBoost's words."""
    trees = asked.trees
    found = {
        "loss_function": LOSSES[asked.task],
        "iterations": trees.most_rounds,
        "learning_rate": trees.learning_rate,
        "depth": trees.max_depth,
        "bootstrap_type": "Bernoulli",
        "subsample": trees.subsample,
        "rsm": trees.columns_by_level,
        "l2_leaf_reg": trees.l2,
        "border_count": trees.max_bins - 2,  # 254 borders are 255 bins, and one for what is missing
        "one_hot_max_size": trees.one_hot,
        "boosting_type": "Plain",
        "random_seed": asked.seed % 2**31,
        "thread_count": 1,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }
    if trees.leaves != "auto":
        found |= {"grow_policy": "Lossguide", "max_leaves": trees.leaves}
    if any(asked.signs):
        found["monotone_constraints"] = list(asked.signs)
    if asked.task == "multiclass":
        found["classes_count"] = asked.num_outputs
    return found


def grow(asked: Asked, fit: Part, scored: Part | None, cut_off: CutOff) -> Grown | None:
    """Grow until the scored part's loss has not fallen for `patience` rounds; None when `cut_off` said so first."""
    watch = _Watch(cut_off)
    settings, judges = words(asked), {}
    if scored is not None:
        settings |= {"od_type": "Iter", "od_wait": asked.patience, "use_best_model": True}
        judges = {"eval_set": catboost.Pool(columns_of(scored[0]), scored[1])}
    booster = catboost.CatBoost(settings)
    try:
        train = catboost.Pool(columns_of(fit[0]), fit[1])
        booster.fit(train, callbacks=[watch], **judges)
    except catboost.CatBoostError as error:
        raise ValueError(str(error)) from error
    if watch.was_cut_off:
        return None
    losses = booster.get_evals_result()
    return Grown(
        content=_bytes_of(booster),
        rounds=booster.tree_count_,
        levels=asked.trees.levels(None if asked.trees.leaves == "auto" else asked.trees.leaves),
        curves={PARTS[part]: np.array(losses[part][LOSSES[asked.task]], dtype=np.float32) for part in losses},
    )


def read(content: bytes) -> Predict:
    """Return what predicts with a saved booster."""
    booster = catboost.CatBoost()
    booster.load_model(blob=content)
    kind = "Probability" if "class_params" in set(booster.get_metadata().keys()) else "RawFormulaVal"

    def predict(features: Features) -> NDArray[Any]:
        rows = max(1, len(features.numeric_NF))  # CatBoost writes to the screen when there is none
        answers = np.asarray(booster.predict(columns_of(features, rows), prediction_type=kind, thread_count=1))
        return (answers[:, 1] if answers.ndim == 2 and answers.shape[1] == 2 else answers)[: len(features.numeric_NF)]

    return predict


def columns_of(features: Features, rows: int | None = None) -> Any:
    """Return the columns as CatBoost takes them: float32 and, as bytes, the codes; at least `rows` rows, the last 0."""
    missing = ((0, max(0, (rows or 0) - len(features.numeric_NF))), (0, 0))
    numbers_NF, codes_NG = np.pad(features.numeric_NF, missing), np.pad(features.codes_NG, missing)
    names = np.array([str(code).encode() for code in range(max(features.num_codes_G, default=1))], dtype=object)
    return catboost.FeaturesData(
        num_feature_data=np.ascontiguousarray(numbers_NF) if numbers_NF.shape[1] else None,
        cat_feature_data=names[codes_NG] if codes_NG.shape[1] else None,
    )


def _bytes_of(booster: Any) -> bytes:
    metadata = booster.get_metadata()
    for key in set(metadata.keys()) - KEPT:
        del metadata[key]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "booster.cbm"
        booster.save_model(str(file), format="cbm")
        return file.read_bytes()


class _Watch:
    """Asks the clock after every round."""

    def __init__(self, cut_off: CutOff) -> None:
        self.was_cut_off = False
        self._cut_off = cut_off

    def after_iteration(self, _: Any) -> bool:
        """Return whether to go on."""
        self.was_cut_off = self._cut_off()
        return not self.was_cut_off


LIBRARY = Library(
    word="catboost",
    ending="cbm",
    lacks=frozenset({"min_child_weight", "columns", "columns_by_node", "l1"}),
    ranges=MappingProxyType(
        {
            "max_depth": {"low": 4, "high": 8},
            "leaves": "auto",
            "subsample": {"low": 0.7, "high": 1.0},
            "columns_by_level": {"low": 0.85, "high": 1.0},
        }
    ),
    starts=starts,
    grow=grow,
    read=read,
)
