"""One step of K rows: gather, forward, loss, gradients, and each row's own move.

Made anew whenever rows leave a population, so that whatever does not change from step to step is worked out once:
batches, views, rates of an epoch. At small sizes the step is bound by the calls it makes, not by arithmetic: on a GPU
it is captured as one (`graph.py`), where its draws are counted and all it reads can lie still.

Legend: K models, P floats of one, Q of its running statistics, T steps of an epoch, B rows of a batch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from numpy.random import SFC64

from components.augmentation import images
from components.core.seeds import derive
from components.networks import products
from components.networks.counted import Counted
from components.networks.network import Network, TrainingPass
from components.networks.store import BATCH_ALIGNMENT, aligned
from components.networks.way_back import there_and_back
from components.training.averaging import Averages
from components.training.batches import Batches, Resident, batch_of
from components.training.graph import Recorder, recorder_on
from components.training.losses import Criterion, Loss
from components.training.losses.weighting import class_factors
from components.training.moves import Moves, RowMoves, Stack, StackMoves
from components.training.orders import Orders
from components.training.static_step import StaticStep

if TYPE_CHECKING:
    from components.training.population import Model


class Labels(NamedTuple):
    """What the outputs of a batch are held against."""

    target_KB: torch.Tensor  # classes or values
    share_KB: torch.Tensor  # of each in the loss; 0 for padding


class Stepper:
    """Makes the steps of the rows there are."""

    def __init__(
        self,
        network: Network,
        resident: Resident,
        loss: Loss,
        models: "Sequence[Model]",
        parameters_KP: torch.Tensor,
        buffers_KQ: torch.Tensor,
        states: Sequence[torch.Tensor],
        averages: Averages | None,
        parts: int = 1,
    ) -> None:
        """`parameters_KP`, `buffers_KQ` and `states` [K, P] are changed in place, row by row of `models`.

        `parts`: into how many pieces a batch is cut where memory is short; their gradients are added up.
        """
        self._network = network
        self._resident = resident
        self._models = models
        self._precision = models[0].row.training.precision  # as of all: it is part of their structure
        layout, device, dtype = network.parameters, parameters_KP.device, parameters_KP.dtype
        fits = [resident.fit[model.row.fold] for model in models]
        sizes = [batch_of(model.row.training.batch_size, len(fit)) for model, fit in zip(models, fits, strict=True)]
        self._batches = Batches(fits, sizes, dtype)
        self.num_steps = max(self._batches.num_steps)  # T
        piece = aligned(-(-self._batches.size // parts), BATCH_ALIGNMENT)
        self._pieces = [slice(at, at + piece) for at in range(0, self._batches.size, piece)]
        self.folds_K = torch.tensor([model.row.fold for model in models], device=device)
        gradients_KP = torch.zeros_like(parameters_KP)
        self._gradient_views = list(layout.views(gradients_KP).values())
        self.leaves = {name: view.detach().requires_grad_() for name, view in layout.views(parameters_KP).items()}
        self.buffer_views = network.buffers.views(buffers_KQ)
        self._stack = Stack(
            models=models,
            parameters_KP=parameters_KP,
            gradients_KP=gradients_KP,
            states=states,
            penalised_P=layout.penalised(device).to(dtype),
            averages=averages,
            active=self._batches.active,
        )
        self._generators = [model.generator for model in models]
        policies = [model.row.augment for model in models]
        self._policies = policies if any(policy is not None for policy in policies) else None
        trainings = [model.row.training for model in models]
        factor_KC = class_factors(
            resident, [model.row.fold for model in models], [training.class_weights for training in trainings]
        )
        self.criterion = Criterion(loss, trainings, dtype, device, factor_KC)
        first = models[0].row.network
        names = [name for name in type(first).per_row if not isinstance(getattr(first, name), str)]
        self._settings = {name: tuple(float(getattr(model.row.network, name)) for model in models) for name in names}
        self._noise: Counted | None = None
        self._static: StaticStep | None = None
        self._eager: str | None = None  # why no graph is tried, where there might be one
        recorder = recorder_on(device)
        self._moves: Moves = RowMoves(self._stack) if recorder is None else self._on_device(recorder)
        if self._static is None:
            self._share_KTB = self._batches.share_KTB.to(device)
            self._weight_KTB = self._batches.weight_KTB.to(device)

    def _on_device(self, recorder: Recorder) -> StackMoves:
        """Make ready for steps that ask nothing of the host."""
        moves = StackMoves(self._stack)
        seeds = [model.row.seed for model in self._models]
        self._noise = Counted(seeds, self.folds_K.device)
        if self._policies is not None:
            self._eager = "pictures are augmented on the fly, by draws of the host"
        elif len(self._pieces) > 1:
            self._eager = "memory is short, and batches are cut into pieces"
        else:
            orders = Orders(self._batches, seeds, self.folds_K.device)
            self._static = StaticStep(self._batches, orders, moves, self._noise, self._settings, recorder)
        return moves

    @property
    def not_captured(self) -> str | None:
        """Why the steps on a GPU are no graphs; None: they are, as far as was tried, or there is no GPU."""
        return self._eager if self._static is None else self._static.eager

    def begin_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch, and look up its rates: [K][T]."""
        rates = self._stack.rates(epoch, self._batches.num_steps)
        if self._static is not None:
            self._static.begin_epoch(epoch, rates)
            return
        # made anew each epoch, and so no part of what a row rests with
        self._draws = [SFC64(derive(model.row.seed, "noise", epoch)) for model in self._models]
        order_KTB = self._batches.shuffle(self._generators)
        self._order_TKB = order_KTB.transpose(0, 1).contiguous().to(self.folds_K.device)
        self._moves.begin_epoch(rates)

    def step(self, step: int) -> None:
        """Make one step of the epoch; rows that have fewer steps rest in the last."""
        if self._static is not None:
            self._static.step(step, self._descend)
            return
        if self._noise is not None:
            assert isinstance(self._moves, StackMoves), "counted noise is that of a device"
            self._noise.begin(self._moves.made_K1)
        positions_KB = self._order_TKB[step]
        x_KB, mixed = self._resident.gather(positions_KB), None
        if self._policies is not None:
            x_KB, mixed = images.augment(x_KB, self._policies, self._batches.counts[step], self._generators)
        x_KB = self._resident.scaled(x_KB, self.folds_K)
        labels = self._labels(positions_KB, self._share_KTB[:, step], mixed)
        weight_KB = self._weight_KTB[:, step] if self._batches.padded[step] else None
        for number, piece in enumerate(self._pieces):
            if number and not any(count > piece.start for count in self._batches.counts[step]):
                break  # all padding
            gradients = self._gradients(
                x_KB[:, piece],
                [Labels(*(part_KB[:, piece] for part_KB in one)) for one in labels],
                self._pass(None if weight_KB is None else weight_KB[:, piece], self._batches.active[step]),
            )
            for view, gradient in zip(self._gradient_views, gradients, strict=True):
                view.add_(gradient) if number else view.copy_(gradient)
        self._moves.make(step)

    def _descend(self, positions_KB: torch.Tensor, share_KB: torch.Tensor, training: TrainingPass) -> None:
        """Lay the gradients of these rows where moves look for them; see `StaticStep`."""
        x_KB = self._resident.scaled(self._resident.gather(positions_KB), self.folds_K)
        found = self._gradients(x_KB, self._labels(positions_KB, share_KB, None), training)
        for view, gradient in zip(self._gradient_views, found, strict=True):
            view.copy_(gradient)

    def _labels(self, positions_KB: torch.Tensor, share_KB: torch.Tensor, mixed: images.Mixed | None) -> list[Labels]:
        """Return what a step descends to; a mixed picture has two labels, by their shares."""
        target_KB = self._resident.labels(positions_KB, self.folds_K)
        weight_KB = self._resident.weights(positions_KB)
        own_KB = share_KB if weight_KB is None else share_KB * weight_KB
        if mixed is None:
            return [Labels(target_KB, own_KB)]
        others_KB = share_KB if weight_KB is None else share_KB * mixed.labels(weight_KB)
        return [
            Labels(target_KB, own_KB * mixed.share_KB),
            Labels(mixed.labels(target_KB), others_KB * (1 - mixed.share_KB)),
        ]

    def _pass(self, weight_KB: torch.Tensor | None, active: tuple[bool, ...]) -> TrainingPass:
        return TrainingPass(
            settings=self._settings,
            generators=self._draws if self._noise is None else self._noise,
            weight_KB=weight_KB,
            steps=tuple(self._moves.made),
            active=active,
        )

    def _gradients(
        self, x_KB: torch.Tensor, labels: Sequence[Labels], training: TrainingPass
    ) -> Sequence[torch.Tensor]:
        with products.made_in(self._precision):
            outputs_KBC, back = there_and_back(self._network, self.leaves, self.buffer_views, x_KB, training)
            first, *others = [self.criterion.slope(outputs_KBC, *one) for one in labels]
            return back(sum(others, first))
