"""The section `boosting` for pictures: trees on pixels, or on what the best network sees."""

from typing import Annotated, Any, Literal

from components.core.contracts import JSON
from components.core.ranges import SpaceOf
from components.core.specs import setting
from components.data.preprocessing.images import FEATURES, PixelFeatures
from components.ensembles.boosting import BoosterStopping, BoostingSettings
from components.ensembles.boosting_pictures import PictureTrees


class ImageBoostingSpec(BoostingSettings):
    """Gradient-boosted trees on what a picture is made of. Below trees any value may be a range."""

    features: Literal["pixels", "embedding"] = setting("pixels", FEATURES)
    keep: int = setting(2, "so many of the best go on to stacking", ge=1)
    early_stopping: BoosterStopping = setting(BoosterStopping(patience=30), "when a model stops growing")
    trees: Annotated[Any, SpaceOf(PictureTrees)] = setting({}, "one booster")

    def preprocess_of(self, candidate: JSON) -> PixelFeatures:
        """Return what is fitted for a candidate in each fold, where that is pixels."""
        return PixelFeatures()
