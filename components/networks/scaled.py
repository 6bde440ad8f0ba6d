"""Learning rates of single layers, by what is held: a layer uses `factor` times its parameter.

Adam moves every parameter by about the learning rate, so that the layer moves `factor` times as fast; no optimizer
knows of it. (Weight decay is then that of the rate itself, not of `factor` times it.)

ntk         weights are held sqrt(inputs) times as large as they are used, biases 10 times: a wide layer moves as far as
            a narrow one at the same rate (neural tangent parametrization, Jacot 2018; biases as in RealMLP)
front scale a number for each input of the first layer, which learns 6 times as fast: it soon weighs the columns
            (RealMLP, Holzmüller 2024)

Legend: K models, I inputs, O outputs.
"""

import math
from typing import TYPE_CHECKING, Literal

from components.networks.network import Views
from components.networks.plan import Plan

if TYPE_CHECKING:
    import torch

Parametrization = Literal["standard", "ntk"]
BIAS_RATE = 0.1
MIX_RATE = 0.1  # of the mixes of parametric activations
SCALE_RATE = 6.0
SCALE = "front.scale"


def lay_scale(plan: Plan, width: int) -> None:
    """Add a scale for each input of the first layer, 1 at first."""
    plan.row("numbers: scale", [width], plan.vector(SCALE, (width,), begins=1 / SCALE_RATE))


def lay_linear(plan: Plan, name: str, inputs: int, outputs: int, parametrization: Parametrization) -> int:
    """Add weight and bias of a layer; return their numbers."""
    held = math.sqrt(max(inputs, 1)) if parametrization == "ntk" else 1.0
    return plan.linear(name, inputs, outputs, held=held)


def linear_of(
    parameters: Views, name: str, parametrization: Parametrization, *, scaled: bool = False
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return weight [K, O, I] and bias [K, O] of a layer as they are used; `scaled`: by the front scale."""
    weight_KOI, bias_KO = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    if parametrization == "ntk":
        weight_KOI = weight_KOI * (1 / math.sqrt(max(weight_KOI.shape[2], 1)))
        bias_KO = bias_KO * BIAS_RATE
    if scaled:  # on the weights: no gradient has to go through the rows
        weight_KOI = weight_KOI * (parameters[SCALE] * SCALE_RATE).unsqueeze(1)
    return weight_KOI, bias_KO
