"""How weights begin. Biases begin at 0, scales at 1.

he        normal, variance 2 / inputs: keeps the size of signals through ReLUs (He 2015)
xavier    uniform, variance 2 / (inputs + outputs): for sigmoid and tanh (Glorot 2010)
lecun     normal, variance 1 / inputs: what SELU asks for (LeCun 1998, Klambauer 2017)
orthogonal  rows or columns of length sqrt(2), at right angles (Saxe 2014)
`zero_head`, a setting of every network, lets the last layer's weights begin at 0 (RealMLP-TD-S).

The kernel of a convolution [outputs, height, width, channels] is a matrix of outputs x (height * width * channels):
these are the inputs of one output; and an input reaches height * width * outputs.
"""

import math
from typing import Literal

import torch

Initialization = Literal["he", "xavier", "lecun", "orthogonal"]


def initialize(
    scheme: Initialization, weight: torch.Tensor, generator: torch.Generator, *, length: float = math.sqrt(2)
) -> None:
    """Fill one weight matrix [outputs, inputs] or kernel [outputs, height, width, channels] in place.

    `generator` is that of its model; `length` is that of orthogonal rows: 1 keeps a state's size over many steps.
    """
    outputs, reach = weight.shape[0], math.prod(weight.shape[1:-1])
    inputs = math.prod(weight.shape[1:])
    if scheme == "xavier":
        limit = math.sqrt(6 / (inputs + outputs * reach))
        values = (torch.rand(outputs, inputs, generator=generator) * 2 - 1) * limit
    elif scheme == "orthogonal":
        values = _orthogonal(outputs, inputs, generator) * length
    else:
        deviation = math.sqrt((2 if scheme == "he" else 1) / max(inputs, 1))
        values = torch.randn(outputs, inputs, generator=generator) * deviation
    weight.copy_(values.view(weight.shape))


def _orthogonal(outputs: int, inputs: int, generator: torch.Generator) -> torch.Tensor:
    tall = torch.randn(max(outputs, inputs), min(outputs, inputs), generator=generator)
    q, r = torch.linalg.qr(tall)
    q = q * torch.where(torch.diagonal(r) < 0, -1.0, 1.0)  # without this the signs would not be uniform
    return q if outputs >= inputs else q.T
