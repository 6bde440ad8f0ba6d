"""The table of architectures: the word after `kind:` -> where its settings class lives.

A settings class has `build(num_inputs, num_outputs) -> Network` (`components.networks.network`). Nothing is imported
before a kind is asked for, and then only that kind: reading settings never imports torch.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from components.core.specs import Spec

KINDS: Mapping[str, str] = MappingProxyType({"mlp": "components.networks.mlp:MLP"})


def spec_class(kind: str) -> type[Spec]:
    """Return the settings class of a kind."""
    module, name = KINDS[kind].split(":")
    found: type[Spec] = getattr(importlib.import_module(module), name)
    return found


def read_spec(value: Mapping[str, Any]) -> Any:
    """Read settled settings of a network: {"kind": "mlp", "layers": 3, ...}."""
    return spec_class(value["kind"]).model_validate(value)
