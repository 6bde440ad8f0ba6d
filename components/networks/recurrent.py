"""What plain, LSTM and GRU networks share: settings, layers in both directions, pooling over the steps, last layer.

The steps of an image are its rows of pixels. A layer that reads in both directions hands on both results side by side.
Weights are stacked gate by gate in torch's order and under torch's meaning, with its two biases.

Legend: K models, B rows, T steps, F numbers of a step, H width of a state, G = H * gates, C outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks import headed
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.plan import Plan, Sample

if TYPE_CHECKING:
    import torch

    from components.networks import cells, dropout, sequence_pooling
else:
    torch = lazy("torch")
    cells = lazy("components.networks.cells")
    dropout = lazy("components.networks.dropout")
    sequence_pooling = lazy("components.networks.sequence_pooling")


class Recurrent(NetworkSpec):
    """Settings of every recurrent network."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"sequence", "image"})
    per_row: ClassVar[frozenset[str]] = frozenset(
        {"dropout", "initialization", "recurrent_initialization", "zero_head"}
    )

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


Run = Callable[
    ["torch.Tensor", "tuple[torch.Tensor, ...]", "torch.Tensor | None", bool], "tuple[torch.Tensor, torch.Tensor]"
]
"""(rows [K, B, T, I], weights, lengths or None, whether backwards): one layer in one direction, as `cells.run`."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What a kind of recurrent network brings."""

    title: str
    run: Run
    biases: tuple[float, ...]  # with which its gates begin


def build(spec: Recurrent, inputs: Inputs, num_outputs: int, layer: Layer) -> headed.HeadedNetwork:
    """Return a recurrent network of this kind of layer."""
    body = RecurrentBody(spec, inputs, layer)
    return headed.HeadedNetwork(body.plan, body.see, body.seen, num_outputs)


class RecurrentBody:
    """Layers in both directions, and what is taken of their steps."""

    def __init__(self, spec: Recurrent, inputs: Inputs, kind: Layer) -> None:
        self._spec, self._kind = spec, kind
        self.plan = plan = Plan()
        steps, width = inputs.shape[0], inputs.size // inputs.shape[0]
        self._directions = ("forward", "backward") if spec.bidirectional else ("forward",)
        outputs = spec.width * len(self._directions)
        for layer in range(spec.layers):
            for direction in self._directions:
                count = self._lay_cell(f"{layer}.{direction}", width, steps)
                plan.row(f"layer {layer + 1}: {kind.title} {direction}", [steps, spec.width], count)
            if spec.dropout:
                plan.row(f"layer {layer + 1}: dropout {spec.dropout:g}", [steps, outputs])
            width = outputs
        count = 0
        if spec.pooling == "attention":
            count = plan.linear("attention", outputs, outputs, times=steps)
            count += plan.weight("attention.query.weight", (1, outputs))
        plan.row(f"steps: {spec.pooling}", [outputs], count)
        self.seen = outputs

    def _lay_cell(self, name: str, inputs: int, steps: int) -> int:
        spec, plan, gates = self._spec, self.plan, len(self._kind.biases)
        states = gates * spec.width
        plan.cost += steps * states * (inputs + spec.width)
        return (
            plan.weight(f"{name}.input.weight", (states, inputs), parts=gates)
            + plan.weight(f"{name}.state.weight", (states, spec.width), begins="recurrent", parts=gates)
            + plan.vector(f"{name}.input.bias", (states,), begins=self._first_biases)
            + plan.vector(f"{name}.state.bias", (states,))
        )

    def _first_biases(self, spec: Recurrent, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
        return torch.tensor(self._kind.biases).repeat_interleave(self._spec.width)

    def see(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None",
    ) -> "torch.Tensor":
        """Return what the last layer sees [K, B, E]."""
        h_KBTO, last_KBO = x.flatten(3), x
        for layer in range(self._spec.layers):
            if layer:
                h_KBTO = dropout.dropout(h_KBTO, training)
            told = [self._direction(parameters, f"{layer}.{name}", h_KBTO, lengths_KB) for name in self._directions]
            h_KBTO, last_KBO = (torch.cat(parts, dim=-1) for parts in zip(*told, strict=True))
        return dropout.dropout(self._pooled(parameters, h_KBTO, last_KBO, lengths_KB), training)

    def _direction(
        self, parameters: Views, name: str, h_KBTI: "torch.Tensor", lengths_KB: "torch.Tensor | None"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        weights = tuple(
            parameters[f"{name}.{part}"] for part in ("input.weight", "state.weight", "input.bias", "state.bias")
        )
        return self._kind.run(h_KBTI, weights, lengths_KB, name.endswith("backward"))

    def _pooled(
        self,
        parameters: Views,
        h_KBTO: "torch.Tensor",
        last_KBO: "torch.Tensor",
        lengths_KB: "torch.Tensor | None",
    ) -> "torch.Tensor":
        if self._spec.pooling == "last":
            return last_KBO
        valid = None if lengths_KB is None else cells.valid_steps(lengths_KB, h_KBTO.shape[2])
        if self._spec.pooling == "mean":
            return sequence_pooling.mean(h_KBTO, valid)
        weight, bias = parameters["attention.weight"], parameters["attention.bias"]
        return sequence_pooling.attention(h_KBTO, valid, weight, bias, parameters["attention.query.weight"][:, 0])
