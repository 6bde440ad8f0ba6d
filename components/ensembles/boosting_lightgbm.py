"""LightGBM: trees that grow their best leaf first, so `leaves` says how large they are, and depth hardly matters.

Categories are handed over as they are; a missing or unknown level is NaN, which LightGBM sends to a side of its own.
Sources: the ranges are TabArena's, the start points the default of AutoGluon, the tuned default of LGBM-TD (Holzmüller
et al., pytabkit) and AutoGluon's large one. Saved as LightGBM's model text, which holds no date, without what no answer
needs. No `columns_by_level`: its trees have no levels.
"""

import re
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Task
from components.core.lazy import lazy
from components.ensembles.boosting_fit import Asked, CutOff, Grown, Library, Part, Predict, Start, matrix

if TYPE_CHECKING:
    import lightgbm
else:
    lightgbm = lazy("lightgbm")

OBJECTIVES = {
    "binary": {"objective": "binary", "metric": "binary_logloss"},
    "multiclass": {"objective": "multiclass", "metric": "multi_logloss"},
    "regression": {"objective": "regression", "metric": "rmse"},
}
TREES_AT_ONCE = 10
MOST_IN_LEAF = 20  # rows that a leaf must have, LightGBM's own; fewer on few rows, which could not be parted otherwise
STATISTICS = ("split_gain", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count")
MOST_LEAVES = 128  # leaves: auto, below the 2 ** max_depth that depth would allow


def starts(task: Task) -> list[Start]:
    """Quick, the tuned default, and one of larger trees in smaller steps."""
    same = {"max_depth": 16, "l1": 1e-4, "min_child_weight": 1e-3}
    quick = {"learning_rate": 0.1, "leaves": 16, "subsample": 0.8, "columns": 0.8, "l2": 1.0}
    if task == "regression":
        default = {"learning_rate": 0.05, "leaves": 100, "subsample": 0.7, "columns": 1.0, "l2": 1e-3}
    else:
        default = {"learning_rate": 0.04, "leaves": 50, "subsample": 0.75, "columns": 1.0, "l2": 1e-3}
    careful = {"learning_rate": 0.03, "leaves": 128, "subsample": 0.9, "columns": 0.6, "l2": 1.0}
    return [{**same, **quick}, {**same, **default}, {**same, **careful}]


def leaves_of(asked: Asked) -> int:
    """Return the most leaves of a tree."""
    trees = asked.trees
    return min(2**trees.max_depth, MOST_LEAVES) if trees.leaves == "auto" else trees.leaves


def words(asked: Asked) -> dict[str, Any]:
    """Say the settings in LightGBM's words."""
    trees = asked.trees
    found = {
        **OBJECTIVES[asked.task],
        "learning_rate": trees.learning_rate,
        "num_leaves": leaves_of(asked),
        "max_depth": trees.max_depth,
        "min_sum_hessian_in_leaf": trees.min_child_weight,
        "bagging_fraction": trees.subsample,
        "bagging_freq": 1,
        "feature_fraction": trees.columns,
        "feature_fraction_bynode": trees.columns_by_node,
        "lambda_l2": trees.l2,
        "lambda_l1": trees.l1,
        "max_bin": trees.max_bins - 1,  # one is for what is missing; with 255 a bin is one byte
        "max_cat_to_onehot": trees.one_hot,
        "seed": asked.seed % 2**31,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    if any(asked.signs):
        found["monotone_constraints"] = list(asked.signs)
    if asked.task == "multiclass":
        found["num_class"] = asked.num_outputs
    return found


def grow(asked: Asked, fit: Part, scored: Part | None, cut_off: CutOff) -> Grown | None:
    """Grow until the scored part's loss has not fallen for `patience` rounds; None when `cut_off` said so first."""
    settings = words(asked)
    settings["min_data_in_leaf"] = max(1, min(MOST_IN_LEAF, len(fit[1]) // MOST_IN_LEAF))
    numbers = fit[0].numeric_NF.shape[1]
    codes = list(range(numbers, numbers + fit[0].codes_NG.shape[1]))
    losses: dict[str, dict[str, list[float]]] = {}
    try:
        train = lightgbm.Dataset(matrix(fit[0]), fit[1], categorical_feature=codes, params=settings)
        judges: dict[str, Any] = {"callbacks": [_watch(cut_off)]}
        if scored is not None:
            validation = train.create_valid(matrix(scored[0]), scored[1])
            stopping = lightgbm.early_stopping(asked.patience, verbose=False)
            judges = {"valid_sets": [train, validation], "valid_names": ["train", "validation"]}
            judges["callbacks"] = [_watch(cut_off), lightgbm.record_evaluation(losses), stopping]
        booster = lightgbm.train(settings, train, asked.trees.most_rounds, **judges)
    except _CutOffError:
        return None
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(str(error)) from error
    rounds = max(1, booster.best_iteration) if scored is not None else booster.current_iteration()
    return Grown(
        content=lean(booster.model_to_string(num_iteration=rounds)).encode(),
        rounds=rounds,
        levels=asked.trees.levels(leaves_of(asked)),
        curves={part: np.array(losses[part][settings["metric"]], dtype=np.float32) for part in losses},
    )


def lean(text: str) -> str:
    """Return a model's text with what answers need: a third of the bytes when packed. Leaves have float32's digits."""
    left_out = tuple(f"{word}=" for word in (*STATISTICS, "tree_sizes"))  # sizes in bytes, which are others now
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(left_out)]
    return re.sub(r"(?<=^leaf_value=).*", _rounded, "".join(lines), flags=re.MULTILINE)


def _rounded(values: re.Match[str]) -> str:
    return " ".join(f"{float(value):.9g}" for value in values[0].split())


def read(content: bytes) -> Predict:
    """Return what predicts with a saved booster.

    LightGBM walks all trees for a row before it goes on to the next one, and a large model does not stay in a core's
    cache: a few trees for all rows, then the next few, takes half of the time (20 000 rows of california_housing).
    Ten at once take 0.27 s where twenty take 0.34 and fifty 0.41 (adult, 265 trees). LightGBM keeps in the booster
    which trees are asked, so only one thread may ask at a time: found by wrong answers of two.
    """
    booster = lightgbm.Booster(model_str=content.decode())
    outputs, rounds = booster.num_model_per_iteration(), booster.current_iteration()
    at_once = max(1, TREES_AT_ONCE // outputs)
    asking = Lock()
    link = _softmax if outputs > 1 else _logistic if b"\nobjective=binary" in content else _plain

    def predict(features: Features) -> NDArray[Any]:
        inputs = matrix(features)
        sums = np.zeros((len(inputs), outputs) if outputs > 1 else len(inputs))
        if not len(inputs):  # LightGBM refuses an empty matrix
            return sums
        with asking:
            for at in range(0, rounds, at_once):
                sums += booster.predict(
                    inputs, start_iteration=at, num_iteration=at_once, raw_score=True, num_threads=1
                )
        return link(sums)

    return predict


def _plain(sums: NDArray[Any]) -> NDArray[Any]:
    return sums


def _logistic(sums: NDArray[Any]) -> NDArray[Any]:
    return 0.5 * (1.0 + np.tanh(0.5 * sums))  # never overflows


def _softmax(sums: NDArray[Any]) -> NDArray[Any]:
    odds = np.exp(sums - sums.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


class _CutOffError(Exception):
    """The clock ended a booster: LightGBM's callbacks have no other way to say so."""


def _watch(cut_off: CutOff) -> Any:
    def ask(_: Any) -> None:
        if cut_off():
            raise _CutOffError

    return ask


LIBRARY = Library(
    word="lightgbm",
    ending="txt",
    lacks=frozenset({"columns_by_level"}),
    ranges=MappingProxyType(
        {
            "max_depth": 16,
            "leaves": {"low": 4, "high": 200, "log": True},
            "subsample": {"low": 0.7, "high": 1.0},
            "columns": {"low": 0.4, "high": 1.0},
        }
    ),
    starts=starts,
    grow=grow,
    read=read,
)
