"""How much memory a row of a population takes: measured on a step of one row and a step of two.

What the second row adds is what every further one adds; it holds for all architectures, without a formula for each.
On CUDA the device's own counter is asked. On a CPU every tensor that a step makes is noted until it is freed; what
kernels use for a moment inside is not in it, and is no matter of K.

Legend: K models.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from components.networks.network import Network
from components.training.batches import Resident
from components.training.losses import Loss
from components.training.population import Population, Row


@dataclass(frozen=True, kw_only=True)
class Need:
    """Bytes of a population of K rows: `fixed` + K * `per_row`."""

    fixed: int
    per_row: int

    def of(self, num_rows: int) -> int:
        """Return the bytes of so many rows."""
        return self.fixed + num_rows * self.per_row


def probe(network: Network, row: Row, resident: Resident, loss: Loss) -> Need:
    """Measure one row and two like it, from their first weights to the end of their first step."""

    def trained(count: int) -> Callable[[], Any]:
        rows = [replace(row, candidate=number) for number in range(count)]
        return lambda: _first_step(network, rows, resident, loss)

    device = resident.x_M.device
    if device.type == "cuda":
        trained(1)()  # libraries take memory once, and keep it
    one, two = (peak(trained(count), device) for count in (1, 2))
    return Need(fixed=2 * one - two, per_row=two - one)


def peak(work: Callable[[], Any], device: torch.device) -> int:
    """Return the most bytes that `work` held at a time, beyond what there was before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return int(torch.cuda.max_memory_allocated(device) - before)
    noted = _Noted()
    with noted:
        kept = work()
    del kept
    return noted.most


def _first_step(network: Network, rows: Sequence[Row], resident: Resident, loss: Loss) -> Population:
    population = Population(network, rows, resident, loss)
    population.stepper.begin_epoch(0)
    population.stepper.step(0)
    return population


class _Noted(TorchDispatchMode):
    """Counts the bytes of all storages that are alive."""

    def __init__(self) -> None:
        begin: Callable[[], None] = super().__init__
        begin()
        self.most = 0
        self._now = 0
        self._seen: dict[int, weakref.ref[Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; asked otherwise, torch would import its compiler, a second and a half."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(found):
            if isinstance(leaf, torch.Tensor):
                self._note(leaf.untyped_storage())
        return found

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        known = self._seen.get(key)
        if known is not None and known() is storage:
            return

        def freed(_: Any) -> None:
            self._now -= size
            self._seen.pop(key, None)

        self._seen[key] = weakref.ref(storage, freed)
        self._now += size
        self.most = max(self.most, self._now)
