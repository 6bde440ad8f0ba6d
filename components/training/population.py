"""The trainer: a population of K networks of one structure, each with its own fold, numbers, noise and fate.

One code path for all K, one network included. A row's arithmetic never depends on which rows stand beside it: alone,
in a stack, permuted, after others were dropped, or paused and taken up again, it ends with the same bits (tests hold
this to torch.equal). That is what makes a search exact to resume. What makes it so: one thread, aligned rows
(`components/networks/store.py`), equal batch shapes (`batches.py`), a generator per row, sums over a row only.

Rows that end are dropped at once; moving the rest costs less than a tenth of a step. Optimizers, schedules, losses and
early stopping are in files of their names; folds, metrics and files in `candidate_run.py`.

Legend: K models, P floats of one, Q of its running statistics, B rows of a batch, n scored rows, C outputs.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from components.augmentation.policy import ImagePolicy
from components.networks.network import Network, Views
from components.networks.store import as_saved
from components.training.averaging import Averages
from components.training.batches import Resident, batch_of, chunk_of, padded_batch, padded_rows
from components.training.early_stopping import Judgement
from components.training.losses import Loss
from components.training.spec import EarlyStopping, TrainingSpec
from components.training.stepper import Stepper

CUT_EVERY = 32  # steps between two looks at the clock

Error = Callable[[int, torch.Tensor], float]
"""(fold, outputs [n, C]) -> what a metric of labels finds wrong, smaller is better."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model to be trained."""

    candidate: int
    fold: int  # position in the resident's folds
    seed: int
    network: Any  # its own spec; the structure is the population's
    training: TrainingSpec
    augment: ImagePolicy | None = None  # what is done to its train pictures on the fly

    @property
    def stopping(self) -> EarlyStopping | None:
        """Its early stopping, or None."""
        stopping = self.training.early_stopping
        return stopping if isinstance(stopping, EarlyStopping) else None


@dataclass(kw_only=True)
class Model:
    """What a row has become: its best weights so far, and what they say about the scored rows."""

    row: Row
    number: int  # position among the rows that the population began with
    generator: torch.Generator
    num_steps: torch.Tensor  # made so far: a number on the host, as torch's fused optimizers want it
    best_P: torch.Tensor  # as they are saved (`as_saved`)
    best_Q: torch.Tensor
    judgement: Judgement = field(default_factory=Judgement)
    outputs_nC: NDArray[np.float32] | None = None  # of the best weights; None before the first epoch
    diverged: bool = False
    ended: bool = False  # trained to its end, or lost


