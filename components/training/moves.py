"""What rows do with their gradients: L1, clipping, the optimizer's step at the rate of the moment, averaged weights.

`RowMoves` goes row by row with torch's fused kernels: fastest on a CPU, and the same bits in any company.
`StackMoves` does the same arithmetic over the stack [K, P] with columns of numbers [K, 1]: where a call costs more than
its work, a few kernels for all rows. They agree to rounding (tests/training/test_moves.py); which one is used depends
on the device alone, never on K.

Legend: K models, P floats of one, T steps of an epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Protocol

import torch

from components.training.averaging import EMA, Averages
from components.training.clipping import clip, clip_stack
from components.training.optimizers import Moving, StackStep, columns

if TYPE_CHECKING:
    from components.training.population import Model


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What moves: rows of `models`, changed in place."""

    models: "Sequence[Model]"
    parameters_KP: torch.Tensor
    gradients_KP: torch.Tensor
    states: Sequence[torch.Tensor]  # of the optimizer, [K, P] each
    penalised_P: torch.Tensor  # 1 where L1 counts
    averages: Averages | None
    active: Sequence[tuple[bool, ...]]  # of each step of an epoch: which rows make it

    def rates(self, epoch: int, num_steps: Sequence[int]) -> list[list[float]]:
        """Return the rates of an epoch [K][T], for rows with these numbers of steps."""
        return [
            [model.row.training.rate(epoch + step / count) for step in range(count)]
            for model, count in zip(self.models, num_steps, strict=True)
        ]


class Moves(Protocol):
    """How rows move."""

    made: list[int]  # steps of each row so far

    def begin_epoch(self, rates: Sequence[Sequence[float]]) -> None:
        """Take the rates of the epoch [K][T]."""
        ...

    def make(self, step: int) -> None:
        """Make this step of the epoch, all rows that have it."""
        ...


class RowMoves:
    """Row by row; neighbours that differ in their data alone, as the folds of a candidate do, in one call."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.made = [int(model.num_steps) for model in stack.models]
        trainings = [model.row.training for model in stack.models]
        lengths = [sum(column) for column in zip(*stack.active, strict=True)]  # steps of an epoch, of each row
        runs: list[list[int]] = []
        for row, kind in enumerate(zip(trainings, self.made, lengths, strict=True)):
            first = runs[-1][0] if runs else None
            if first is not None and kind == (trainings[first], self.made[first], lengths[first]):
                runs[-1].append(row)
            else:
                runs.append([row])
        self._runs = [(rows, self._moving(rows)) for rows in runs]

    def _moving(self, rows: Sequence[int]) -> Moving:
        it = self._stack
        return Moving(
            rows=[it.parameters_KP[row] for row in rows],
            gradients=[it.gradients_KP[row] for row in rows],
            states=[[state_KP[row] for row in rows] for state_KP in it.states],
            steps=[it.models[row].num_steps for row in rows],
        )

    def begin_epoch(self, rates: Sequence[Sequence[float]]) -> None:
        """See `Moves`."""
        self._rates = rates

    def make(self, step: int) -> None:
        """See `Moves`."""
        active = self._stack.active[step]
        for rows, moving in self._runs:
            if active[rows[0]]:
                self._move(rows, moving, self._rates[rows[0]][step])

    def _move(self, rows: Sequence[int], moving: Moving, rate: float) -> None:
        training, averages = self._stack.models[rows[0]].row.training, self._stack.averages
        made = self.made[rows[0]] + 1
        for row, row_P, gradient_P, count in zip(rows, moving.rows, moving.gradients, moving.steps, strict=True):
            if training.l1:
                gradient_P.add_(row_P.sign() * self._stack.penalised_P, alpha=training.l1)
            if training.clip_norm != "none":
                clip(gradient_P, training.clip_norm)
            self.made[row] = made
            count.fill_(made)
        training.optimizer.step(moving, rate)
        if averages is not None and training.averaging != "none":
            for row in rows:
                averages.after_step(row, training.averaging, made)


class StackMoves:
    """All rows at once."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        trainings = [model.row.training for model in stack.models]
        like = stack.parameters_KP
        self._optimizer = trainings[0].optimizer  # its switches are those of all: part of their structure
        self._numbers = columns([training.optimizer for training in trainings], like.dtype, like.device)
        l1 = [training.l1 for training in trainings]
        longest = [inf if training.clip_norm == "none" else training.clip_norm for training in trainings]
        self._l1_K1 = self._column(l1) if any(l1) else None
        self._longest_K1 = self._column(longest) if min(longest) < inf else None
        decays = [training.averaging.decay for training in trainings if isinstance(training.averaging, EMA)]
        self._decay_K1 = self._column(decays) if decays else None  # as in all: it is part of their structure
        self.made = [int(model.num_steps) for model in stack.models]
        self.made_K1 = self._column([float(count) for count in self.made])
        self.active_TK1 = self._column([[float(on) for on in active] for active in stack.active])
        self.rates_TK1 = torch.zeros_like(self.active_TK1)

    def begin_epoch(self, rates: Sequence[Sequence[float]]) -> None:
        """See `Moves`. Rates stay where they are: steps that are replayed read them there."""
        longest = len(self._stack.active)
        padded = [[*row, *[0.0] * (longest - len(row))] for row in rates]
        self.rates_TK1.copy_(self._column(padded).transpose(0, 1))

    def make(self, step: int) -> None:
        """See `Moves`."""
        self.move(self.rates_TK1[step], None if all(self._stack.active[step]) else self.active_TK1[step])
        self.note(step)

    def move(self, rate_K1: torch.Tensor, active_K1: torch.Tensor | None) -> None:
        """Make a step at these rates, reading tensors alone; `active_K1`: 1 for rows that make it, 0; None: all do."""
        it = self._stack
        if self._l1_K1 is not None:
            it.gradients_KP.addcmul_(it.parameters_KP.sign() * it.penalised_P, self._l1_K1)
        if self._longest_K1 is not None:
            clip_stack(it.gradients_KP, self._longest_K1)
        self.made_K1 += 1.0 if active_K1 is None else active_K1
        now = StackStep(
            rows_KP=it.parameters_KP,
            gradients_KP=it.gradients_KP,
            states=it.states,
            step_K1=self.made_K1.clamp_min(1.0),  # of a row that has not begun: nothing of it is kept
            rate_K1=rate_K1,
            numbers=self._numbers,
            active_K1=None if active_K1 is None else active_K1 > 0,
        )
        self._optimizer.step_stack(now)
        if it.averages is not None and self._decay_K1 is not None:
            share_K1 = EMA.shares_of_step(self._decay_K1, self.made_K1)
            it.averages.take(share_K1 if active_K1 is None else share_K1 * active_K1)

    def note(self, step: int) -> None:
        """Count a step that was made, for those who ask on the host."""
        it = self._stack
        self.made = [made + on for made, on in zip(self.made, it.active[step], strict=True)]
        if step == len(it.active) - 1:
            for model, made in zip(it.models, self.made, strict=True):
                model.num_steps.fill_(made)

    def _column(self, values: Sequence[float] | Sequence[Sequence[float]]) -> torch.Tensor:
        like = self._stack.parameters_KP
        return torch.tensor(values, dtype=like.dtype, device=like.device).unsqueeze(-1)
