"""Settings of preprocessing, one class per kind of model that is fed: networks, and trees.

The two have the same four words and other defaults: a network needs every number there, of one size; a tree splits
missing values and categories as they are. What each word does is in the file of its name: `impute.py`, `scale.py`,
`encode.py`; `pipeline.py` puts them together. Nothing here imports more than pydantic.
"""

from typing import Any, Literal

from components.core.specs import Spec, setting

Scale = Literal["standard", "unit", "symmetric", "robust", "quantile", "none"]


class NetworkPreprocess(Spec):
    """How columns become a network's inputs; fitted inside each fold."""

    impute: Literal["median", "mean", "most_frequent", "constant"] = setting(
        "median", "mean | median | most_frequent | constant"
    )
    fill: float = setting(0.0, "the number that impute: constant puts in", allow_inf_nan=False)
    indicator: bool = setting(True, "one more input, 1 where a value was missing, for each column that misses some")
    scale: Scale = setting(
        "standard",
        "standard | robust | quantile (ranks to a normal) | unit [0, 1] | symmetric [-1, 1] | none",
        search={"choose": ["standard", "robust", "quantile"]},
    )
    encode: Literal["auto", "one_hot", "ordinal"] = setting(
        "auto", "one_hot | ordinal; auto is one_hot up to 16 levels, ordinal above"
    )


class TreePreprocess(Spec):
    """How columns become a tree's inputs; the defaults leave missing values and categories to the trees."""

    impute: Literal["none", "median", "mean", "most_frequent", "constant"] = setting(
        "none", "none (trees split missing values) | mean | median | most_frequent | constant"
    )
    fill: float = setting(0.0, "the number that impute: constant puts in", allow_inf_nan=False)
    indicator: bool = setting(False, "one more input, 1 where a value was missing, for each column that misses some")
    scale: Scale = setting("none", "standard | robust | quantile | unit | symmetric | none; trees need none")
    encode: Literal["native", "auto", "one_hot", "ordinal"] = setting(
        "native",
        "native (trees split sets of levels) | one_hot | ordinal; auto is one_hot up to 16 levels, ordinal above",
    )


PreprocessSpec = NetworkPreprocess | TreePreprocess


def spec_from_json(value: Any) -> PreprocessSpec:
    """Read the settings that a saved preprocessor carries; "kind" says which class they are of."""
    fields = {key: field for key, field in value.items() if key != "kind"}
    return (NetworkPreprocess if value["kind"] == "network" else TreePreprocess).model_validate(fields)
