"""Outputs of networks in training, and the way back from them to the parameters.

Autograd finds it for all of them; a network that knows it by itself is quicker (`mlp_walk.py`).

Legend: K models, B rows of a batch, C outputs.
"""

from collections.abc import Callable, Sequence

import torch

from components.networks.network import Network, TrainingPass, Views

WayBack = Callable[[torch.Tensor], Sequence[torch.Tensor]]
"""How the loss changes with the outputs [K, B, C] -> how it changes with each parameter, in their order."""


def there_and_back(
    network: Network, parameters: Views, buffers: Views, x: torch.Tensor, training: TrainingPass
) -> tuple[torch.Tensor, WayBack]:
    """Return outputs [K, B, C] for x [K, B, *shape], and the way back; `parameters` are leaves.

    A network that has a `there_and_back` of its own (`MLPNetwork`) goes by itself.
    """
    own: Callable[..., tuple[torch.Tensor, WayBack]] | None = getattr(network, "there_and_back", None)
    if own is not None:
        return own(parameters, buffers, x, training)
    outputs = network.forward(parameters, buffers, x, training)
    leaves = list(parameters.values())
    return outputs, lambda upper: torch.autograd.grad(outputs, leaves, upper)
