"""Multilayer perceptrons: `layers` hidden layers of `width` units, each linear -> batch norm -> activation -> dropout.

The first choice for tables; "Better by default" (Holzmüller et al. 2024) shows how far it goes. Layers are in
`layers.py`, activation functions in `activations.py`, first weights in `initialization.py`.

An image or a sequence is taken as one long row. Legend: K models, B rows of a batch, F inputs, C outputs.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.store import Layout, Slot

if TYPE_CHECKING:
    import torch

    from components.networks import activations, blocks, initialization, layers
else:
    activations = lazy("components.networks.activations")
    blocks = lazy("components.networks.blocks")
    initialization = lazy("components.networks.initialization")
    layers = lazy("components.networks.layers")


class MLP(NetworkSpec):
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

    def build(self, inputs: Inputs, num_outputs: int) -> "MLPNetwork":
        """Return the network; a row without numbers is allowed: it learns the shares."""
        return MLPNetwork(self, inputs, num_outputs)


class MLPNetwork:
    """`components.networks.network.Network` for perceptrons."""

    def __init__(self, spec: MLP, inputs: Inputs, num_outputs: int) -> None:
        self.spec = spec
        self.widths = (inputs.size, *[spec.width] * spec.layers, num_outputs)
        slots: list[Slot] = []
        statistics: list[Slot] = []
        for number, (width, outputs) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            slots.append(Slot(name=f"{number}.weight", shape=(outputs, width), penalised=True))
            slots.append(Slot(name=f"{number}.bias", shape=(outputs,)))
            if spec.batch_norm and number < spec.layers:
                slots.append(Slot(name=f"{number}.norm.scale", shape=(outputs,)))
                slots.append(Slot(name=f"{number}.norm.shift", shape=(outputs,)))
                statistics.append(Slot(name=f"{number}.norm.mean", shape=(outputs,)))
                statistics.append(Slot(name=f"{number}.norm.variance", shape=(outputs,)))
        self.parameters = Layout(slots)
        self.buffers = Layout(statistics)

    def initialize(
        self,
        spec: MLP,
        parameters: Views,
        buffers: Views,
        generator: "torch.Generator",
        sample_nF: "torch.Tensor | None" = None,
    ) -> None:
        """See `Network`."""
        for name, view in parameters.items():
            if name.endswith("weight"):
                initialization.initialize(spec.initialization, view[0], generator)
            else:
                view.fill_(1.0 if name.endswith("scale") else 0.0)
        if spec.zero_head:
            parameters[f"{self.spec.layers}.weight"].zero_()
        for name, view in buffers.items():
            view.fill_(1.0 if name.endswith("variance") else 0.0)

    def forward(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """See `Network`."""
        activation = None if self.spec.batch_norm else self.spec.activation  # in one block with the product
        h = x.flatten(2)
        noise = training is not None and any(training.rates("dropout"))
        if not (self.spec.batch_norm or noise):
            tensors = [parameters[slot.name] for slot in self.parameters.slots]
            return blocks.chain(h, (*[activation] * self.spec.layers, None), *tensors)
        h = self._hidden(parameters, buffers, h, training)
        return layers.linear(h, parameters[f"{self.spec.layers}.weight"], parameters[f"{self.spec.layers}.bias"])

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`."""
        return self._hidden(parameters, buffers, x.flatten(2), None)

    def _hidden(
        self, parameters: Views, buffers: Views, h: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return what the last hidden layer makes of rows [K, B, F]: [K, B, O]."""
        activation = None if self.spec.batch_norm else self.spec.activation
        for number in range(self.spec.layers):
            h = layers.linear(h, parameters[f"{number}.weight"], parameters[f"{number}.bias"], activation)
            if self.spec.batch_norm:
                normal = self._batch_norm(number, parameters, buffers, h, training)
                h = activations.FUNCTIONS[self.spec.activation](normal)
            if training is not None:
                h = layers.dropout(h, training.rates("dropout"), training.generators)
        return h

    def _batch_norm(
        self, number: int, parameters: Views, buffers: Views, h_KBO: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        running = (buffers[f"{number}.norm.mean"], buffers[f"{number}.norm.variance"])
        scale, shift = parameters[f"{number}.norm.scale"], parameters[f"{number}.norm.shift"]
        if training is None:
            return layers.batch_norm_prediction(h_KBO, scale, shift, running)
        return layers.batch_norm_training(
            h_KBO, scale, shift, running, training.weight_KB, training.steps, training.active
        )

    def cost(self) -> int:
        """Multiply-adds of the matrix products."""
        return sum(inputs * outputs for inputs, outputs in zip(self.widths, self.widths[1:], strict=False))

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        rows: list[dict[str, Any]] = []
        for number, (inputs, outputs) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            hidden = number < self.spec.layers
            name = f"hidden {number + 1}" if hidden else "output"
            rows.append({"layer": f"{name}: linear", "shape": [inputs, outputs], "parameters": (inputs + 1) * outputs})
            if not hidden:
                continue
            if self.spec.batch_norm:
                rows.append({"layer": f"{name}: batch norm", "shape": [outputs], "parameters": 2 * outputs})
            rows.append({"layer": f"{name}: {self.spec.activation}", "shape": [outputs], "parameters": 0})
            if self.spec.dropout:
                rows.append({"layer": f"{name}: dropout {self.spec.dropout:g}", "shape": [outputs], "parameters": 0})
        return rows
