"""Convolutional networks from declared blocks: (convolution -> batch norm -> activation) x n -> pooling -> dropout.

The first choice for pictures (LeCun 1998). Every block doubles the filters while pooling halves the sides. A residual
block adds its input, by a convolution of 1 x 1, to its last convolution before the activation (He 2016). Dropout
leaves out whole channels (Tompson 2015). Layers are in `convolution.py` and `pooling.py`.

Legend: K models, B rows, H W D height, width and channels of a picture, I O channels before and after, C outputs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.plan import Plan
from components.networks.sides import Padding, Sides, convolved, padding_of, pooled

if TYPE_CHECKING:
    import torch

    from components.networks import activations, blocks, convolution, dropout, pooling, row_by_row
else:
    torch = lazy("torch")
    activations = lazy("components.networks.activations")
    convolution = lazy("components.networks.convolution")
    dropout = lazy("components.networks.dropout")
    blocks = lazy("components.networks.blocks")
    pooling = lazy("components.networks.pooling")
    row_by_row = lazy("components.networks.row_by_row")


class CNN(NetworkSpec):
    """A convolutional network."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"image"})
    per_row: ClassVar[frozenset[str]] = frozenset({"dropout", "initialization", "zero_head"})

    kind: Literal["cnn"] = setting("cnn", "convolutions, for pictures")
    blocks: int = setting(
        3, "blocks, each on half the sides of the one before", search={"low": 2, "high": 4}, ge=1, le=8
    )
    convolutions: int = setting(1, "convolutions of one block", search={"low": 1, "high": 2}, ge=1, le=8)
    filters: int = setting(32, "of the first block; doubled by every block", search={"choose": [16, 32]}, ge=1, le=1024)
    kernel: int = setting(3, "side of a filter, in pixels", ge=1, le=31)
    stride: int = setting(1, "pixels that the first filter of a block moves by", ge=1, le=8)
    padding: Annotated[int, Field(ge=0, le=31)] | Literal["same", "valid"] = setting(
        "same", "same | valid, or rows of zeros; same, too, where a picture has become smaller than the filter"
    )
    pooling: Literal["max", "average", "none"] = setting(
        "max", "of 2 x 2 pixels behind every block; also average, none", search={"choose": ["max", "average"]}
    )
    head: Literal["average", "flatten"] = setting(
        "average", "what the last layer sees: the mean of each channel, or flatten: every pixel"
    )
    residual: bool = setting(False, "a block adds its input to its result", search={"choose": [True, False]})
    activation: Literal["relu", "leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"] = setting(
        "relu", "also sigmoid, tanh, leaky_relu, selu, gelu, silu, mish"
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("he", "also xavier, lecun, orthogonal")
    zero_head: bool = setting(False, "the last layer's weights begin at 0: no class is ahead at first")
    batch_norm: bool = setting(True, "channels standardised over the batch")
    dropout: float = setting(
        0.0,
        "share of the channels left out in a step",
        search={"choose": [0.0, {"low": 0.05, "high": 0.3}]},
        ge=0,
        lt=1,
    )

    def build(self, inputs: Inputs, num_outputs: int) -> "CNNNetwork":
        """Return the network for pictures (H, W, D)."""
        return CNNNetwork(self, inputs, num_outputs)


# max pooling before one of these gives the same numbers, and the activation then has a quarter of the work
RISING = frozenset({"relu", "leaky_relu", "selu", "sigmoid", "tanh"})


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """One convolution in its place."""

    name: str
    stride: int
    padding: Padding


class CNNNetwork:
    """`components.networks.network.Network` for convolutional networks."""

    def __init__(self, spec: CNN, inputs: Inputs, num_outputs: int) -> None:
        self.spec = spec
        self._plan = plan = Plan()
        sides, channels = (inputs.shape[0], inputs.shape[1]), inputs.shape[2]
        self._blocks: list[list[Convolution]] = []
        for block in range(spec.blocks):
            sides = self._lay_block(block, sides, channels)
            channels = spec.filters * 2**block
        features = channels if spec.head == "average" else sides[0] * sides[1] * channels
        if spec.head == "average":
            plan.row("head: mean of each channel", [channels])
        plan.row("output: linear", [features, num_outputs], plan.linear("output", features, num_outputs))
        self.parameters, self.buffers = plan.parameters, plan.buffers

    def _lay_block(self, block: int, sides: Sides, channels: int) -> Sides:
        """Add a block to the plan; return the sides behind it."""
        spec, plan, filters = self.spec, self._plan, self.spec.filters * 2**block
        title, inputs = f"block {block + 1}", channels
        found: list[Convolution] = []
        for number in range(spec.convolutions):
            one = Convolution(
                name=f"{block}.{number}",
                stride=1 if number else spec.stride,
                padding=padding_of(spec.padding, spec.kernel, sides),
            )
            found.append(one)
            sides = convolved(sides, spec.kernel, one.stride, one.padding)
            count = plan.weight(f"{one.name}.weight", (filters, spec.kernel, spec.kernel, inputs))
            plan.cost += count * sides[0] * sides[1]
            count += 0 if spec.batch_norm else plan.vector(f"{one.name}.bias", (filters,))
            plan.row(f"{title}: convolution {spec.kernel} x {spec.kernel}", [*sides, filters], count)
            if spec.batch_norm:
                plan.statistics(f"{one.name}.norm", filters)
                plan.row(f"{title}: batch norm", [*sides, filters], plan.norm(f"{one.name}.norm", filters))
            if spec.residual and number == spec.convolutions - 1:
                count = plan.weight(f"{block}.shortcut.weight", (filters, 1, 1, channels))
                plan.cost += count * sides[0] * sides[1]
                plan.row(f"{title}: shortcut", [*sides, filters], count)
            plan.row(f"{title}: {spec.activation}", [*sides, filters])
            inputs = filters
        if spec.pooling != "none" and max(sides) > 1:
            sides = pooled(sides)
            plan.row(f"{title}: {spec.pooling} pooling", [*sides, filters])
        if spec.dropout:
            plan.row(f"{title}: dropout {spec.dropout:g}", [*sides, filters])
        self._blocks.append(found)
        return sides

    def initialize(
        self,
        spec: CNN,
        parameters: Views,
        buffers: Views,
        generator: "torch.Generator",
        sample_nF: "torch.Tensor | None" = None,
    ) -> None:
        """See `Network`."""
        self._plan.begin(spec, parameters, buffers, generator)

    def forward(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """See `Network`."""
        if x.device.type == "cpu":
            return row_by_row.row_by_row(self.folded, parameters, buffers, x, training)
        return self.folded(parameters, buffers, x, training)

    def folded(
        self, parameters: Views, buffers: Views, x_KBHWD: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return outputs [K, B, C] of all models at once, folded into the channels."""
        seen_KBE = self._seen(parameters, buffers, x_KBHWD, training)
        return blocks.linear(seen_KBE, parameters["output.weight"], parameters["output.bias"])

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`."""
        if x.device.type == "cpu":
            return row_by_row.row_by_row(self._seen, parameters, buffers, x, None)
        return self._seen(parameters, buffers, x, None)

    def _seen(
        self, parameters: Views, buffers: Views, x_KBHWD: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return what the last layer sees [K, B, E]."""
        h = convolution.fold(x_KBHWD)
        for block in range(len(self._blocks)):
            h = self._block(block, parameters, buffers, h, training)
        if self.spec.head == "average":
            h = pooling.global_average(h)
        return h.reshape(len(h), len(x_KBHWD), -1).transpose(0, 1)

    def _block(
        self, block: int, parameters: Views, buffers: Views, h: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        spec, beside = self.spec, h
        activation = activations.FUNCTIONS[spec.activation]
        early = spec.pooling == "max" and spec.activation in RISING
        for one in self._blocks[block]:
            h = convolution.convolution(
                h, parameters[f"{one.name}.weight"], parameters.get(f"{one.name}.bias"), one.stride, one.padding
            )
            if spec.batch_norm:
                scale, shift = parameters[f"{one.name}.norm.scale"], parameters[f"{one.name}.norm.shift"]
                running = (buffers[f"{one.name}.norm.mean"], buffers[f"{one.name}.norm.variance"])
                h = convolution.batch_norm(h, scale, shift, running, training)
            if spec.residual:
                beside = convolution.shortcut(beside, spec.kernel, one.stride, one.padding)
            if one is not self._blocks[block][-1]:
                h = activation(h)
        if spec.residual:
            h = h + convolution.convolution(beside, parameters[f"{block}.shortcut.weight"], None, 1, (0, 0))
        h = activation(pooling.pool(spec.pooling, h)) if early else pooling.pool(spec.pooling, activation(h))
        return h if training is None else self._dropout(h, training)

    def _dropout(self, h_BCHW: "torch.Tensor", training: TrainingPass) -> "torch.Tensor":
        rates = training.rates("dropout")
        if not any(rates):
            return h_BCHW
        batch, channels = h_BCHW.shape[:2]
        ones_KBC = torch.ones(len(rates), batch, channels // len(rates), dtype=h_BCHW.dtype, device=h_BCHW.device)
        kept_KBC = dropout.dropout(ones_KBC, training)
        return h_BCHW * kept_KBC.transpose(0, 1).reshape(batch, channels, 1, 1)

    def cost(self) -> int:
        """Multiply-adds of the convolutions and the last layer."""
        return self._plan.cost

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        return list(self._plan.rows)
