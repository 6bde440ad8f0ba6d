"""Which networks a kind of data may be searched over, and why not the others."""

from components.core.ranges import SpaceOf
from components.networks.network import DATA_KINDS, DataKind
from components.networks.registry import KINDS, spec_class

CALLED = {"table": "rows of a table", "sequence": "sequences", "image": "pictures"}


def network_space(data: DataKind, first: str) -> SpaceOf:
    """Return the space over all networks that take this data; `first` is grown where the file names none."""
    ordered = {kind: spec_class(kind) for kind in (first, *KINDS)}
    taken = [spec for spec in ordered.values() if data in spec.takes]
    refused = {
        kind: f"takes {' and '.join(CALLED[one] for one in DATA_KINDS if one in spec.takes)}, not {CALLED[data]}"
        for kind, spec in ordered.items()
        if data not in spec.takes
    }
    return SpaceOf(*taken, refused=refused)
