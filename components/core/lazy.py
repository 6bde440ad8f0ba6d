"""Import a heavy library when it is first used, so that reading settings never costs torch's two seconds.

Use it where a technique's settings and its mathematics share a file:

    if TYPE_CHECKING:
        import torch
    else:
        torch = lazy("torch")
"""

import importlib
from typing import Any


class _Lazy:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


def lazy(name: str) -> Any:
    """Return a stand-in for module `name`; the first attribute asked for imports it."""
    return _Lazy(name)
