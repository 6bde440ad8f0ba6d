"""The section `search` for pictures: convolutional networks first, a scale for pixels, shorter trainings."""

from typing import Annotated, Any

from components.core.ranges import SpaceOf
from components.core.specs import setting
from components.data.preprocessing.images import ImagePreprocess
from components.project.network_space import network_space
from components.search.spec import SearchSettings
from components.training.pictures import PictureTraining


class ImageSearchSpec(SearchSettings):
    """Neural networks for pictures. What is done to the pictures on the fly stands in `augment`, and is searched too.

    Below preprocess, network and training any value may be a range; `space_of` reads them.
    """

    keep: int = setting(4, "so many of the best go on to stacking", ge=1)
    preprocess: Annotated[Any, SpaceOf(ImagePreprocess)] = setting({}, "fitted inside each fold")
    network: Annotated[Any, network_space("image", "cnn")] = setting({}, "what is grown")
    training: Annotated[Any, SpaceOf(PictureTraining)] = setting({}, "how it is trained")
