"""Real tables that come with scikit-learn, so that a first run needs no file and no network.

Classes are words, not numbers, and columns have names that can be written in params.yaml: `mean_radius`. The digits are
pictures: `images/arrays.py`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from components.core.errors import UserMistake, did_you_mean
from components.core.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

PREFIX = "example:"
PICTURES = ("digits",)
TARGETS = {
    "breast_cancer": "diagnosis",
    "wine": "cultivar",
    "iris": "species",
    "diabetes": "progression",
}
"""example:NAME -> the column that one would predict."""


def example_name(source: str) -> str:
    """Return NAME of `example:NAME`; an unknown one is a mistake."""
    name = source.removeprefix(PREFIX).strip()
    if name not in TARGETS:
        raise UserMistake(
            f"ingest.source is {source}, not one of {', '.join(PREFIX + known for known in (*TARGETS, *PICTURES))}. "
            f"{did_you_mean(name, (*TARGETS, *PICTURES))}".rstrip()
        )
    return name


def load_example(name: str) -> "pd.DataFrame":
    """Return the whole table, the target as its last column; 150 to 569 rows."""
    from sklearn import datasets

    load: Any = getattr(datasets, f"load_{name}")
    found = load(scaled=False) if name == "diabetes" else load()
    columns = [str(column).replace(" (cm)", "").replace(" ", "_") for column in found.feature_names]
    columns = [column.replace("/", "_per_") for column in columns]
    frame = pd.DataFrame(np.asarray(found.data), columns=columns)
    frame[TARGETS[name]] = _target(name, found)
    return frame


def _target(name: str, found: Any) -> Any:
    if name == "diabetes":
        return np.asarray(found.target)
    return np.array([str(word) for word in found.target_names], dtype=object)[found.target]
