"""The order of an epoch, drawn where the rows lie: for devices whose steps ask nothing of the host (`graph.py`).

Each row of a fold gets a number that is a function of the model's seed, the epoch and the row's place
(`components/networks/counted.py`), and they are sorted by it. No two of a model are equal: the function is one to one.
A processor draws from generators instead (`batches.py`), for which a GPU would wait: K permutations of 20 000 rows take
the host K times 0.1 ms.

Legend: K models, k of one fold, n fit rows, T steps of an epoch, B rows of a batch with padding.
"""

from collections.abc import Sequence

import torch

from components.networks.counted import GOLDEN, mixed
from components.training.batches import Batches

NUMBERS_AT_ONCE = 2**24


class Orders:
    """The orders of K models."""

    def __init__(self, batches: Batches, seeds: Sequence[int], device: torch.device) -> None:
        """`seeds`: of each model, in [0, 2**63)."""
        self._seed_K1 = torch.tensor(seeds, dtype=torch.int64, device=device).unsqueeze(1)
        self.order_KTB = torch.empty(batches.weight_KTB.shape, dtype=torch.int64, device=device)
        models: dict[tuple[int, int], list[int]] = {}
        for model, (rows, size) in enumerate(zip(batches.fit_rows, batches.sizes, strict=True)):
            self.order_KTB[model] = rows[0].item()  # what is left of it is padding
            models.setdefault((id(rows), size), []).append(model)
        self._parts = [  # models of the same rows and the same batches
            (part_k, batches.fit_rows[same[0]].to(device), size)
            for (_, size), same in models.items()
            for part_k in torch.tensor(same, device=device).split(
                max(1, NUMBERS_AT_ONCE // len(batches.fit_rows[same[0]]))
            )
        ]

    def draw(self, epoch: int) -> torch.Tensor:
        """Return the positions of an epoch [K, T, B]; those of the one before are gone."""
        key_K1 = mixed(self._seed_K1 ^ mixed(torch.full_like(self._seed_K1, -1 - epoch)))  # a step's count is above
        for part_k, rows_n, size in self._parts:
            steps = -(-len(rows_n) // size)
            number_kn = mixed(key_K1[part_k] + torch.arange(len(rows_n), device=rows_n.device) * GOLDEN)
            drawn_km = rows_n[0].expand(len(part_k), steps * size).clone()
            drawn_km[:, : len(rows_n)] = rows_n[number_kn.argsort(1)]
            self.order_KTB[part_k, :steps, :size] = drawn_km.view(len(part_k), steps, size)
        return self.order_KTB
