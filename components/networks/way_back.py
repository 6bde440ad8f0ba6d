"""Outputs of networks in training, and the way back from them to the parameters.

Autograd finds it for all of them. A network of a few layers can walk it by itself: of a step of one small perceptron a
third of the time was autograd's, which knows no network but notes down every call.

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

    A network that has a `there_and_back` of its own (`MLPNetwork`) is asked first; it may say None.
    """
    own: Callable[..., tuple[torch.Tensor, WayBack] | None] | None = getattr(network, "there_and_back", None)
    found = None if own is None else own(parameters, x, training)
    if found is not None:
        return found
    outputs = network.forward(parameters, buffers, x, training)
    leaves = list(parameters.values())
    return outputs, lambda upper: torch.autograd.grad(outputs, leaves, upper)
