"""The section `boosting`: how is searched and stopped (`components/ensembles/boosting.py`), and over which trees."""

from typing import Annotated, Any

from components.core.contracts import JSON
from components.core.ranges import SpaceOf
from components.core.specs import setting
from components.data.preprocessing.spec import TreePreprocess
from components.ensembles.boosting import BoostingSettings, TreesSpec


class BoostingSpec(BoostingSettings):
    """Gradient-boosted trees, tuned on the same folds. Below trees and preprocess any value may be a range."""

    trees: Annotated[Any, SpaceOf(TreesSpec)] = setting({}, "one booster")
    preprocess: Annotated[Any, SpaceOf(TreePreprocess)] = setting({}, "fitted inside each fold")

    def preprocess_of(self, candidate: JSON) -> TreePreprocess:
        """Return what is fitted for a candidate in each fold."""
        return TreePreprocess.model_validate(candidate["preprocess"])
