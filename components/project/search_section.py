"""The section `search`: how is searched (`components/search`), and what: preprocessing, networks, their training."""

from typing import Annotated, Any

from components.core.ranges import SpaceOf
from components.core.refit import REFIT, HowMany
from components.core.specs import setting
from components.data.preprocessing.spec import NetworkPreprocess
from components.project.network_space import network_space
from components.search.spec import SearchSettings
from components.training.spec import TrainingSpec


class SearchSpec(SearchSettings):
    """Neural networks, chosen by Optuna, trained as populations.

    Below preprocess, network and training any value may be a range; `space_of` reads them.
    """

    refit: HowMany = setting("auto", REFIT)
    preprocess: Annotated[Any, SpaceOf(NetworkPreprocess)] = setting({}, "fitted inside each fold")
    network: Annotated[Any, network_space("table", "mlp")] = setting({}, "what is grown")
    training: Annotated[Any, SpaceOf(TrainingSpec)] = setting({}, "how it is trained")
