"""Self-attention with several heads (Vaswani 2017). It has no parameters, so models fold into the batch.

On a CPU the two matrix products are written out for short sequences, where torch's fused kernel takes up to 60 % longer
(milliseconds of a step, 4 heads of 16, one thread: 128 rows of 16 steps 1.9 and 2.3; of 49 steps 12.9 and 11.7; 32 rows
of 196 steps 35.9 and 22.4). Elsewhere the fused kernel also saves the memory of all T x T scores. It cannot leave out
weights with each model's own noise, so attention with noise is written out too.

Legend: K models, B rows, T steps (Q of them ask), h heads, d width of one head; N = K * B * h.
"""

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from components.networks import products

FUSED_FROM = 48  # steps
VECTOR = 16  # floats: over fewer, torch's softmax goes one by one, up to 8 times slower than over so many


def attention(
    query_KBQO: torch.Tensor,
    key_KBTO: torch.Tensor,
    value_KBTO: torch.Tensor,
    heads: int,
    valid_KBT: torch.Tensor | None,
    noise: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return for each step that asks the mean of the values [K, B, Q, h * d], weighted by query and key.

    Steps that are not valid are seen by none; what they see themselves means nothing. `noise` is done to the weights
    [K, B * h * Q, T].
    """
    models, rows, steps, width = key_KBTO.shape
    query, key, value = (_heads(part, heads) for part in (query_KBQO, key_KBTO, value_KBTO))
    hidden = None
    if valid_KBT is not None:
        hidden = ~valid_KBT.view(models * rows, 1, 1, steps)
    if noise is not None or (query.device.type == "cpu" and steps < FUSED_FROM):
        shares = _shares(query, key, hidden)
        if noise is not None:
            shares = noise(shares.view(models, -1, steps)).view(shares.shape)
        seen = products.matmul(shares, value)
    else:
        own = query.dtype
        query, key, value = (products.factor(part) for part in (query, key, value))
        mask = None if hidden is None else torch.zeros_like(hidden, dtype=query.dtype).masked_fill(hidden, -math.inf)
        seen = products.whole(functional.scaled_dot_product_attention(query, key, value, attn_mask=mask), own)
    return seen.transpose(1, 2).reshape(models, rows, -1, width)


def _heads(part_KBTO: torch.Tensor, heads: int) -> torch.Tensor:
    """Return [K * B, h, T, d]."""
    models, rows, steps, width = part_KBTO.shape
    return part_KBTO.reshape(models * rows, steps, heads, width // heads).transpose(1, 2)


def _shares(query: torch.Tensor, key: torch.Tensor, hidden: torch.Tensor | None) -> torch.Tensor:
    """Return the weight of each step for each that asks [K * B, h, Q, T]."""
    scores = products.matmul(query * (1 / math.sqrt(query.shape[-1])), key.transpose(-2, -1))
    if hidden is not None:
        scores = scores.masked_fill(hidden, -math.inf)
    steps = scores.shape[-1]
    if steps < VECTOR and scores.device.type == "cpu":
        return torch.softmax(functional.pad(scores, (0, VECTOR - steps), value=-math.inf), dim=-1)[..., :steps]
    return torch.softmax(scores, dim=-1)
