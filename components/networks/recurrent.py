"""What plain, LSTM and GRU networks share: settings, layers in both directions, pooling over the steps, last layer.

The steps of an image are its rows of pixels. A layer that reads in both directions hands on both results side by side.
Weights are stacked gate by gate in torch's order and under torch's meaning, with its two biases.

Legend: K models, B rows, T steps, F numbers of a step, H width of a state, G = H * gates, C outputs.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.plan import Plan

if TYPE_CHECKING:
    import torch

    from components.networks import cells, layers, sequence_pooling
else:
    torch = lazy("torch")
    cells = lazy("components.networks.cells")
    layers = lazy("components.networks.layers")
    sequence_pooling = lazy("components.networks.sequence_pooling")


class Recurrent(NetworkSpec):
    """Settings of every recurrent network."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"sequence", "image"})
    per_row: ClassVar[frozenset[str]] = frozenset(
        {"dropout", "initialization", "recurrent_initialization", "zero_head"}
    )
    gates: ClassVar[int]

    layers: int = setting(1, "recurrent layers, one upon the other", search={"low": 1, "high": 2}, ge=1, le=8)
    width: int = setting(64, "numbers in a state", search={"choose": [32, 64, 128]}, ge=1, le=2048)
    bidirectional: bool = setting(
        True, "read forwards and backwards, by cells of their own", search={"choose": [True, False]}
    )
    pooling: Literal["last", "mean", "attention"] = setting(
        "last",
        "what the last layer sees of the steps: the last state, their mean, or a learned mean: attention",
        search={"choose": ["last", "mean", "attention"]},
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("xavier", "also he, lecun, orthogonal")
    recurrent_initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting(
        "orthogonal", "of the weights from state to state; also he, xavier, lecun"
    )
    zero_head: bool = setting(False, "the last layer's weights begin at 0: no class is ahead at first")
    dropout: float = setting(
        0.0,
        "share of the numbers left out between layers and before the last",
        search={"choose": [0.0, {"low": 0.05, "high": 0.5}]},
        ge=0,
        lt=1,
    )


class RecurrentNetwork:
    """`components.networks.network.Network` for recurrent networks; each kind brings its own layer."""

    title: ClassVar[str]

    def __init__(self, spec: Recurrent, inputs: Inputs, num_outputs: int) -> None:
        self.spec = spec
        self._plan = plan = Plan()
        steps, width = inputs.shape[0], inputs.size // inputs.shape[0]
        self._directions = ("forward", "backward") if spec.bidirectional else ("forward",)
        outputs = spec.width * len(self._directions)
        for layer in range(spec.layers):
            for direction in self._directions:
                count = self._lay_cell(f"{layer}.{direction}", width, steps)
                plan.row(f"layer {layer + 1}: {self.title} {direction}", [steps, spec.width], count)
            if spec.dropout:
                plan.row(f"layer {layer + 1}: dropout {spec.dropout:g}", [steps, outputs])
            width = outputs
        count = 0
        if spec.pooling == "attention":
            count = plan.linear("attention", outputs, outputs, times=steps)
            count += plan.weight("attention.query.weight", (1, outputs))
        plan.row(f"steps: {spec.pooling}", [outputs], count)
        plan.row("output: linear", [outputs, num_outputs], plan.linear("output", outputs, num_outputs))
        self.parameters, self.buffers = plan.parameters, plan.buffers

    def _lay_cell(self, name: str, inputs: int, steps: int) -> int:
        spec, plan, gates = self.spec, self._plan, self.spec.gates
        states = gates * spec.width
        plan.cost += steps * states * (inputs + spec.width)
        return (
            plan.weight(f"{name}.input.weight", (states, inputs), parts=gates)
            + plan.weight(f"{name}.state.weight", (states, spec.width), begins="recurrent", parts=gates)
            + plan.vector(f"{name}.input.bias", (states,))
            + plan.vector(f"{name}.state.bias", (states,))
        )

    def initialize(
        self,
        spec: Recurrent,
        parameters: Views,
        buffers: Views,
        generator: "torch.Generator",
        sample_nF: "torch.Tensor | None" = None,
    ) -> None:
        """See `Network`."""
        self._plan.begin(spec, parameters, buffers, generator)

    def run(
        self,
        x_KBTI: "torch.Tensor",
        weights: "tuple[torch.Tensor, ...]",
        lengths_KB: "torch.Tensor | None",
        *,
        backwards: bool,
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Run one layer in one direction: see `cells.run`."""
        raise NotImplementedError

    def forward(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None" = None,
    ) -> "torch.Tensor":
        """See `Network`."""
        seen_KBE = self._seen(parameters, x, training, lengths_KB)
        return layers.linear(seen_KBE, parameters["output.weight"], parameters["output.bias"])

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`."""
        return self._seen(parameters, x, None, lengths_KB)

    def _seen(
        self,
        parameters: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None",
    ) -> "torch.Tensor":
        """Return what the last layer sees [K, B, E]."""
        h_KBTO, last_KBO = x.flatten(3), x
        for layer in range(self.spec.layers):
            if layer:
                h_KBTO = self._dropout(h_KBTO, training)
            told = [self._direction(parameters, f"{layer}.{name}", h_KBTO, lengths_KB) for name in self._directions]
            h_KBTO, last_KBO = (torch.cat(parts, dim=-1) for parts in zip(*told, strict=True))
        return self._dropout(self._pooled(parameters, h_KBTO, last_KBO, lengths_KB), training)

    def _direction(
        self, parameters: Views, name: str, h_KBTI: "torch.Tensor", lengths_KB: "torch.Tensor | None"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        weights = tuple(
            parameters[f"{name}.{part}"] for part in ("input.weight", "state.weight", "input.bias", "state.bias")
        )
        return self.run(h_KBTI, weights, lengths_KB, backwards=name.endswith("backward"))

    def _pooled(
        self,
        parameters: Views,
        h_KBTO: "torch.Tensor",
        last_KBO: "torch.Tensor",
        lengths_KB: "torch.Tensor | None",
    ) -> "torch.Tensor":
        if self.spec.pooling == "last":
            return last_KBO
        valid = None if lengths_KB is None else cells.valid_steps(lengths_KB, h_KBTO.shape[2])
        if self.spec.pooling == "mean":
            return sequence_pooling.mean(h_KBTO, valid)
        weight, bias = parameters["attention.weight"], parameters["attention.bias"]
        return sequence_pooling.attention(h_KBTO, valid, weight, bias, parameters["attention.query.weight"][:, 0])

    def _dropout(self, h: "torch.Tensor", training: TrainingPass | None) -> "torch.Tensor":
        if training is None:
            return h
        return layers.dropout(h.flatten(2), training.rates("dropout"), training.generators).view(h.shape)

    def cost(self) -> int:
        """Multiply-adds of the matrix products over all steps."""
        return self._plan.cost

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        return list(self._plan.rows)
