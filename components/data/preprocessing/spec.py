"""Settings of preprocessing, one class per kind of model that is fed: networks, trees, and bagging's members.

They have the same words and other defaults: a network needs every number there, of one size, and learns an embedding of
a category itself; a tree splits missing values and categories as they are; forests and linear models, which know no
categories, get the target's mean in their place. What each word does is in a file: `impute.py`, `outliers.py`,
`scale.py`, `encode.py`, `target_encoding.py`, `rare.py`, `dates.py`, `text.py`, `target.py`; `pipeline.py` puts them
together. Nothing here imports more than pydantic.
"""

from typing import Any, Literal

from components.core.specs import Spec, setting

Impute = Literal["median", "mean", "most_frequent", "constant"]
Outliers = Literal["none", "clip"]
Scale = Literal["standard", "unit", "symmetric", "robust", "robust_smooth", "quantile", "none"]
Dates = Literal["elapsed", "parts", "cyclic"]

FILL = "the number that impute: constant puts in"
INDICATOR = "one more input, 1 where a value was missing, for each column that misses some"
OUTLIERS = "none | clip: numbers outside the middle 99 % of the fold's rows are moved to its ends"
SMOOTHING = "encode: target mixes the mean of a level with so many rows of the mean of all"
RARE = "levels with fewer rows than this in the fold count as one level; 1: each for itself"
DATES = "elapsed (days) | parts: also year, month, day, weekday, hour | cyclic: also sine and cosine"
TEXT = "numbers that a text column becomes (TF-IDF, truncated SVD); 0 leaves it out"


class NetworkPreprocess(Spec):
    """How columns become a network's inputs; fitted inside each fold."""

    impute: Impute = setting("median", "mean | median | most_frequent | constant")
    fill: float = setting(0.0, FILL, allow_inf_nan=False)
    indicator: bool = setting(True, INDICATOR)
    outliers: Outliers = setting("none", OUTLIERS)
    scale: Scale = setting(
        "standard",
        "standard | robust | robust_smooth | quantile (ranks to a normal) | unit [0, 1] | symmetric [-1, 1] | none",
        search={"choose": ["standard", "robust_smooth", "quantile"]},
    )
    encode: Literal["auto", "one_hot", "ordinal", "embedding", "target"] = setting(
        "auto", "one_hot | ordinal | embedding | target; auto is one_hot up to 16 levels, embedding above"
    )
    smoothing: float = setting(10.0, SMOOTHING, ge=0, allow_inf_nan=False)
    rare: int = setting(1, RARE, ge=1)
    dates: Dates = setting("cyclic", DATES)
    text: int = setting(64, TEXT, ge=0)
    target: Literal["standard", "log", "quantile"] = setting(
        "standard", "how a number is learned: standard | log (of 1 + its size, signed) | quantile (ranks to a normal)"
    )


class BaggingPreprocess(Spec):
    """How columns become inputs of forests, neighbours and linear models; fitted inside each fold."""

    impute: Impute = setting("median", "mean | median | most_frequent | constant")
    fill: float = setting(0.0, FILL, allow_inf_nan=False)
    indicator: bool = setting(True, INDICATOR)
    outliers: Outliers = setting("none", OUTLIERS)
    scale: Scale = setting("standard", "standard | robust | robust_smooth | quantile | unit | symmetric | none")
    encode: Literal["auto", "one_hot", "ordinal", "target"] = setting(
        "auto", "one_hot | ordinal | target; auto is one_hot up to 16 levels, target above"
    )
    smoothing: float = setting(10.0, SMOOTHING, ge=0, allow_inf_nan=False)
    rare: int = setting(1, RARE, ge=1)
    dates: Dates = setting("cyclic", DATES)
    text: int = setting(64, TEXT, ge=0)


class TreePreprocess(Spec):
    """How columns become a tree's inputs; the defaults leave missing values and categories to the trees."""

    impute: Literal["none", "median", "mean", "most_frequent", "constant"] = setting(
        "none", "none (trees split missing values) | mean | median | most_frequent | constant"
    )
    fill: float = setting(0.0, FILL, allow_inf_nan=False)
    indicator: bool = setting(False, INDICATOR)
    outliers: Outliers = setting("none", OUTLIERS)
    scale: Scale = setting("none", "standard | robust | robust_smooth | quantile | unit | symmetric | none")
    encode: Literal["native", "auto", "one_hot", "ordinal", "target"] = setting(
        "native", "native (trees split sets of levels) | one_hot | ordinal | target; auto is one_hot up to 16 levels"
    )
    smoothing: float = setting(10.0, SMOOTHING, ge=0, allow_inf_nan=False)
    rare: int = setting(1, RARE, ge=1)
    dates: Dates = setting("parts", DATES)
    text: int = setting(64, TEXT, ge=0)
    target: Literal["none", "log", "quantile"] = setting(
        "none",
        "how a number is learned: none (as it is) | log (of 1 + its size, signed) | quantile (ranks to a normal)",
    )


PreprocessSpec = NetworkPreprocess | BaggingPreprocess | TreePreprocess
KINDS: dict[str, type[PreprocessSpec]] = {
    "network": NetworkPreprocess,
    "bagging": BaggingPreprocess,
    "trees": TreePreprocess,
}


def kind_of(spec: PreprocessSpec) -> str:
    """Return the word by which a saved preprocessor names the class of its settings."""
    return next(kind for kind, one in KINDS.items() if type(spec) is one)


def spec_from_json(value: Any) -> PreprocessSpec:
    """Read the settings that a saved preprocessor carries; "kind" says which class they are of."""
    fields = {key: field for key, field in value.items() if key != "kind"}
    return KINDS[value["kind"]].model_validate(fields)
