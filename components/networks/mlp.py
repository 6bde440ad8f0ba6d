"""Multilayer perceptrons: `layers` hidden layers of `width` units, each linear -> batch norm -> activation -> dropout.

The first choice for tables. "Better by default" (Holzmüller et al. 2024) shows how far it goes: its RealMLP is this
with `numbers: periodic`, `front_scale`, `parametrization: ntk` and `parametric`. Layers are in `blocks.py`, activation
functions in `activations.py` and `parametric.py`, first weights in `initialization.py`, what stands before the first
layer in `embedding.py`.

An image or a sequence is taken as one long row. Legend: K models, B rows of a batch, F inputs, C outputs.
"""

import itertools
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks import scaled
from components.networks.embedding import Front
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.numbers import Numbers, Plain, TakesNumbers
from components.networks.plan import Plan

if TYPE_CHECKING:
    import torch

    from components.networks import activations, batch_norm, blocks, dropout, mlp_walk, parametric
    from components.networks.way_back import WayBack
else:
    activations = lazy("components.networks.activations")
    batch_norm = lazy("components.networks.batch_norm")
    blocks = lazy("components.networks.blocks")
    dropout = lazy("components.networks.dropout")
    mlp_walk = lazy("components.networks.mlp_walk")
    parametric = lazy("components.networks.parametric")


class MLP(TakesNumbers, NetworkSpec):
    """A multilayer perceptron."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"table", "sequence", "image"})
    per_row: ClassVar[frozenset[str]] = frozenset({"dropout", "initialization", "zero_head"})

    kind: Literal["mlp"] = setting("mlp", "fully connected layers")
    layers: int = setting(3, "hidden layers", search={"low": 2, "high": 4}, ge=1, le=16)
    width: int = setting(128, "units of one hidden layer", search={"choose": [64, 128, 256]}, ge=1, le=4096)
    activation: Literal["relu", "leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"] = setting(
        "relu",
        "also sigmoid, tanh, leaky_relu, gelu, silu",
        search={"choose": ["relu", "selu", "mish"]},
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("he", "also xavier, lecun, orthogonal")
    zero_head: bool = setting(False, "the last layer's weights begin at 0: no class is ahead at first")
    batch_norm: bool = setting(False, "units standardised over the batch", search={"choose": [True, False]})
    dropout: float = setting(
        0.0,
        "share of the units left out in a step",
        search={"choose": [0.0, {"low": 0.05, "high": 0.5}]},
        ge=0,
        lt=1,
    )
    numbers: Numbers = setting(
        Plain(),
        "plain | periodic | piecewise: how a number of a table enters",
        search={"choose": ["plain", "periodic", "piecewise"]},
        discriminator="kind",
    )
    embedding: int = setting(8, "numbers that stand for a category that enters as a code", ge=1, le=256)
    front_scale: bool = setting(
        False,
        "each input scaled by a number that learns quickly (as in RealMLP)",
        search={"choose": [True, False]},
    )
    parametrization: Literal["standard", "ntk"] = setting(
        "standard",
        "ntk: wide and narrow layers learn alike at one rate, biases at a tenth (as in RealMLP)",
        search={"choose": ["standard", "ntk"]},
    )
    parametric: bool = setting(
        False,
        "each unit learns its mix of a straight line and the activation",
        search={"choose": [True, False]},
    )
    residual: bool = setting(False, "each hidden layer but the first adds what it makes to what went in")

    def build(self, inputs: Inputs, num_outputs: int) -> "MLPNetwork":
        """Return the network; a row without numbers is allowed: it learns the shares."""
        return MLPNetwork(self, inputs, num_outputs)


class MLPNetwork:
    """`components.networks.network.Network` for perceptrons."""

    def __init__(self, spec: MLP, inputs: Inputs, num_outputs: int) -> None:
        self.spec = spec
        self._plan = plan = Plan()
        self._front = Front(spec, inputs, plan)
        widths = (self._front.width, *[spec.width] * spec.layers, num_outputs)
        if spec.front_scale:
            scaled.lay_scale(plan, widths[0])
        for number, (width, outputs) in enumerate(itertools.pairwise(widths)):
            title = f"hidden {number + 1}" if number < spec.layers else "output"
            count = scaled.lay_linear(plan, f"{number}", width, outputs, spec.parametrization)
            plan.row(f"{title}: linear", [width, outputs], count)
            if number < spec.layers:
                self._lay_units(number, title)
        self.parameters, self.buffers = plan.parameters, plan.buffers

    def _lay_units(self, number: int, title: str) -> None:
        spec, plan, width = self.spec, self._plan, [self.spec.width]
        if spec.batch_norm:
            plan.row(f"{title}: batch norm", width, plan.norm(f"{number}.norm", spec.width))
            plan.statistics(f"{number}.norm", spec.width)
        count = 0
        if spec.parametric:
            count = plan.vector(f"{number}.mix", (spec.width,), begins=1 / scaled.MIX_RATE)
        plan.row(f"{title}: {'parametric ' if spec.parametric else ''}{spec.activation}", width, count)
        if spec.dropout:
            plan.row(f"{title}: dropout {spec.dropout:g}", width)
        if spec.residual and number:
            plan.row(f"{title}: added to what went in", width)

    def initialize(
        self,
        spec: MLP,
        parameters: Views,
        buffers: Views,
        generator: "torch.Generator",
        sample_nF: "torch.Tensor | None" = None,
    ) -> None:
        """See `Network`."""
        self._plan.begin(spec, parameters, buffers, generator, sample_nF, head=f"{self.spec.layers}")

    def forward(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """See `Network`."""
        h = self._hidden(parameters, buffers, x.flatten(2), training)
        return blocks.linear(h, *self._linear(parameters, self.spec.layers))

    def there_and_back(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", training: TrainingPass
    ) -> "tuple[torch.Tensor, WayBack]":
        """See `way_back.there_and_back`."""
        spec, rows = self.spec, self._front.of(parameters, buffers, x.flatten(2))
        weights = [self._linear(parameters, number) for number in range(spec.layers + 1)]
        # of all layers in one go: a quarter of the time
        noise = dropout.noise((len(rows), spec.layers, rows.shape[1], spec.width), rows, training)
        walk = mlp_walk.Walk(spec, parameters, buffers, training, rows, weights, noise)
        return walk.outputs, walk.back

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`."""
        return self._hidden(parameters, buffers, x.flatten(2), None)

    def _linear(self, parameters: Views, number: int) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return weight and bias of a layer as they are used."""
        first = self.spec.front_scale and number == 0
        return scaled.linear_of(parameters, f"{number}", self.spec.parametrization, scaled=first)

    def _hidden(
        self, parameters: Views, buffers: Views, h: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return what the last hidden layer makes of rows [K, B, F]: [K, B, O]."""
        spec, h = self.spec, self._front.of(parameters, buffers, h)
        activation = None if spec.batch_norm or spec.parametric else spec.activation  # in one block with the product
        for number in range(spec.layers):
            before = h
            h = blocks.linear(h, *self._linear(parameters, number), activation)
            if spec.batch_norm:
                h = batch_norm.batch_norm(f"{number}.norm", parameters, buffers, h, training)
            if spec.parametric:
                h = parametric.parametric(h, parameters[f"{number}.mix"], spec.activation)
            elif spec.batch_norm:
                h = activations.FUNCTIONS[spec.activation](h)
            h = dropout.dropout(h, training)
            if spec.residual and number:
                h = before + h
        return h

    def cost(self) -> int:
        """Multiply-adds of the matrix products."""
        return self._plan.cost

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        return list(self._plan.rows)
