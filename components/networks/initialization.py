"""How weights begin. Biases begin at 0, scales at 1.

he        normal, variance 2 / inputs: keeps the size of signals through ReLUs (He 2015)
xavier    uniform, variance 2 / (inputs + outputs): for sigmoid and tanh (Glorot 2010)
lecun     normal, variance 1 / inputs: what SELU asks for (LeCun 1998, Klambauer 2017)
orthogonal  rows or columns of length sqrt(2), at right angles (Saxe 2014)
"""

import math
from typing import Literal

import torch

Initialization = Literal["he", "xavier", "lecun", "orthogonal"]


def initialize(scheme: Initialization, weight_OI: torch.Tensor, generator: torch.Generator) -> None:
    """Fill one weight matrix [outputs, inputs] in place from the generator of its model."""
    outputs, inputs = weight_OI.shape
    if scheme == "xavier":
        limit = math.sqrt(6 / (inputs + outputs))
        values = (torch.rand(outputs, inputs, generator=generator) * 2 - 1) * limit
    elif scheme == "orthogonal":
        values = _orthogonal(outputs, inputs, generator) * math.sqrt(2)
    else:
        deviation = math.sqrt((2 if scheme == "he" else 1) / max(inputs, 1))
        values = torch.randn(outputs, inputs, generator=generator) * deviation
    weight_OI.copy_(values)


def _orthogonal(outputs: int, inputs: int, generator: torch.Generator) -> torch.Tensor:
    tall = torch.randn(max(outputs, inputs), min(outputs, inputs), generator=generator)
    q, r = torch.linalg.qr(tall)
    q = q * torch.where(torch.diagonal(r) < 0, -1.0, 1.0)  # without this the signs would not be uniform
    return q if outputs >= inputs else q.T
