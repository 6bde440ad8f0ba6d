"""The loop over the steps of a sequence, for every recurrent cell and K models at once.

A cell is a function of one step; the products with the inputs of all steps are made before the loop, in one call.
Sequences may have unequal lengths: a state stays as it is once its sequence has ended, and what is read backwards
begins at its own last step, as with torch's packed sequences. Outputs behind the end are 0.

Measured on a CPU with one thread (milliseconds per model, 64 rows, 28 steps, width 64): GRU 4.9 here, 6.1 in torch's
own kernel; plain 1.5 and 2.2; LSTM 8.6 and 9.6, but 30.8 and 22.8 at 128 rows and width 128: see `lstm.py`.

Legend: K models, B rows, T steps, I inputs of a step, H width of the state, G = H * gates.
"""

from collections.abc import Callable, Sequence

import torch

from components.networks.blocks import linear

State = tuple[torch.Tensor, ...]  # [K, B, H] each; the first is what the cell tells
Cell = Callable[[torch.Tensor, torch.Tensor, State], State]
"""(what the inputs give to the gates, what the state gives [K, B, G], the state) -> the next state."""


def valid_steps(lengths_KB: torch.Tensor, num_steps: int) -> torch.Tensor:
    """Return which steps count: truth [K, B, T]."""
    return torch.arange(num_steps, device=lengths_KB.device) < lengths_KB.unsqueeze(2)


def run(
    cell: Cell,
    num_states: int,
    x_KBTI: torch.Tensor,
    weights: Sequence[torch.Tensor],
    lengths_KB: torch.Tensor | None,
    *,
    backwards: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a cell over all steps. `weights`: of the inputs [K, G, I], of the state [K, G, H], and their biases [K, G].

    Returns what it tells at every step [K, B, T, H], and its state behind the last one [K, B, H].
    """
    weight_KGI, weight_KGH, bias_KG, state_bias_KG = weights
    models, rows, steps, inputs = x_KBTI.shape
    # steps first, so that each is one piece of memory
    x_KTBI = x_KBTI.transpose(1, 2).reshape(models, steps * rows, inputs)
    parts = linear(x_KTBI, weight_KGI, bias_KG).view(models, steps, rows, -1).unbind(1)
    zeros = x_KBTI.new_zeros(models, rows, weight_KGH.shape[2])
    state: State = (zeros,) * num_states
    valid = None if lengths_KB is None else valid_steps(lengths_KB, steps).unsqueeze(3).unbind(2)
    told: list[torch.Tensor] = [zeros] * steps
    for step in reversed(range(steps)) if backwards else range(steps):
        new = cell(parts[step], linear(state[0], weight_KGH, state_bias_KG), state)
        if valid is not None:
            new = tuple(torch.where(valid[step], after, before) for after, before in zip(new, state, strict=True))
        state = new
        told[step] = state[0] if valid is None else torch.where(valid[step], state[0], zeros)
    return torch.stack(told, dim=2), state[0]
