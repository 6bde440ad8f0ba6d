"""Averages of weights along the way: what is judged and kept instead of the weights of the last step.

What is judged is averaged, so early stopping looks at the means, too: with `swa`, its patience may be over before the
mean begins; then the model ends with the weights it had.

ema   a running mean over steps (Polyak and Juditsky 1992), which forgets as fast as (1 + step) / (10 + step) says until
      its memory is full (TensorFlow's num_updates): the first weights, which are random, are soon out of it
swa   the mean of the weights at the ends of the last epochs (Izmailov 2018); before these begin, the weights themselves

Running statistics of batch norm are averaged in the same way and not measured anew: no pass over the rows, and the same
for every layer that keeps statistics (torch: AveragedModel with use_buffers=True).

Legend: K models, P floats of one, Q of its running statistics.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.specs import Spec, setting

if TYPE_CHECKING:
    import torch

    from components.training.population import Model
else:
    torch = lazy("torch")


class EMA(Spec):
    """A running mean over steps."""

    kind: Literal["ema"] = setting("ema", "a running mean of the weights, step by step")
    decay: float = setting(0.99, "share of the mean that stays in a step: 0.99 remembers about 100 steps", ge=0, lt=1)

    def share_of_step(self, step: int) -> float:
        """Return what the weights after a step count in the mean; steps count from 1."""
        return 1 - min(self.decay, (1 + step) / (10 + step))

    @staticmethod
    def shares_of_step(decay_K1: "torch.Tensor", step_K1: "torch.Tensor") -> "torch.Tensor":
        """Return the same for K rows, each with its own decay and steps."""
        return 1 - torch.minimum(decay_K1, (1 + step_K1) / (10 + step_K1))

    def share_of_epoch(self, epoch: int, epochs: int) -> float:
        """Return what the weights after an epoch count in the mean."""
        return 0.0


class SWA(Spec):
    """The mean over the last epochs."""

    kind: Literal["swa"] = setting("swa", "the mean of the weights at the ends of the last epochs")
    begin: float = setting(0.75, "share of the epochs after which it begins", ge=0, lt=1)

    def share_of_step(self, step: int) -> float:
        """See `EMA`."""
        return 0.0

    def share_of_epoch(self, epoch: int, epochs: int) -> float:
        """See `EMA`; epochs count from 1. Before it begins, the mean is the last weights."""
        return 1 / max(1, epoch - math.floor(self.begin * epochs))


Averaging = EMA | SWA


class Averages:
    """The averaged weights and running statistics of the rows of a population."""

    def __init__(self, parameters_KP: "torch.Tensor", buffers_KQ: "torch.Tensor") -> None:
        """Begin with the weights that the rows begin with."""
        self.parameters_KP, self.buffers_KQ = parameters_KP.clone(), buffers_KQ.clone()

    def follow(self, parameters_KP: "torch.Tensor", buffers_KQ: "torch.Tensor") -> None:
        """Say which weights are averaged from now on, row by row."""
        self._pairs = ((self.parameters_KP, parameters_KP), (self.buffers_KQ, buffers_KQ))
        self._rows = [[(mean[row], weights[row]) for mean, weights in self._pairs] for row in range(len(parameters_KP))]

    def after_step(self, row: int, averaging: Averaging, step: int) -> None:
        """Take in the weights of a row that has made its step."""
        self._take(row, averaging.share_of_step(step))

    def after_epoch(self, models: "Sequence[Model]", epoch: int) -> None:
        """Take in the weights of all rows after an epoch, counted from 1."""
        for row, model in enumerate(models):
            averaging = model.row.training.averaging
            assert averaging != "none", "the rows of a population are averaged all or none"
            self._take(row, averaging.share_of_epoch(epoch, model.row.training.epochs))

    def keep(self, chosen: "torch.Tensor") -> None:
        """Keep these rows, in this order; `follow` comes next."""
        self.parameters_KP = self.parameters_KP.index_select(0, chosen)
        self.buffers_KQ = self.buffers_KQ.index_select(0, chosen)

    def take(self, share_K1: "torch.Tensor") -> None:
        """Take in the weights of all rows at once, each with its share."""
        for mean, weights in self._pairs:
            mean.lerp_(weights, share_K1)

    def _take(self, row: int, share: float) -> None:
        if share:
            for mean, weights in self._rows[row]:
                mean.lerp_(weights, share)
