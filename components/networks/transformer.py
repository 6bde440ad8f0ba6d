"""Transformer encoders (Vaswani 2017), for sequences, and for pictures cut into square pieces (Dosovitskiy 2021).

Steps are embedded by one matrix and get learned positions. A layer is attention, then two linear layers with an
activation between, each added to what went in. Norm before them (pre) learns without warm-up; norm behind is the first
form (post). Layers are in `attention.py`, `layer_norm.py` and `blocks.py`.

Legend: K models, B rows, T steps, F numbers of a step, O width, H W D height, width and channels, C outputs.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks import headed
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.plan import Plan

if TYPE_CHECKING:
    import torch

    from components.networks import activations, attention, blocks, cells, dropout, layer_norm, sequence_pooling
else:
    torch = lazy("torch")
    activations = lazy("components.networks.activations")
    attention = lazy("components.networks.attention")
    cells = lazy("components.networks.cells")
    dropout = lazy("components.networks.dropout")
    layer_norm = lazy("components.networks.layer_norm")
    blocks = lazy("components.networks.blocks")
    sequence_pooling = lazy("components.networks.sequence_pooling")


class Transformer(NetworkSpec):
    """A Transformer encoder."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"sequence", "image"})
    per_row: ClassVar[frozenset[str]] = frozenset({"dropout", "initialization", "zero_head"})

    kind: Literal["transformer"] = setting("transformer", "self-attention, for sequences and pictures")
    layers: int = setting(3, "encoder layers", search={"low": 2, "high": 4}, ge=1, le=24)
    width: int = setting(64, "numbers of one step", search={"choose": [32, 64, 128]}, ge=1, le=2048)
    heads: int = setting(
        4, "heads of attention, of width / heads numbers each (rounded up)", search={"choose": [2, 4]}, ge=1, le=64
    )
    feed_forward: int = setting(
        2, "times as wide between the two linear layers", search={"low": 1, "high": 4}, ge=1, le=16
    )
    patch: int = setting(4, "side of the pieces that a picture is cut into, in pixels", ge=1, le=256)
    norm: Literal["pre", "post"] = setting("pre", "before each part of a layer, or post: behind it")
    pooling: Literal["mean", "class_token"] = setting(
        "mean",
        "what the last layer sees: the mean of the steps, or class_token: a learned first step",
        search={"choose": ["mean", "class_token"]},
    )
    activation: Literal["relu", "leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"] = setting(
        "gelu", "also sigmoid, tanh, relu, leaky_relu, selu, silu, mish"
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("xavier", "also he, lecun, orthogonal")
    zero_head: bool = setting(False, "the last layer's weights begin at 0: no class is ahead at first")
    dropout: float = setting(
        0.0,
        "share of the numbers left out of what each part adds, and between the two linear layers",
        search={"choose": [0.0, {"low": 0.05, "high": 0.3}]},
        ge=0,
        lt=1,
    )

    def build(self, inputs: Inputs, num_outputs: int) -> headed.HeadedNetwork:
        """Return the network for sequences (T, F) or pictures (H, W, D)."""
        body = TransformerBody(self, inputs)
        return headed.HeadedNetwork(body.plan, body.see, self.width, num_outputs)


class TransformerBody:
    """Embedded steps, layers, and what is taken of the steps."""

    def __init__(self, spec: Transformer, inputs: Inputs) -> None:
        self._spec = spec
        self.plan = plan = Plan()
        self._picture = inputs.shape if inputs.kind == "image" else None
        steps, numbers = inputs.shape[0], inputs.size // inputs.shape[0]
        if self._picture is not None:
            height, width, channels = self._picture
            steps = -(-height // spec.patch) * -(-width // spec.patch)
            numbers = spec.patch * spec.patch * channels
        width, self._with_token = spec.width, spec.pooling == "class_token"
        self._inner = -(-width // spec.heads) * spec.heads
        plan.row("steps: linear", [steps, width], plan.linear("embedding", numbers, width, times=steps))
        count = plan.vector("positions", (steps, width), begins="position")
        if self._with_token:
            count += plan.vector("class_token", (1, width), begins="position")
            steps += 1
        plan.row("steps: positions", [steps, width], count)
        for layer in range(spec.layers):
            self._lay_layer(layer, steps)
        if spec.norm == "pre":
            plan.row("steps: layer norm", [steps, width], plan.norm("norm", width))
        plan.row(f"steps: {spec.pooling}", [width])

    def _lay_layer(self, layer: int, steps: int) -> None:
        spec, plan, width, inner = self._spec, self.plan, self._spec.width, self._inner
        title, hidden = f"layer {layer + 1}", spec.feed_forward * width
        count = sum(plan.linear(f"{layer}.{part}", width, inner, times=steps) for part in ("query", "key", "value"))
        count += plan.linear(f"{layer}.mixed", inner, width, times=steps)
        plan.cost += 2 * steps * steps * inner
        plan.row(f"{title}: attention, {spec.heads} heads", [steps, width], count)
        plan.row(f"{title}: layer norm", [steps, width], plan.norm(f"{layer}.attention.norm", width))
        count = plan.linear(f"{layer}.wide", width, hidden, times=steps)
        plan.row(f"{title}: linear, {spec.activation}", [steps, hidden], count)
        plan.row(f"{title}: linear", [steps, width], plan.linear(f"{layer}.narrow", hidden, width, times=steps))
        plan.row(f"{title}: layer norm", [steps, width], plan.norm(f"{layer}.linear.norm", width))
        if spec.dropout:
            plan.row(f"{title}: dropout {spec.dropout:g}", [steps, width])

    def see(
        self,
        parameters: Views,
        buffers: Views,
        x: "torch.Tensor",
        training: TrainingPass | None,
        lengths_KB: "torch.Tensor | None",
    ) -> "torch.Tensor":
        """Return what the last layer sees [K, B, E]."""
        steps_KBTF = x if self._picture is None else pieces(x, self._spec.patch)
        h = linear(parameters, "embedding", steps_KBTF) + parameters["positions"].unsqueeze(1)
        valid = None if lengths_KB is None else cells.valid_steps(lengths_KB, steps_KBTF.shape[2])
        if self._with_token:
            token = parameters["class_token"].unsqueeze(1).expand(-1, h.shape[1], -1, -1)
            h = torch.cat([token, h], dim=2)
            valid = None if valid is None else torch.nn.functional.pad(valid, (1, 0), value=True)
        for layer in range(self._spec.layers):
            h = self._add(parameters, f"{layer}.attention", h, training, valid)
            h = self._add(parameters, f"{layer}.linear", h, training, None)
        if self._spec.norm == "pre":
            h = norm(parameters, "norm", h)
        return h[:, :, 0] if self._with_token else sequence_pooling.mean(h, valid)

    def _add(
        self,
        parameters: Views,
        part: str,
        h: "torch.Tensor",
        training: TrainingPass | None,
        valid_KBT: "torch.Tensor | None",
    ) -> "torch.Tensor":
        """Add to h what one part of a layer makes of it."""
        pre = self._spec.norm == "pre"
        seen = norm(parameters, f"{part}.norm", h) if pre else h
        layer, kind = part.split(".")
        if kind == "attention":
            query, key, value = (linear(parameters, f"{layer}.{name}", seen) for name in ("query", "key", "value"))
            mixed = attention.attention(query, key, value, self._spec.heads, valid_KBT)
            made = linear(parameters, f"{layer}.mixed", mixed)
        else:
            wide = activations.FUNCTIONS[self._spec.activation](linear(parameters, f"{layer}.wide", seen))
            made = linear(parameters, f"{layer}.narrow", dropout.dropout(wide, training))
        h = h + dropout.dropout(made, training)
        return h if pre else norm(parameters, f"{part}.norm", h)


def linear(parameters: Views, name: str, h_KBTI: "torch.Tensor") -> "torch.Tensor":
    """Return a linear layer's answer for every step."""
    made = blocks.linear(h_KBTI.flatten(1, 2), parameters[f"{name}.weight"], parameters[f"{name}.bias"])
    return made.view(*h_KBTI.shape[:3], -1)


def norm(parameters: Views, name: str, h_KBTO: "torch.Tensor") -> "torch.Tensor":
    """Return the normal vectors of all steps."""
    normal = layer_norm.layer_norm(h_KBTO.flatten(1, 2), parameters[f"{name}.scale"], parameters[f"{name}.shift"])
    return normal.view(h_KBTO.shape)


def pieces(x_KBHWD: "torch.Tensor", side: int) -> "torch.Tensor":
    """Cut pictures into squares, row by row [K, B, T, side * side * D]; what is missing at the edges is 0."""
    models, rows, height, width, channels = x_KBHWD.shape
    down, across = -(-height // side), -(-width // side)
    whole = torch.nn.functional.pad(x_KBHWD, (0, 0, 0, across * side - width, 0, down * side - height))
    parts = whole.view(models, rows, down, side, across, side, channels).transpose(3, 4)
    return parts.reshape(models, rows, down * across, side * side * channels)
