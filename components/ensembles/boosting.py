"""Gradient-boosted trees: the settings, and the known strong points that a search begins with.

Trees are grown by XGBoost, one thread a model, categories as they are (no one-hot). The ranges follow those of
TabArena and of the TabR paper; the first start point is the tuned default of XGB-TD (Holzmüller et al., pytabkit).
Fitting is in `boosting_fit.py`, what the search drives in `boosting_evaluate.py`, saving and prediction in
`boosting_member.py`; the number of rounds of each model is found by early stopping on the part that its fold scores.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.core.contracts import Task
from components.core.specs import NONE, Spec, setting


class BoosterStopping(Spec):
    """When a booster stops growing."""

    patience: int = setting(100, "rounds without a better loss on the scored part of the fold", ge=1)


class TreesSpec(Spec):
    """Settings of one booster; each can be searched."""

    learning_rate: float = setting(
        0.08, "share of each tree's answer that is added", search={"low": 5.0e-3, "high": 0.1, "log": True}, gt=0, le=1
    )
    max_depth: int = setting(6, "questions from root to leaf, at most", search={"low": 3, "high": 10}, ge=1, le=30)
    min_child_weight: float = setting(
        1.0e-3, "least sum of second derivatives in a leaf", search={"low": 1.0e-3, "high": 10.0, "log": True}, ge=0
    )
    subsample: float = setting(
        0.65, "share of the rows that a tree is grown on", search={"low": 0.6, "high": 1.0}, gt=0, le=1
    )
    columns: float = setting(
        0.9, "share of the columns that a tree may see", search={"low": 0.5, "high": 1.0}, gt=0, le=1
    )
    l2: float = setting(
        1.0e-3, "penalty on large answers of a leaf", search={"low": 1.0e-3, "high": 10.0, "log": True}, ge=0
    )
    rounds: int = setting(2000, "most rounds of boosting; early stopping ends sooner", ge=1)


class BoostingSettings(Spec):
    """The section `boosting` without its search spaces `trees` and `preprocess`."""

    trials: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "auto", "a number makes the result exactly repeatable; auto = as many as the seconds allow"
    )
    seconds: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        NONE, "fixes the part of this stage; none = its share of the whole"
    )
    keep: int = setting(4, "so many of the best go on to stacking", ge=1)
    early_stopping: BoosterStopping = setting(BoosterStopping(), "when a model stops growing")


def start_points(task: Task) -> list[dict[str, Mapping[str, Any]]]:
    """Return the configurations that are tried first, each a part of a candidate: what is missing is drawn.

    A quick one opens, so that there is a usable booster early. Published values that lie outside our ranges (a child
    weight of 5e-6, no L2) stand at the nearest end.
    """
    quick = {"learning_rate": 0.1, "max_depth": 5, "min_child_weight": 1.0, "subsample": 0.8, "columns": 0.8}
    if task == "regression":
        default = {"learning_rate": 0.05, "max_depth": 9, "min_child_weight": 2.0, "subsample": 0.7, "columns": 1.0}
    else:
        default = {"learning_rate": 0.08, "max_depth": 6, "min_child_weight": 1e-3, "subsample": 0.65, "columns": 0.9}
    careful = {"learning_rate": 0.03, "max_depth": 4, "min_child_weight": 1.0, "subsample": 0.8, "columns": 0.7}
    return [{"trees": {**point, "l2": l2}} for point, l2 in ((quick, 1.0), (default, 1e-3), (careful, 1.0))]
