"""The base of every settings class: frozen, keyword-only, nothing unknown, one sentence per field.

A technique's settings live beside the technique. The first sentence of a field's description is the comment that
`init` writes and `explain` prints. `search` is what the line means when the user leaves it out inside a searched
section (a range in the user's own notation); `default` is what it means when the class is made in code.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NONE: Literal["none"] = "none"  # one word for nothing in params.yaml


class Spec(BaseModel):
    """Settings of one technique or one stage."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), use_attribute_docstrings=False)


def setting(default: Any, sentence: str, *, search: Any = None, **limits: Any) -> Any:
    """Declare a field: default, sentence, what is searched when it is left out, pydantic's limits (ge=0, ...)."""
    extra = {} if search is None else {"search": search}
    return Field(default=default, description=sentence, json_schema_extra=extra or None, **limits)
