"""Residual networks for tables (Gorishniy 2021): blocks that add to a row what they make of it.

linear to `width`; then blocks: h + dropout(linear(dropout(activation(linear(batch norm(h)))))), the inner layer
`factor` times as wide; then batch norm, activation and the last layer. Dropout has two rates: inside a block, and of
what it adds.

Legend: K models, B rows of a batch, F inputs, O units, C outputs.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks import headed
from components.networks.embedding import Front
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.numbers import Numbers, Plain, TakesNumbers
from components.networks.plan import Plan

if TYPE_CHECKING:
    import torch

    from components.networks import activations, batch_norm, blocks, dropout
else:
    activations = lazy("components.networks.activations")
    dropout = lazy("components.networks.dropout")
    batch_norm = lazy("components.networks.batch_norm")
    blocks = lazy("components.networks.blocks")


class ResNet(TakesNumbers, NetworkSpec):
    """A residual network for tables."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"table"})
    per_row: ClassVar[frozenset[str]] = frozenset({"dropout", "residual_dropout", "initialization", "zero_head"})

    kind: Literal["resnet"] = setting("resnet", "blocks that add to a row what they make of it, for tables")
    blocks: int = setting(3, "blocks of two layers", search={"low": 1, "high": 4}, ge=1, le=16)
    width: int = setting(128, "units between blocks", search={"choose": [64, 128, 256]}, ge=1, le=4096)
    factor: int = setting(2, "times as many units inside a block", search={"choose": [1, 2, 4]}, ge=1, le=16)
    activation: Literal["relu", "leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"] = setting(
        "relu", "also sigmoid, tanh, leaky_relu, selu, gelu, silu, mish"
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("he", "also xavier, lecun, orthogonal")
    zero_head: bool = setting(False, "the last layer's weights begin at 0: no class is ahead at first")
    dropout: float = setting(
        0.2, "share of the units left out inside a block", search={"low": 0.0, "high": 0.5}, ge=0, lt=1
    )
    residual_dropout: float = setting(
        0.0,
        "share left out of what a block adds",
        search={"choose": [0.0, {"low": 0.05, "high": 0.5}]},
        ge=0,
        lt=1,
    )
    numbers: Numbers = setting(
        Plain(), "how a number of a table enters; also periodic, piecewise", discriminator="kind"
    )
    embedding: int = setting(8, "numbers that stand for a category that enters as a code", ge=1, le=256)

    def build(self, inputs: Inputs, num_outputs: int) -> headed.HeadedNetwork:
        """Return the network for rows of a table."""
        body = ResNetBody(self, inputs)
        return headed.HeadedNetwork(body.plan, body.see, self.width, num_outputs)


class ResNetBody:
    """Blocks, and what they make of a row."""

    def __init__(self, spec: ResNet, inputs: Inputs) -> None:
        self.spec = spec
        self.plan = plan = Plan()
        self._front = Front(spec, inputs, plan)
        width, inner = spec.width, spec.factor * spec.width
        plan.row("rows: linear", [self._front.width, width], plan.linear("first", self._front.width, width))
        for block in range(spec.blocks):
            title = f"block {block + 1}"
            self._lay_norm(title, f"{block}.norm")
            plan.row(f"{title}: linear, {spec.activation}", [width, inner], plan.linear(f"{block}.wide", width, inner))
            if spec.dropout:
                plan.row(f"{title}: dropout {spec.dropout:g}", [inner])
            plan.row(f"{title}: linear", [inner, width], plan.linear(f"{block}.narrow", inner, width))
            if spec.residual_dropout:
                plan.row(f"{title}: dropout {spec.residual_dropout:g}", [width])
            plan.row(f"{title}: added to what went in", [width])
        self._lay_norm("rows", "norm")
        plan.row(f"rows: {spec.activation}", [width])

    def _lay_norm(self, title: str, name: str) -> None:
        self.plan.row(f"{title}: batch norm", [self.spec.width], self.plan.norm(name, self.spec.width))
        self.plan.statistics(name, self.spec.width)

    def see(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """Return what the last layer sees of rows [K, B, F]: [K, B, O]."""
        activation = self.spec.activation
        h = self._linear(parameters, "first", self._front.of(parameters, buffers, x))
        for block in range(self.spec.blocks):
            seen = batch_norm.batch_norm(f"{block}.norm", parameters, buffers, h, training)
            wide = blocks.linear(seen, parameters[f"{block}.wide.weight"], parameters[f"{block}.wide.bias"], activation)
            made = self._linear(parameters, f"{block}.narrow", dropout.dropout(wide, training))
            h = h + dropout.dropout(made, training, "residual_dropout")
        return activations.FUNCTIONS[activation](batch_norm.batch_norm("norm", parameters, buffers, h, training))

    def _linear(self, parameters: Views, name: str, h_KBI: "torch.Tensor") -> "torch.Tensor":
        return blocks.linear(h_KBI, parameters[f"{name}.weight"], parameters[f"{name}.bias"])
