"""How a saved member of each family is read again. A family is imported when one of its members is loaded."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from components.core.contracts import Loaders, Member

if TYPE_CHECKING:
    from components.serving.bundle import Bundle

LOADERS: Mapping[str, str] = MappingProxyType(
    {
        "network": "components.training.member:load_network",
        "boosting": "components.ensembles.boosting_member:load_booster",
        "random_forest": "components.ensembles.forests:load_forest",
        "extra_trees": "components.ensembles.forests:load_forest",
        "linear": "components.ensembles.linear:load_linear",
        "nearest_neighbours": "components.ensembles.nearest_neighbours:load_neighbours",
    }
)


def loaders() -> Loaders:
    """Return family -> loader, for stacking and serving, which may not import the families themselves."""
    table: dict[str, Callable[[Path], Member]] = {
        family: _late(place, preprocessed=family != "network") for family, place in LOADERS.items()
    }

    def ensemble(folder: Path) -> Member:
        from components.ensembles.stacking import load_ensemble

        return load_ensemble(folder, table)

    table["ensemble"] = ensemble
    return table


def load_bundle(folder: Path | str) -> "Bundle":
    """Load an exported bundle for use in Python: `load_bundle("data/export").predict(frame)`."""
    from components.serving import bundle

    return bundle.load_bundle(Path(folder), loaders())


def _late(place: str, *, preprocessed: bool) -> Callable[[Path], Member]:
    """Return a loader that imports module:function when it is first called; networks load their preprocessors."""
    module, _, name = place.partition(":")

    def load(folder: Path) -> Member:
        family = getattr(importlib.import_module(module), name)
        if not preprocessed:
            return family(folder)
        from components.project.embedding import load_preprocessor

        return family(folder, load_preprocessor)

    return load
