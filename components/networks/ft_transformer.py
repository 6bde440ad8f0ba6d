"""FT-Transformer: a Transformer over the columns of a table (Gorishniy 2021).

Each column is a token: a number (a flag is one) times a learned vector, plus another; a category has a vector for each
of its codes. A class token looks at all of them through layers of attention and of two linear layers with ReGLU
between, each added to what went in, norm before them (but not before the first attention). Nothing but the class token
is read in the end, so in the last layer it alone asks. Layers are those of `transformer.py`.

Its time goes with the square of the columns: the network to choose where they are few and matter together. On a CPU
one model goes after another, so that what lies between two layers stays in the cache.

Legend: K models, B rows, F columns, N numbers and flags, G coded columns, T tokens, O width, C outputs.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks import transformer
from components.networks.embedding import Front
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.numbers import Numbers, Plain
from components.networks.plan import Begin, Plan, Sample
from components.networks.store import aligned

if TYPE_CHECKING:
    import torch

    from components.networks import attention, blocks, dropout, row_by_row
else:
    torch = lazy("torch")
    attention = lazy("components.networks.attention")
    dropout = lazy("components.networks.dropout")
    blocks = lazy("components.networks.blocks")
    row_by_row = lazy("components.networks.row_by_row")


class FTTransformer(NetworkSpec):
    """A Transformer over the columns of a table."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"table"})
    per_row: ClassVar[frozenset[str]] = frozenset(
        {"dropout", "attention_dropout", "residual_dropout", "initialization", "zero_head"}
    )

    kind: Literal["ft_transformer"] = setting("ft_transformer", "self-attention over the columns of a table")
    layers: int = setting(3, "layers of attention", search={"low": 1, "high": 4}, ge=1, le=16)
    width: int = setting(64, "numbers of one column", search={"choose": [32, 64, 128]}, ge=1, le=2048)
    heads: int = setting(4, "heads of attention, of width / heads numbers each (rounded up)", ge=1, le=64)
    feed_forward: float = setting(
        1.33,
        "times as wide between the two linear layers, rounded up to a multiple of 16",
        search={"low": 0.67, "high": 2.67},
        gt=0,
        le=16,
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("xavier", "also he, lecun, orthogonal")
    zero_head: bool = setting(False, "the last layer's weights begin at 0: no class is ahead at first")
    attention_dropout: float = setting(
        0.2, "share of the looks from one column at another left out", search={"low": 0.0, "high": 0.5}, ge=0, lt=1
    )
    dropout: float = setting(
        0.1, "share left out between the two linear layers", search={"low": 0.0, "high": 0.5}, ge=0, lt=1
    )
    residual_dropout: float = setting(
        0.0,
        "share left out of what each part of a layer adds",
        search={"choose": [0.0, {"low": 0.05, "high": 0.2}]},
        ge=0,
        lt=1,
    )

    @property
    def numbers(self) -> Numbers:
        """See `TakesTables`: numbers are tokens, nothing else is made of them."""
        return Plain()

    @property
    def embedding(self) -> int:
        """See `TakesTables`: the vector of a category is a token."""
        return self.width

    def build(self, inputs: Inputs, num_outputs: int) -> "FTTransformerNetwork":
        """Return the network for rows of a table; one without columns learns the shares."""
        return FTTransformerNetwork(self, inputs, num_outputs)


class FTTransformerNetwork:
    """`components.networks.network.Network` for FT-Transformers."""

    def __init__(self, spec: FTTransformer, inputs: Inputs, num_outputs: int) -> None:
        self.spec = spec
        self._plan = plan = Plan()
        self._front = Front(spec, inputs, plan)
        self._coded, width = len(inputs.codes), spec.width
        self._inner = aligned(width, spec.heads)
        self._hidden = aligned(math.ceil(width * spec.feed_forward))
        shape = (inputs.size - self._coded, width)
        count = plan.vector("columns.slope", shape, begins=_uniform(shape, width))
        plan.row("columns: numbers and flags", list(shape), count)
        shape = (inputs.size, width)
        plan.row("columns: bias", list(shape), plan.vector("columns.bias", shape, begins=_uniform(shape, width)))
        tokens = inputs.size + 1
        count = plan.vector("class_token", (1, width), begins=_uniform((1, width), width))
        plan.row("columns: class token", [tokens, width], count)
        for layer in range(spec.layers):
            self._lay_layer(layer, tokens, 1 if layer == spec.layers - 1 else tokens)
        plan.row("class token: layer norm, relu", [width], plan.norm("norm", width))
        plan.row("output: linear", [width, num_outputs], plan.linear("output", width, num_outputs))
        self.parameters, self.buffers = plan.parameters, plan.buffers

    def _lay_layer(self, layer: int, tokens: int, asking: int) -> None:
        """Lay a layer in which so many of the tokens ask the others."""
        spec, plan, width, inner = self.spec, self._plan, self.spec.width, self._inner
        title, wide = f"layer {layer + 1}", self._hidden
        if layer:
            plan.row(f"{title}: layer norm", [tokens, width], plan.norm(f"{layer}.attention.norm", width))
        count = plan.linear(f"{layer}.query", width, inner, times=asking)
        count += sum(plan.linear(f"{layer}.{part}", width, inner, times=tokens) for part in ("key", "value"))
        count += plan.linear(f"{layer}.mixed", inner, width, times=asking)
        plan.cost += 2 * asking * tokens * inner
        plan.row(f"{title}: attention, {spec.heads} heads", [asking, width], count)
        plan.row(f"{title}: layer norm", [asking, width], plan.norm(f"{layer}.linear.norm", width))
        count = plan.linear(f"{layer}.wide", width, 2 * wide, times=asking)
        plan.row(f"{title}: linear, reglu", [asking, wide], count)
        plan.row(f"{title}: linear", [asking, width], plan.linear(f"{layer}.narrow", wide, width, times=asking))

    def initialize(
        self,
        spec: FTTransformer,
        parameters: Views,
        buffers: Views,
        generator: "torch.Generator",
        sample_nF: "torch.Tensor | None" = None,
    ) -> None:
        """See `Network`."""
        self._plan.begin(spec, parameters, buffers, generator, sample_nF)

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
            return row_by_row.row_by_row(self.stacked, parameters, buffers, x, training)
        return self.stacked(parameters, buffers, x, training)

    def stacked(
        self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return outputs [K, B, C] of all models at once."""
        seen_KBO = self._seen(parameters, buffers, x_KBF, training)
        return blocks.linear(seen_KBO, parameters["output.weight"], parameters["output.bias"])

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`."""
        if x.device.type == "cpu":
            return row_by_row.row_by_row(self._seen, parameters, buffers, x, None)
        return self._seen(parameters, buffers, x, None)

    def _seen(
        self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return what the last layer sees [K, B, O]."""
        h_KBTO = self._tokens(parameters, x_KBF)
        for layer in range(self.spec.layers):
            h_KBTO = self._layer(parameters, layer, h_KBTO, training)
        return torch.relu(transformer.norm(parameters, "norm", h_KBTO)[:, :, 0])

    def _tokens(self, parameters: Views, x_KBF: "torch.Tensor") -> "torch.Tensor":
        """Return the class token and those of the columns [K, B, T, O]."""
        models, rows, columns = x_KBF.shape
        numbers = columns - self._coded
        bias = parameters["columns.bias"].unsqueeze(1)
        slope = parameters["columns.slope"].unsqueeze(1)
        parts = [parameters["class_token"].unsqueeze(1).expand(models, rows, 1, -1)]
        parts.append(torch.addcmul(bias[:, :, :numbers], x_KBF[:, :, :numbers].unsqueeze(3), slope))
        if self._coded:
            parts.append(self._front.vectors(parameters, x_KBF) + bias[:, :, numbers:])
        return torch.cat(parts, dim=2)

    def _layer(
        self, parameters: Views, layer: int, h_KBTO: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return the tokens behind a layer; behind the last one the class token alone."""
        seen = transformer.norm(parameters, f"{layer}.attention.norm", h_KBTO) if layer else h_KBTO
        if layer == self.spec.layers - 1:
            h_KBTO = h_KBTO[:, :, :1]
        asking = seen[:, :, : h_KBTO.shape[2]]
        query = transformer.linear(parameters, f"{layer}.query", asking)
        key, value = (transformer.linear(parameters, f"{layer}.{part}", seen) for part in ("key", "value"))
        mixed = self._attention(query, key, value, training)
        made = transformer.linear(parameters, f"{layer}.mixed", mixed)
        h_KBTO = h_KBTO + dropout.dropout(made, training, "residual_dropout")
        seen = transformer.norm(parameters, f"{layer}.linear.norm", h_KBTO)
        value, gate = transformer.linear(parameters, f"{layer}.wide", seen).chunk(2, dim=3)
        wide = dropout.dropout(value * torch.relu(gate), training)
        made = transformer.linear(parameters, f"{layer}.narrow", wide)
        return h_KBTO + dropout.dropout(made, training, "residual_dropout")

    def _attention(
        self, query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        rates = () if training is None else training.rates("attention_dropout")
        if training is None or not any(rates):
            return attention.attention(query, key, value, self.spec.heads, None)

        def noise(shares: "torch.Tensor") -> "torch.Tensor":
            return dropout.dropout(shares, training, "attention_dropout")

        return attention.attention(query, key, value, self.spec.heads, None, noise)

    def cost(self) -> int:
        """Multiply-adds of the matrix products, those of attention among them."""
        return self._plan.cost

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        return list(self._plan.rows)


def _uniform(shape: tuple[int, ...], width: int) -> Begin:
    """Return the first vectors of columns: uniform, no longer than a standard deviation (as published)."""

    def begin(spec: Any, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
        return (torch.rand(shape, generator=generator) * 2 - 1) / math.sqrt(width)

    return begin
