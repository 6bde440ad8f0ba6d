"""The section `bagging` for pictures: forests and a linear model on pixels, or on what the best network sees."""

from typing import Annotated, Literal

from pydantic import Field

from components.core.specs import NONE, Spec, setting
from components.data.preprocessing.images import FEATURES, PixelFeatures
from components.ensembles.bagging import ALL_ROWS, MEMBERS, REPEATS, TREES
from components.ensembles.bagging_jobs import Kind


class ImageBaggingSpec(Spec):
    """The section `bagging`, for pictures."""

    features: Literal["pixels", "embedding"] = setting("pixels", FEATURES)
    members: Annotated[tuple[Kind, ...], Field(min_length=1)] = setting(("extra_trees", "linear"), MEMBERS)
    trees: int = setting(200, TREES, ge=1)
    repeats: int = setting(1, REPEATS, ge=1)
    seconds: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        NONE, "a fixed part of the tree's seconds; none = its share"
    )
    refit: bool = setting(True, ALL_ROWS)

    @property
    def preprocess(self) -> PixelFeatures:
        """What is fitted in each fold where these models see pixels: nothing."""
        return PixelFeatures()

    def settled(self) -> dict[str, object]:
        """Return what all members were grown with."""
        return {"features": self.features}
