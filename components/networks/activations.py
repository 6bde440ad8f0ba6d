"""Activation functions by name. All work elementwise, so the population axis needs no care.

relu (Nair and Hinton 2010), leaky_relu (slope 0.01, Maas 2013), selu (Klambauer 2017), gelu (Hendrycks 2016), silu
(Elfwing 2017), mish (Misra 2019), sigmoid, tanh.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch.nn import functional

from components.networks.mish import mish

Activation = Literal["relu", "leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"]

FUNCTIONS: dict[Activation, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "selu": torch.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": mish,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
