"""Noise drawn where a step is made: a function of a model's seed, its count of steps, the layer and the unit.

For devices where a step is captured once and replayed (`components/training/graph.py`): nothing is drawn on the host,
and there is no state but the count of steps, so a model has the same noise alone, in any stack, and after a rest. The
function is SplitMix64 (Steele, Lea and Flood 2014), whole numbers alone: the same on every device. A processor draws
from generators (`dropout.py`): faster there, and other bits.

Legend: K models, W words of 64 bits, four units each.
"""

import functools
import math
from collections.abc import Sequence

import torch

GOLDEN = -0x61C8864680B583EB  # 2**64 / golden ratio, as a signed number
ROUNDS = ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15))  # shift, then multiply


class Counted:
    """The noise of K models."""

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        """`seeds`: of each model, in [0, 2**63)."""
        self._seed_K1 = torch.tensor(seeds, dtype=torch.int64, device=device).unsqueeze(1)
        self._limits: dict[tuple[float, ...], tuple[torch.Tensor, torch.Tensor]] = {}  # made before a capture

    def begin(self, steps_K1: torch.Tensor) -> None:
        """Begin a step; `steps_K1` counts those made before it."""
        self._key_K1 = mixed(self._seed_K1 ^ mixed(steps_K1.to(torch.int64)))

    def kept(self, shape: Sequence[int], rates: Sequence[float], dtype: torch.dtype) -> torch.Tensor:
        """Return 0 for units [K, ...] that are left out, with each model's own probability in steps of 1/65536, else
        what scales the rest up."""
        size, device = math.prod(shape[1:]), self._seed_K1.device
        self._key_K1 = mixed(self._key_K1 + GOLDEN)  # the next layer's
        words_KW = mixed(self._key_K1 + torch.arange(-(-size // 4), device=device) * GOLDEN)
        below_K1, scale_K1 = self._limits_of(tuple(rates), dtype)
        return (words_KW.view(torch.int16)[:, :size] >= below_K1).to(dtype).mul_(scale_K1).view(*shape)

    def _limits_of(self, rates: tuple[float, ...], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        found = self._limits.get(rates)
        if found is None:
            below, scale = limits(rates, dtype)
            found = self._limits[rates] = below.to(self._seed_K1.device), scale.to(self._seed_K1.device)
        return found


def mixed(words: torch.Tensor) -> torch.Tensor:
    """Return words of 64 bits in which every bit depends on all bits of what went in."""
    for shift, factor in ROUNDS:
        words = (words ^ ((words >> shift) & (2 ** (64 - shift) - 1))) * factor
    return words ^ ((words >> 31) & (2**33 - 1))


@functools.lru_cache(maxsize=256)  # of a stack they are asked for at every layer of every step
def limits(rates: tuple[float, ...], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Return for each model the least of 16 bits that is kept, and what scales the kept up: [K, 1]."""
    steps = [min(round(rate * 65536), 65535) for rate in rates]
    below = torch.tensor([step - 32768 for step in steps], dtype=torch.int16).view(-1, 1)
    return below, torch.tensor([65536 / (65536 - step) for step in steps], dtype=dtype).view(-1, 1)
