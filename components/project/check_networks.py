"""Whether the networks that params.yaml names can take the data that it names: a picture is no row of a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from components.networks.network import DATA_KINDS
from components.networks.registry import KINDS, spec_class
from components.project.documents import Place
from components.project.reading import Reader

WORDS = {"table": "rows of a table", "sequence": "sequences", "image": "pictures"}


def judge_networks(values: Mapping[str, Any], data: str, reader: Reader) -> None:
    """Note every network below search.network that does not take this kind of data."""
    section = values.get("search")
    network = section.get("network") if isinstance(section, Mapping) else None
    fitting = [kind for kind in KINDS if data in spec_class(kind).takes]
    for at, kind in _kinds(network, ("search", "network")):
        if kind in KINDS and kind not in fitting:
            takes = spec_class(kind).takes
            told = " or ".join(WORDS[one] for one in reversed(DATA_KINDS) if one in takes)
            problem = f"is {kind}, which takes {told}, not {WORDS[data]}."
            reader.wrong(at, ("search", "network"), problem, f"Write {_listed(fitting)}.")


def _kinds(value: Any, at: Place) -> Iterable[tuple[Place, str]]:
    """Yield the kinds that are named at a place, and where."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping) and isinstance(value.get("choose"), list):
        for position, option in enumerate(value["choose"]):
            yield from _kinds(option, (*at, "choose", position))
    elif isinstance(value, Mapping) and isinstance(value.get("kind"), str):
        yield (*at, "kind"), value["kind"]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
