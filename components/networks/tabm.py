"""TabM: many perceptrons in one, which share their matrices and learn side by side (Gorishniy 2024).

Each member has an adapter before every matrix, one behind it, biases and a last layer of its own; the first adapter
begins at random, so that members see different rows. `mini` has the first adapter and the last layers alone.
They are trained on the mean of their losses and predict the mean of their probabilities: an ensemble for the price of
its products, which overfits less than its members would alone. Layers are in `members.py`.

Legend: K models, m members, B rows of a batch, F inputs, O units, C outputs.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from components.core.lazy import lazy
from components.core.specs import setting
from components.networks.embedding import Front
from components.networks.network import DataKind, Inputs, NetworkSpec, TrainingPass, Views
from components.networks.numbers import Numbers, Plain, TakesNumbers
from components.networks.plan import Plan, Sample

if TYPE_CHECKING:
    import torch

    from components.networks import blocks, dropout, members, row_by_row
else:
    torch = lazy("torch")
    dropout = lazy("components.networks.dropout")
    blocks = lazy("components.networks.blocks")
    members = lazy("components.networks.members")
    row_by_row = lazy("components.networks.row_by_row")


class TabM(TakesNumbers, NetworkSpec):
    """Perceptrons that share their matrices."""

    takes: ClassVar[frozenset[DataKind]] = frozenset({"table"})
    per_row: ClassVar[frozenset[str]] = frozenset({"dropout", "initialization", "zero_head"})

    kind: Literal["tabm"] = setting("tabm", "many perceptrons that share their matrices, for tables")
    variant: Literal["tabm", "mini"] = setting(
        "tabm", "adapters at every matrix, or mini: before the first alone", search={"choose": ["tabm", "mini"]}
    )
    members: int = setting(16, "perceptrons in one", ge=2, le=256)
    layers: int = setting(3, "hidden layers", search={"low": 2, "high": 4}, ge=1, le=16)
    width: int = setting(128, "units of one hidden layer", search={"choose": [128, 256]}, ge=1, le=4096)
    activation: Literal["relu", "leaky_relu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"] = setting(
        "relu", "also sigmoid, tanh, leaky_relu, selu, gelu, silu, mish"
    )
    initialization: Literal["he", "xavier", "lecun", "orthogonal"] = setting("he", "also xavier, lecun, orthogonal")
    zero_head: bool = setting(False, "the last layers' weights begin at 0: no class is ahead at first")
    numbers: Numbers = setting(
        Plain(),
        "plain | periodic | piecewise: how a number of a table enters",
        search={"choose": ["plain", "periodic", "piecewise"]},
        discriminator="kind",
    )
    embedding: int = setting(8, "numbers that stand for a category that enters as a code", ge=1, le=256)
    dropout: float = setting(
        0.1,
        "share of the units left out in a step",
        search={"choose": [0.0, {"low": 0.05, "high": 0.5}]},
        ge=0,
        lt=1,
    )

    def build(self, inputs: Inputs, num_outputs: int) -> "TabMNetwork":
        """Return the network for rows of a table."""
        return TabMNetwork(self, inputs, num_outputs)


class TabMNetwork:
    """`components.networks.network.Network` for TabM."""

    def __init__(self, spec: TabM, inputs: Inputs, num_outputs: int) -> None:
        self.spec = spec
        self._num_outputs = num_outputs
        self._plan = plan = Plan()
        self._front = Front(spec, inputs, plan)
        width = self._front.width
        for number in range(spec.layers):
            self._lay_layer(number, width)
            width = spec.width
        plan.cost += spec.members * width * num_outputs
        count = plan.weight("output.weight", (spec.members * num_outputs, width), parts=spec.members)
        count += plan.vector("output.bias", (spec.members, num_outputs))
        plan.row(f"output: {spec.members} linear", [width, num_outputs], count)
        plan.row("output: mean of the members", [num_outputs])
        self.parameters, self.buffers = plan.parameters, plan.buffers

    def _lay_layer(self, number: int, inputs: int) -> None:
        spec, plan, title = self.spec, self._plan, f"hidden {number + 1}"
        adapts = spec.variant == "tabm"
        plan.cost += spec.members * inputs * spec.width
        own = 0
        if adapts or not number:
            begins = 1.0 if number else self._first
            own = plan.vector(f"{number}.before", (spec.members, inputs), begins=begins)
        count = plan.weight(f"{number}.weight", (spec.width, inputs))
        own += plan.vector(f"{number}.behind", (spec.members, spec.width), begins=1.0) if adapts else 0
        bias = plan.vector(f"{number}.bias", (spec.members if adapts else 1, spec.width))
        if own:
            plan.row(f"{title}: adapters of {spec.members}", [spec.members, inputs], own)
        plan.row(f"{title}: linear, shared", [inputs, spec.width], count + bias)
        plan.row(f"{title}: {spec.activation}", [spec.members, spec.width])
        if spec.dropout:
            plan.row(f"{title}: dropout {spec.dropout:g}", [spec.members, spec.width])

    def initialize(
        self,
        spec: TabM,
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
        if training is None and x.device.type == "cpu":  # in pieces: members make many rows of one
            return row_by_row.row_by_row(self._answers, parameters, buffers, x, None)
        return self._answers(parameters, buffers, x, training)

    def _answers(
        self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return each member's outputs [K, B, m, C] in training, and what they say together [K, B, C] else."""
        h_KmBO = self._hidden(parameters, buffers, x_KBF, training)
        weight_KmCO = parameters["output.weight"].unflatten(1, (self.spec.members, self._num_outputs))
        outputs_KBmC = members.heads(h_KmBO, weight_KmCO, parameters["output.bias"]).transpose(1, 2)
        return members.agreed(outputs_KBmC) if training is None else outputs_KBmC

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`: the mean of what the members' last layers see."""
        if x.device.type == "cpu":
            return row_by_row.row_by_row(self._embedded, parameters, buffers, x, None)
        return self._embedded(parameters, buffers, x, None)

    def _embedded(
        self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        return self._hidden(parameters, buffers, x_KBF, training).mean(1)

    def _hidden(
        self, parameters: Views, buffers: Views, x_KBF: "torch.Tensor", training: TrainingPass | None
    ) -> "torch.Tensor":
        """Return what the last hidden layer makes of rows [K, m, B, O]."""
        activation = self.spec.activation
        h_KmBO = self._front.of(parameters, buffers, x_KBF).unsqueeze(1)
        for number in range(self.spec.layers):
            weight, bias = parameters[f"{number}.weight"], parameters[f"{number}.bias"]
            before, behind = parameters.get(f"{number}.before"), parameters.get(f"{number}.behind")
            if before is None:
                h_KmBO = members.shared(h_KmBO, weight, bias[:, 0], activation)
            else:
                h_KmBO = members.adapted(h_KmBO, weight, before, behind, bias, activation)
            if training is not None:
                noisy = dropout.dropout(h_KmBO.flatten(1, 2), training)
                h_KmBO = noisy.view(h_KmBO.shape)
        return h_KmBO

    def _first(self, spec: Any, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
        """Return how the first adapter begins [m, E]: random signs; where numbers stand together for a column, one
        normal number for all of them (as published)."""
        members = spec.members
        if self._front.plain:
            return torch.randint(0, 2, (members, self._front.width), generator=generator) * 2.0 - 1
        inputs, coded = self._front.inputs, len(self._front.inputs.codes)
        made = inputs.numbers if self._front.maps.made else 0
        counts = torch.tensor([inputs.size - coded, coded, made])  # in the order of the front
        sizes = torch.tensor([1, self._front.size, self._front.maps.made]).repeat_interleave(counts)
        return torch.randn(members, len(sizes), generator=generator).repeat_interleave(sizes, dim=1)

    def cost(self) -> int:
        """Multiply-adds of the matrix products of all members."""
        return self._plan.cost

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        return list(self._plan.rows)
