"""Settings of a search: how many trials, who proposes them, who cuts them short, which are kept.

What is searched (preprocess, network, training, trees) is added by `components/project/sections.py`. `trials`,
`seconds`, `keep` and `refit` say how far a search goes and never change a trial: they are no part of the study's key.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from components.core.specs import Spec, setting

WITHOUT_EFFECT_ON_A_TRIAL = ("trials", "seconds", "keep", "refit")
ALL_FOLDS_BELOW_ROWS = 10_000


class SearchSettings(Spec):
    """How a space is searched."""

    trials: Literal["auto"] | Annotated[int, Field(ge=1)] = setting(
        "auto", "a number makes the result exactly repeatable; auto = as many as the seconds allow"
    )
    seconds: Literal["none"] | Annotated[float, Field(gt=0)] = setting(
        "none", "a fixed part of the tree's seconds; none = its share"
    )
    sampler: Literal["grid", "random", "tpe", "gp", "cmaes", "qmc"] = setting(
        "tpe", "grid | random | tpe | gp | cmaes | qmc"
    )
    pruner: Literal["none", "median", "halving", "hyperband", "racing"] = setting(
        "halving", "none | median | halving | hyperband | racing"
    )
    objectives: Annotated[tuple[Literal["score", "parameters", "operations"], ...], Field(min_length=1)] = setting(
        ("score",), "also parameters, operations a row: then the whole front of the best is kept"
    )
    start: Literal["portfolio", "none"] | list[dict[str, Any]] = setting(
        "portfolio", "known strong configurations first; none, or a list of your own"
    )
    keep: Annotated[int, Field(ge=1)] = setting(8, "so many of the best go on to stacking")
    generation: Annotated[int, Field(ge=1)] = setting(16, "trials planned at once, from what was finished before")
    score_folds: Literal["auto"] | Annotated[int, Field(ge=1)] = setting(
        "auto", "folds that a trial is judged on; auto = all below 10 000 train rows, the first one above"
    )
    hang_seconds: Annotated[float, Field(ge=1)] = setting(
        300.0, "a trial silent for so long (or a quarter of the seconds) is killed; its cause is deadline"
    )

    def num_score_folds(self, num_folds: int, num_rows: int) -> int:
        """Return how many of the folds judge a trial: `num_rows` counts the train rows."""
        if self.score_folds == "auto":
            return num_folds if num_rows < ALL_FOLDS_BELOW_ROWS or self.pruner == "racing" else 1
        return min(self.score_folds, num_folds)