class Population:
    """K models of one structure, trained together."""

    def __init__(
        self,
        network: Network,
        rows: Sequence[Row],
        resident: Resident,
        loss: Loss,
        error: Error | None = None,
        parts: int = 1,
    ) -> None:
        """Begin with fresh weights. Rows must agree in batch shape and in kind of optimizer (`group` sees to it).

        `parts`: see `Stepper`; more than 1 where memory is short.
        """
        self.network = network
        self.resident = resident
        self.loss = loss
        self.error = error
        self.parts = parts
        self.epoch = 0
        self.models: list[Model] = []
        dtype, device = resident.dtype, resident.x_M.device
        num_states = max(row.training.optimizer.num_states for row in rows)
        self.parameters_KP = network.parameters.zeros(len(rows), dtype, device)
        self.buffers_KQ = network.buffers.zeros(len(rows), dtype, device)
        self.states = [network.parameters.zeros(len(rows), dtype, device) for _ in range(num_states)]
        samples = {fold: resident.beginning(fold) for fold in dict.fromkeys(row.fold for row in rows)}
        for number, row in enumerate(rows):
            generator = torch.Generator().manual_seed(row.seed)
            own_P, own_Q = self.parameters_KP[number : number + 1], self.buffers_KQ[number : number + 1]
            views, buffers = network.parameters.views(own_P), network.buffers.views(own_Q)
            network.initialize(row.network, views, buffers, generator, samples[row.fold])
            row.training.optimizer.begin([state[number] for state in self.states])
            self.models.append(
                Model(
                    row=row,
                    number=number,
                    generator=generator,
                    num_steps=torch.tensor(0.0),
                    best_P=as_saved(own_P[0]).clone(),
                    best_Q=own_Q[0].clone(),
                )
            )
        self.began = tuple(self.models)
        averaged = rows[0].training.averaging != "none"  # as in all: it is part of their structure
        self.averages = Averages(self.parameters_KP, self.buffers_KQ) if averaged else None
        self._stepper: Stepper | None = None

    def train(self, until: int, cut_off: Callable[[], bool]) -> bool:
        """Train every row until it ends, or up to this epoch. Returns False when it was cut off on the way."""
        while self.models and self.epoch < until:
            if not self._train_epoch(cut_off):
                return False
            self.epoch += 1
            if self.averages is not None:
                self.averages.after_epoch(self.models, self.epoch)
            self._judge()
            self._end()
        return True

    @property
    def stepper(self) -> Stepper:
        """What makes the steps of the rows there are: laid out when the first is made, and after rows were dropped."""
        if self._stepper is None:
            if self.averages is not None:
                self.averages.follow(self.parameters_KP, self.buffers_KQ)
            self._stepper = Stepper(
                self.network,
                self.resident,
                self.loss,
                self.models,
                self.parameters_KP,
                self.buffers_KQ,
                self.states,
                self.averages,
                self.parts,
            )
        return self._stepper

    @property
    def not_captured(self) -> str | None:
        """Why steps on a GPU are no graphs; None: they are, or none was made."""
        return None if self._stepper is None else self._stepper.not_captured

    def _train_epoch(self, cut_off: Callable[[], bool]) -> bool:
        self.stepper.begin_epoch(self.epoch)
        for step in range(self.stepper.num_steps):
            if step % CUT_EVERY == 0 and cut_off():
                return False
            self.stepper.step(step)
        return True

    def _judge(self) -> None:
        """Measure what would be saved of each row, on its scored rows and on some of its fit rows; keep the better."""
        judged = self if self.averages is None else self.averages
        saved_KP = as_saved(judged.parameters_KP)
        parameters = self.network.parameters.views(saved_KP.to(judged.parameters_KP.dtype))
        views = (parameters, self.network.buffers.views(judged.buffers_KQ))
        scored, losses = self._outputs(views, [self.resident.scored[model.row.fold] for model in self.models])
        _, train_losses = self._outputs(views, [self.resident.sample[model.row.fold] for model in self.models])
        for number, model in enumerate(self.models):
            loss, train_loss = float(np.mean(losses[number])), float(np.mean(train_losses[number]))
            if not np.isfinite(loss + train_loss):
                model.diverged = True
                continue
            error = loss if self.error is None else self.error(model.row.fold, scored[number])
            if model.judgement.add(model.row.stopping, error, train_loss, loss):
                model.best_P.copy_(saved_KP[number])
                model.best_Q.copy_(judged.buffers_KQ[number])
                model.outputs_nC = scored[number].to(torch.float32).numpy()

    @torch.no_grad()
    def _outputs(
        self, views: tuple[Views, Views], rows_K: Sequence[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[NDArray[np.float64]]]:
        """Return outputs [n, C] and plain losses [n] of each model on its own rows."""
        chunk = chunk_of(max(len(rows) for rows in rows_K))
        device = self.parameters_KP.device
        outputs, losses = [], []
        for positions_KE in torch.split(padded_rows(rows_K, chunk).to(device), chunk, dim=1):
            x = self.resident.scaled(self.resident.gather(positions_KE), self.stepper.folds_K)
            found = self.network.forward(*views, x, None)
            y = self.resident.labels(positions_KE, self.stepper.folds_K)
            outputs.append(found.cpu())
            losses.append(self.stepper.criterion.plain(found, y).cpu())
        outputs_KEC, losses_KE = torch.cat(outputs, dim=1), torch.cat(losses, dim=1).to(torch.float64)
        lengths = [len(rows) for rows in rows_K]
        return (
            [outputs_KEC[number, :length].clone() for number, length in enumerate(lengths)],
            [losses_KE[number, :length].numpy().copy() for number, length in enumerate(lengths)],
        )

    def drop(self, candidates: Set[int]) -> None:
        """End all rows of these candidates."""
        for model in self.models:
            model.ended = model.ended or model.row.candidate in candidates
        self._drop_ended()

    def _end(self) -> None:
        """Find out whose training is over. One fold lost is a candidate lost."""
        lost = {model.row.candidate for model in self.models if model.diverged}
        for model in self.models:
            over = self.epoch >= model.row.training.epochs or model.judgement.is_over(model.row.stopping)
            model.ended = over or model.row.candidate in lost
        self._drop_ended()

    def _drop_ended(self) -> None:
        alive = [number for number, model in enumerate(self.models) if not model.ended]
        if len(alive) < len(self.models):
            self.keep(alive)

    def keep(self, alive: Sequence[int]) -> None:
        """Keep these rows, in this order, and forget the others."""
        chosen = torch.tensor(alive, dtype=torch.int64, device=self.parameters_KP.device)
        self.parameters_KP = self.parameters_KP.index_select(0, chosen)
        self.buffers_KQ = self.buffers_KQ.index_select(0, chosen)
        self.states = [state.index_select(0, chosen) for state in self.states]
        if self.averages is not None:
            self.averages.keep(chosen)
        self.models = [self.models[number] for number in alive]
        if self.models:  # what the last steps were is still asked for
            self._stepper = None


def group(rows: Sequence[Row], resident: Resident) -> list[list[Row]]:
    """Part rows of one structure into populations: rows of one batch shape and one chunk of prediction.

    Folds differ by a row or so, and mostly fall into one group.
    """
    groups: dict[tuple[int, int, int], list[Row]] = {}
    for row in rows:
        batch = padded_batch(batch_of(row.training.batch_size, len(resident.fit[row.fold])))
        chunks = (chunk_of(len(resident.scored[row.fold])), chunk_of(len(resident.sample[row.fold])))
        groups.setdefault((batch, *chunks), []).append(row)
    return list(groups.values())
