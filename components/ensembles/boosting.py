"""Gradient-boosted trees: the settings, in words that are the same for all libraries.

XGBoost, LightGBM and CatBoost each have a file of their own (`boosting_xgboost.py` ...), which says these words in the
library's, which of them it has no counterpart for, which ranges it searches where a line is left as it stands here, and
what it starts with. Ranges follow those of TabArena and of the TabR paper. `boosting_libraries.py` is the table of the
three, `boosting_fit.py` what growing asks of them, `boosting_evaluate.py` what the search drives, `boosting_member.py`
saving and prediction. The rounds of each model are found by early stopping on the part that its fold scores.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.core.refit import REFIT, HowMany
from components.core.specs import NONE, Spec, setting

LibraryWord = Literal["xgboost", "lightgbm", "catboost"]
Direction = Literal["rising", "falling"]

TRAVEL, MOST_ROUNDS = 100.0, 2000  # rounds: auto; what all rounds of a booster may add up to, and the most of them
SAMPLE_CELLS = 4_000_000  # rows x columns x outputs whose tree takes about 0.03 s of a core: 133 000 rows of 30 columns
FEWEST_ROWS = 2000
ROWS_OF_BINS = 8192  # that cost a column what its bins do: 256 of them at each of 32 nodes
Sample = int | Literal["all"] | None  # of the rows of a large table; None: it is not large


class BoosterStopping(Spec):
    """When a booster stops growing."""

    patience: int = setting(100, "rounds without a better loss on the scored part of the fold", ge=1)


class TreesSpec(Spec):
    """Settings of one booster; each can be searched."""

    learning_rate: float = setting(
        0.08, "share of each tree's answer that is added", search={"low": 5.0e-3, "high": 0.1, "log": True}, gt=0, le=1
    )
    max_depth: int = setting(6, "questions from root to leaf, at most", search={"low": 3, "high": 10}, ge=1, le=16)
    leaves: Literal["auto"] | Annotated[int, Field(ge=2, le=65536)] = setting(
        "auto",
        "a number grows the best leaf first, to so many; auto = as depth allows",
        search={"choose": ["auto", {"low": 8, "high": 256, "log": True}]},
    )
    min_child_weight: float = setting(
        1.0e-3, "least sum of second derivatives in a leaf", search={"low": 1.0e-3, "high": 10.0, "log": True}, ge=0
    )
    subsample: float = setting(
        0.65, "share of the rows that a tree is grown on", search={"low": 0.6, "high": 1.0}, gt=0, le=1
    )
    columns: float = setting(
        0.9, "share of the columns that a tree may see", search={"low": 0.5, "high": 1.0}, gt=0, le=1
    )
    columns_by_level: float = setting(
        1.0, "of these, the share that a level may see", search={"low": 0.6, "high": 1.0}, gt=0, le=1
    )
    columns_by_node: float = setting(1.0, "of these, the share that one split may see", gt=0, le=1)
    l2: float = setting(
        1.0e-3, "penalty on large answers of a leaf", search={"low": 1.0e-3, "high": 10.0, "log": True}, ge=0
    )
    l1: float = setting(
        0.0, "penalty that makes small answers none", search={"low": 1.0e-4, "high": 5.0, "log": True}, ge=0
    )
    max_bins: int = setting(256, "steps that a number is cut into", ge=8, le=65535)
    one_hot: int = setting(4, "up to so many levels a split takes out one; above, a set of them", ge=2, le=255)
    rounds: Literal["auto"] | Annotated[int, Field(ge=1)] = setting(
        "auto", "most rounds; early stopping ends sooner; auto = 100 / learning_rate, at most 2000"
    )
    rows: Literal["auto", "all"] | Annotated[int, Field(ge=10)] = setting(
        "auto", "a booster is grown on so many rows of its fold; auto = all, on large tables also a part"
    )

    @property
    def most_rounds(self) -> int:
        """The rounds after which a booster ends, whatever its losses say."""
        return min(MOST_ROUNDS, math.ceil(TRAVEL / self.learning_rate)) if self.rounds == "auto" else self.rounds

    def levels(self, leaves: int | None) -> int:
        """Return about how many questions a row is asked by a tree of at most so many leaves."""
        return self.max_depth if leaves is None else min(self.max_depth, leaves - 1, 2 * math.ceil(math.log2(leaves)))


class BoostingSettings(Spec):
    """The section `boosting` without its search spaces `trees` and `preprocess`."""

    trials: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "auto", "a number makes the result exactly repeatable; auto = as many as the seconds allow"
    )
    seconds: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        NONE, "fixes the part of this stage; none = its share of the whole"
    )
    keep: int = setting(4, "so many of the best go on to stacking", ge=1)
    library: LibraryWord | tuple[LibraryWord, ...] = setting(
        ("lightgbm", "xgboost"), "one or several, the quickest first; catboost too where installed"
    )
    early_stopping: BoosterStopping = setting(BoosterStopping(), "when a model stops growing")
    refit: HowMany = setting("auto", REFIT)

    @model_validator(mode="after")
    def _libraries(self) -> Self:
        if not self.libraries or len(set(self.libraries)) < len(self.libraries):
            raise ValueError("library names at least one, and none twice")
        return self

    @property
    def libraries(self) -> tuple[LibraryWord, ...]:
        """The libraries that the search chooses among."""
        return (self.library,) if isinstance(self.library, str) else self.library


def sample_of(num_rows: int, num_columns: int, num_outputs: int) -> Sample:
    """Return how many rows of a large fold make a quick booster, or None where all of them do: counted, never timed.

    "all": it is large by its columns alone; their bins cost as much as so many rows, however few there are.
    `num_columns`: those that one tree sees; `num_outputs`: trees of one round.
    """
    width = max(1, num_columns * num_outputs)
    sample = max(FEWEST_ROWS, SAMPLE_CELLS // width)
    if 2 * sample < num_rows:
        return sample
    return "all" if width * ROWS_OF_BINS > 2 * SAMPLE_CELLS else None
