"""A network as a body, which makes of a row what there is to see of it, and one linear layer that looks at that.

What its body does is a function of parameters and rows; all that such networks share stands here once.

Legend: K models, B rows, E numbers of what is seen, C outputs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from components.core.lazy import lazy
from components.networks.network import TrainingPass, Views
from components.networks.plan import Plan

if TYPE_CHECKING:
    import torch

    from components.networks import blocks
else:
    blocks = lazy("components.networks.blocks")

Body = Callable[[Views, Views, "torch.Tensor", TrainingPass | None, "torch.Tensor | None"], "torch.Tensor"]
"""(parameters, buffers, rows, the pass; None in prediction, lengths or None) -> what the last layer sees: [K, B, E]."""


class HeadedNetwork:
    """`components.networks.network.Network` of a body and a last layer."""

    def __init__(self, plan: Plan, body: Body, seen: int, num_outputs: int) -> None:
        """`plan`: what the body has laid out; the last layer is added to it. `seen`: E."""
        plan.row("output: linear", [seen, num_outputs], plan.linear("output", seen, num_outputs))
        self._plan, self._body = plan, body
        self.parameters, self.buffers = plan.parameters, plan.buffers

    def initialize(
        self,
        spec: Any,
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
        seen_KBE = self._body(parameters, buffers, x, training, lengths_KB)
        return blocks.linear(seen_KBE, parameters["output.weight"], parameters["output.bias"])

    def embed(
        self, parameters: Views, buffers: Views, x: "torch.Tensor", lengths_KB: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """See `Network`."""
        return self._body(parameters, buffers, x, None, lengths_KB)

    def cost(self) -> int:
        """Multiply-adds of the matrix products, over all steps of a row."""
        return self._plan.cost

    def table(self) -> list[dict[str, Any]]:
        """See `Network`."""
        return list(self._plan.rows)
