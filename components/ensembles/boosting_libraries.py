"""The three libraries behind one table, what of the file's words each can follow, and the first points of a search.

The file says one `trees` for all libraries. Each takes of it what it has a counterpart for; a line that stands as by
default means the library's own range, so that `library: catboost` alone is a good search. What was set otherwise and
has no counterpart is refused with a sentence, and so is a library that is not installed.
"""

import ctypes
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from components.core.contracts import JSON, Task
from components.core.specs import NONE
from components.ensembles import boosting_catboost, boosting_lightgbm, boosting_xgboost
from components.ensembles.boosting import Sample, TreesSpec
from components.ensembles.boosting_fit import Library, Start

LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {one.word: one for one in (boosting_xgboost.LIBRARY, boosting_lightgbm.LIBRARY, boosting_catboost.LIBRARY)}
)
FIRST = "xgboost"  # what a candidate without `kind` is grown with
LARGE = MappingProxyType({"learning_rate": {"low": 0.02, "high": 0.3, "log": True}, "max_bins": {"choose": [64, 256]}})
"""What is searched on large tables where the line stands as by default: small steps would never come to an end, and
with many columns and few rows a tree costs what its bins cost."""
FAST = MappingProxyType({"learning_rate": 0.3, "max_bins": 64})


def refusals(
    words: Sequence[str], written: JSON, default: Callable[[str], Any]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield what cannot be: the key below `boosting`, what is wrong there, and the way out."""
    for word in words:
        yield from _not_there(word)
        for line, value in written.items():
            if line in LIBRARIES[word].lacks and value not in (default(line), NONE):
                yield ("trees", line), f"is set, but {word} has no counterpart for it.", _way_out(words, word)


def _not_there(word: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield why a library cannot be imported, without importing it: that takes a second."""
    found = importlib.util.find_spec(word)
    if found is None:
        extra = "boosters" if word == "catboost" else "cpu"
        way_out = f"Install it: pip install 'espalier-automl[{extra}]'; or write another library."
        yield ("library",), f"is {word}, which is not installed.", way_out
    elif word == "lightgbm":  # the one that does not bring its OpenMP along: slim images have none
        for binary in Path(found.origin or "").parent.glob("lib/lib_lightgbm.*"):
            try:
                ctypes.CDLL(str(binary))
            except OSError as error:
                way_out = "Install OpenMP (Debian: apt-get install libgomp1; macOS: brew install libomp)"
                yield ("library",), f"is {word}, which does not load: {error}.", f"{way_out}, or write another library."


def _way_out(words: Sequence[str], word: str) -> str:
    return "Take the line out." if len(words) == 1 else f"Take the line out, or {word} out of boosting.library."


def asked_of(candidate: JSON) -> tuple[str, TreesSpec]:
    """Return the library of a candidate, and its settings."""
    trees = {word: value for word, value in candidate["trees"].items() if word != "kind"}
    return candidate["trees"].get("kind", FIRST), TreesSpec.model_validate(trees)


def start_points(words: Sequence[str], task: Task, *, sample: Sample = None) -> list[dict[str, Any]]:
    """Return the configurations that are tried first, each a part of a candidate: what is missing is drawn.

    A quick one opens, so that there is a usable booster early; libraries take turns, so that each has one early. On a
    large table (`sample`: rows of a part of it, see `sample_of`) the first ones are grown on that part, in large steps.
    """
    points = [LIBRARIES[word].starts(task) for word in words]
    turns = [(word, one) for turn in zip(*points, strict=True) for word, one in zip(words, turn, strict=True)]
    if sample is None:
        return [_point(words, word, {**one, "rows": "all"}) for word, one in turns]
    part, whole = ([(word, {**one, **FAST, "rows": rows}) for word, one in turns] for rows in (sample, "all"))
    slow = [(word, {**one, "rows": sample, "max_bins": 256}) for word, one in turns]
    return [_point(words, word, one) for word, one in (*part, *([] if sample == "all" else whole), *slow)]


def _point(words: Sequence[str], word: str, trees: Start) -> dict[str, Any]:
    named = {} if list(words) == [FIRST] else {"kind": word}
    return {"trees": {**named, **trees}}
