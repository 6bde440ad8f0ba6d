"""Boosting on pixels: many columns that say little each, so trees see few of them and there are fewer rounds."""

from typing import Annotated, Literal

from pydantic import Field

from components.core.specs import setting
from components.ensembles.boosting import TreesSpec


class PictureTrees(TreesSpec):
    """Settings of one booster on pictures; each can be searched."""

    learning_rate: float = setting(
        0.15, "share of each tree's answer that is added", search={"low": 0.05, "high": 0.3, "log": True}, gt=0, le=1
    )
    max_depth: int = setting(6, "questions from root to leaf, at most", search={"low": 3, "high": 7}, ge=1, le=16)
    columns: float = setting(
        0.3, "share of the columns that a tree may see", search={"low": 0.1, "high": 0.5}, gt=0, le=1
    )
    rounds: Literal["auto"] | Annotated[int, Field(ge=1)] = setting(
        500, "most rounds; early stopping ends sooner; auto = 100 / learning_rate, at most 2000"
    )
