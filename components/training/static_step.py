"""One step of K rows that reads tensors alone, all of which stay where they are: what a graph captures (`graph.py`).

The order of an epoch and its rates are laid where those of the epoch before lay. `at` counts the steps on the device,
and picks this step's from them. Noise comes from counters (`components/networks/counted.py`), orders from `orders.py`.

Legend: K models, T steps of an epoch, B rows of a batch.
"""

from collections.abc import Callable, Sequence

import torch

from components.networks.counted import Counted
from components.networks.network import TrainingPass
from components.training.batches import Batches
from components.training.graph import Recorder, Replayed
from components.training.moves import StackMoves
from components.training.orders import Orders

Descend = Callable[[torch.Tensor, torch.Tensor, TrainingPass], None]
"""(positions [K, B], shares in the loss [K, B], the pass): lays gradients where moves look for them."""


class StaticStep:
    """The steps of an epoch."""

    def __init__(
        self,
        batches: Batches,
        orders: Orders,
        moves: StackMoves,
        noise: Counted,
        settings: dict[str, tuple[float, ...]],
        recorder: Recorder,
    ) -> None:
        self._orders, self._moves, self._noise = orders, moves, noise
        self._settings = settings
        self._padded = batches.padded
        self._num_models = len(batches.sizes)
        device = moves.made_K1.device
        self._share_TKB = batches.share_KTB.transpose(0, 1).contiguous().to(device)
        self._weight_TKB = batches.weight_KTB.transpose(0, 1).contiguous().to(device)
        self._order_TKB = torch.zeros_like(self._share_TKB, dtype=torch.int64)
        self._at = torch.zeros(1, dtype=torch.int64, device=device)
        self._replayed = Replayed(recorder)

    @property
    def eager(self) -> str | None:
        """Why steps cannot be captured; None: they can."""
        return self._replayed.eager

    def begin_epoch(self, epoch: int, rates: Sequence[Sequence[float]]) -> None:
        """Lay an epoch out; `rates` [K][T]."""
        self._order_TKB.copy_(self._orders.draw(epoch).transpose(0, 1))
        self._moves.begin_epoch(rates)
        self._at.zero_()

    def step(self, step: int, descend: Descend) -> None:
        """Make a step of the epoch; they come in their order."""
        padded = self._padded[step]
        self._replayed.step(lambda: self._make(descend, padded), padded=padded)
        self._moves.note(step)

    def _make(self, descend: Descend, padded: bool) -> None:
        moves = self._moves
        active_K1 = self._now(moves.active_TK1) if padded else None
        self._noise.begin(moves.made_K1)
        training = TrainingPass(
            settings=self._settings,
            generators=self._noise,
            weight_KB=self._now(self._weight_TKB) if padded else None,
            steps=(),
            active=(True,) * self._num_models,  # who is not gets a share of 0, and stays where it is
            made_K1=moves.made_K1,
            active_K1=active_K1,
        )
        descend(self._now(self._order_TKB), self._now(self._share_TKB), training)
        moves.move(self._now(moves.rates_TK1), active_K1)
        self._at.add_(1)

    def _now(self, of_all_T: torch.Tensor) -> torch.Tensor:
        """Return what is this step's."""
        return of_all_T.index_select(0, self._at)[0]
