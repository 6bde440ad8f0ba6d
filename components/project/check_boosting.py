"""What `check` says about boosting: a library that is not installed, a line that one of them has no counterpart for."""

from collections.abc import Mapping
from typing import Any

from components.core.specs import Spec
from components.project.boosting_section import refused_settings
from components.project.reading import Reader


def judge_boosting(sections: Mapping[str, Spec], reader: Reader) -> None:
    """Note what no library of the section can do, and monotone columns that have no single direction."""
    boosting: Any = sections.get("boosting")
    if boosting is None:
        return
    for key, problem, way_out in refused_settings(boosting):
        reader.wrong(("boosting", *key), ("boosting", *key), problem, way_out)
    validate: Any = sections.get("validate")
    types: Mapping[str, str] = getattr(validate, "columns", {})
    at = ("boosting", "monotone")
    for name in getattr(boosting, "monotone", {}):
        if name == getattr(validate, "target", None) or name in getattr(validate, "drop", ()):
            reader.wrong((*at, name), (*at, name), "is not a column that trees see.", "Take it out.")
        elif types.get(name, "numeric") not in ("numeric", "boolean"):
            problem = f"is {types[name]} by validate.columns: only numbers rise and fall."
            reader.wrong((*at, name), (*at, name), problem, "Take it out.")
    if getattr(boosting, "monotone", {}) and getattr(validate, "task", "auto") == "multiclass":
        reader.wrong(at, at, "is set, but the task is multiclass: two classes or numbers.", "Take it out.")
