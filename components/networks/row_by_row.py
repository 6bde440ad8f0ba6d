"""One model after another through a forward pass that is written for K of them.

For layers whose stacked form is slower on a CPU (convolutions: 4 to 5 times). Nobody outside knows: what goes in and
comes out has its K. A model that goes alone needs no rows of padding either, so they are cut off.

Legend: K models, B rows of a batch, C outputs.
"""

from collections.abc import Callable

import torch

from components.networks.network import TrainingPass, Views

LARGEST_PIECE = 256  # rows of one pass that only predicts: what lies between two layers should stay in the cache

Forward = Callable[[Views, Views, torch.Tensor, TrainingPass | None], torch.Tensor]


def row_by_row(
    forward: Forward, parameters: Views, buffers: Views, x: torch.Tensor, training: TrainingPass | None
) -> torch.Tensor:
    """Return outputs [K, B, C] of `forward` (which takes views and rows of one model) for each model of x [K, B, ...].

    Outputs of padding are 0. Its rows come last in a batch.
    """
    outputs: list[torch.Tensor | None] = []
    for number in range(len(x)):
        own = {name: view[number : number + 1] for name, view in parameters.items()}
        own_buffers = {name: view[number : number + 1] for name, view in buffers.items()}
        rows = x[number : number + 1]
        if training is None:
            parts = [forward(own, own_buffers, part, None) for part in torch.split(rows, LARGEST_PIECE, dim=1)]
            outputs.append(torch.cat(parts, dim=1))
            continue
        weight_KB = training.weight_KB
        count = x.shape[1] if weight_KB is None else int(weight_KB[number].sum().item())
        if not (training.active[number] and count):
            outputs.append(None)
            continue
        found = forward(own, own_buffers, rows[:, :count], training.of_model(number))
        outputs.append(torch.nn.functional.pad(found, (0, 0, 0, x.shape[1] - count)))
    shape = next(found for found in outputs if found is not None)
    return torch.cat([torch.zeros_like(shape) if found is None else found for found in outputs])
