"""The table of architectures: the word after `kind:` -> where its settings class lives.

Every settings class is a `NetworkSpec` with `build(inputs, num_outputs) -> Network` (`network.py`). Nothing is imported
before a kind is asked for, and then only that kind: reading settings never imports torch.
"""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from components.networks.network import NetworkSpec

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "mlp": "components.networks.mlp:MLP",
        "tabm": "components.networks.tabm:TabM",
        "resnet": "components.networks.resnet:ResNet",
        "ft_transformer": "components.networks.ft_transformer:FTTransformer",
        "cnn": "components.networks.cnn:CNN",
        "rnn": "components.networks.rnn:RNN",
        "lstm": "components.networks.lstm:LSTM",
        "gru": "components.networks.gru:GRU",
        "transformer": "components.networks.transformer:Transformer",
    }
)


def spec_class(kind: str) -> type[NetworkSpec]:
    """Return the settings class of a kind."""
    module, name = KINDS[kind].split(":")
    found: type[NetworkSpec] = getattr(importlib.import_module(module), name)
    return found


def read_spec(value: Mapping[str, Any]) -> NetworkSpec:
    """Read settled settings of a network: {"kind": "mlp", "layers": 3, ...}."""
    return spec_class(value["kind"]).model_validate(value)
