"""Dropout: units left out by chance in a step of training, and the others scaled up (Srivastava 2014).

Each model has noise of its own, whatever stands beside it. On a processor it is drawn from numpy's SFC64, sixteen bits
a unit: 2.6 times as fast as from torch's Mersenne twister, and twice as fast as uniform floats. On a GPU it is counted
(`counted.py`).

Legend: K models.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import SFC64

from components.networks.counted import Counted, limits
from components.networks.network import TrainingPass


def dropout(h: torch.Tensor, training: TrainingPass | None, name: str = "dropout") -> torch.Tensor:
    """Leave numbers out of [K, ...] as each model's own setting of this name says; in prediction none."""
    factor = noise(h.shape, h, training, name)
    return h if factor is None else h * factor


def noise(
    shape: Sequence[int], like: torch.Tensor, training: TrainingPass | None, name: str = "dropout"
) -> torch.Tensor | None:
    """Return what dropout multiplies numbers [K, ...] by: 0 with each model's own probability, in steps of 1/65536,
    else what scales the rest up; of the type and on the device of `like`. None: it does nothing in this pass."""
    rates = () if training is None else training.rates(name)
    if training is None or not any(rates):
        return None
    if isinstance(training.generators, Counted):
        return training.generators.kept(shape, rates, like.dtype)
    return _drawn(math.prod(shape[1:]), rates, training.generators, like.dtype).view(*shape).to(like.device)


def _drawn(size: int, rates: tuple[float, ...], generators: Sequence[SFC64], dtype: torch.dtype) -> torch.Tensor:
    """Return the noise of so many units of each model [K, size]."""
    words = -(-size // 4)
    bits = np.empty((len(rates), words), dtype=np.uint64)  # without dropout all are kept, whatever they are
    for row, (rate, generator) in enumerate(zip(rates, generators, strict=True)):
        if rate:
            bits[row] = generator.random_raw(words)
    below_K1, scale_K1 = limits(rates, dtype)
    kept = torch.empty(len(rates), size, dtype=dtype)
    torch.ge(torch.from_numpy(bits.view(np.int16))[:, :size], below_K1, out=kept)  # 9 times as fast as by way of truths
    return kept.mul_(scale_K1)
