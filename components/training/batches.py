"""Which rows of the table each model of a population sees, step by step.

All rows lie in memory once; a batch is an index into them, gathered in one call for all models. A data loader would
cost up to 70 % of a small network's step.

Every model goes through its own fold in its own order. Batches are padded to a multiple of 32 rows, and models with
fewer steps than others by empty batches; padding has weight 0. A short last batch is trained on; a batch larger than
the fold is the whole fold.

Legend: K models, S folds, M rows of all folds, H W D a picture, T steps of an epoch, B rows of a batch with padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from components.networks.store import BATCH_ALIGNMENT, aligned

ROWS_TO_BEGIN = 4096  # at most: for what networks measure before their first step
LARGEST_CHUNK = 512  # rows of one forward pass without gradients: what K models make of them stays in the cache


@dataclass(frozen=True, kw_only=True)
class Resident:
    """The rows of some folds, ready to be gathered.

    Rows of a table lie once per fold, as that fold's preprocessor transforms them. Pictures exist once, as bytes: on
    them nothing but a scale is fitted, and it is applied after the gather.
    """

    x_M: torch.Tensor  # [M, *shape] floats; or pictures [M, H, W, D] of uint8
    y_M: torch.Tensor  # int64 classes, or standardised values of x's type; of pictures fold under fold [S * M]
    fit: tuple[torch.Tensor, ...]  # of each fold: positions in x [n]
    sample: tuple[torch.Tensor, ...]  # of each fold: some of its fit rows, on which the train curve is measured
    scored: tuple[torch.Tensor, ...]
    scale: tuple[torch.Tensor, torch.Tensor] | None = None  # of pictures in [0, 1]: mean and deviation [S, D]
    weight_M: torch.Tensor | None = None  # what a row counts in the loss of a step; None: 1
    begin: tuple[torch.Tensor, ...] = ()  # of each fold: fit rows that networks begin from; none: the first fit rows

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return tuple(self.x_M.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        """The type of what is gathered."""
        return self.x_M.dtype if self.x_M.is_floating_point() else torch.float32

    def gather(self, positions_KB: torch.Tensor) -> torch.Tensor:
        """Return rows [K, B, *shape]; of pictures as numbers in [0, 1]."""
        x_KB = self.x_M.index_select(0, positions_KB.reshape(-1)).view(*positions_KB.shape, *self.shape)
        return x_KB if self.x_M.is_floating_point() else x_KB.to(self.dtype).div_(255.0)

    def beginning(self, fold: int) -> torch.Tensor | None:
        """Return rows [n, F] that a network of this fold begins from, on the host; None: not a table.

        Gathered by numpy, so that it is no part of what `memory.py` counts of a step.
        """
        if self.x_M.ndim != 2:
            return None
        chosen = self.begin[fold] if self.begin else self.fit[fold][:ROWS_TO_BEGIN]
        if self.x_M.device.type != "cpu":
            return self.x_M.index_select(0, chosen.to(self.x_M.device)).cpu()
        return torch.from_numpy(self.x_M.numpy()[chosen.numpy()])

    def labels(self, positions_KB: torch.Tensor, folds_K: torch.Tensor) -> torch.Tensor:
        """Return classes or values [K, B]: values as each row's fold standardises them."""
        if len(self.y_M) > len(self.x_M):
            positions_KB = positions_KB + folds_K.unsqueeze(1) * len(self.x_M)
        return self.y_M.index_select(0, positions_KB.reshape(-1)).view(positions_KB.shape)

    def weights(self, positions_KB: torch.Tensor) -> torch.Tensor | None:
        """Return what rows count [K, B]; None: all the same."""
        if self.weight_M is None:
            return None
        return self.weight_M.index_select(0, positions_KB.reshape(-1)).view(positions_KB.shape)

    def scaled(self, x_KB: torch.Tensor, folds_K: torch.Tensor) -> torch.Tensor:
        """Return what was gathered as each row's fold standardises it; tables are standardised already."""
        if self.scale is None:
            return x_KB
        shape = (len(folds_K), *[1] * (len(self.shape)), self.shape[-1])
        mean, deviation = (part_SD[folds_K].view(shape) for part_SD in self.scale)
        return (x_KB - mean) / deviation


def batch_of(batch_size: int | Literal["full"], num_fit: int) -> int:
    """Return how many rows a full batch has, without padding."""
    return num_fit if batch_size == "full" else min(batch_size, num_fit)


def padded_batch(batch: int) -> int:
    """Return B, the rows of a batch with padding."""
    return aligned(batch, BATCH_ALIGNMENT)


def chunk_of(num_scored: int) -> int:
    """Return how many rows go through a network at a time when it only predicts: equal parts, with little padding."""
    parts = max(1, -(-num_scored // LARGEST_CHUNK))
    return aligned(-(-num_scored // parts), BATCH_ALIGNMENT)


class Batches:
    """The batches of one epoch after another for K models. All of them have the same B, so that a model's
    arithmetic does not depend on its neighbours."""

    def __init__(
        self, fit_rows: Sequence[torch.Tensor], batch_sizes: Sequence[int], dtype: torch.dtype = torch.float32
    ) -> None:
        self.fit_rows = fit_rows
        self.sizes = batch_sizes
        self.size = padded_batch(batch_sizes[0])  # B
        assert all(padded_batch(size) == self.size for size in batch_sizes), "one population has one batch shape"
        self.num_steps = [-(-len(rows) // size) for rows, size in zip(fit_rows, batch_sizes, strict=True)]
        shape = (len(fit_rows), max(self.num_steps), self.size)
        self.weight_KTB = torch.zeros(shape, dtype=dtype)
        self._order_KTB = torch.zeros(shape, dtype=torch.int64)
        for model, rows in enumerate(fit_rows):
            self._order_KTB[model] = rows[0]
            self._fill(self.weight_KTB[model], torch.ones(len(rows), dtype=dtype), batch_sizes[model])
        counts_KT1 = self.weight_KTB.sum(2, keepdim=True)
        self.share_KTB = self.weight_KTB / counts_KT1.clamp_min(1.0)
        self.counts = [tuple(int(count) for count in column) for column in counts_KT1[..., 0].T.tolist()]  # [T][K]
        self.active = [tuple(count > 0 for count in column) for column in self.counts]
        self.padded = [min(column) < self.size for column in self.counts]

    def shuffle(self, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Return the positions of a new epoch [K, T, B]; the order of a model comes from its own generator."""
        for model, rows in enumerate(self.fit_rows):
            order = rows[torch.randperm(len(rows), generator=generators[model])]
            self._fill(self._order_KTB[model], order, self.sizes[model])
        return self._order_KTB

    @staticmethod
    def _fill(target_TB: torch.Tensor, values_n: torch.Tensor, size: int) -> None:
        """Lay values into batches; what they do not reach stays as it was."""
        full = len(values_n) // size
        target_TB[:full, :size] = values_n[: full * size].view(full, size)
        rest = values_n[full * size :]
        if len(rest):
            target_TB[full, : len(rest)] = rest


def padded_rows(rows_K: Sequence[torch.Tensor], chunk: int) -> torch.Tensor:
    """Return positions [K, whole chunks] for prediction; short models repeat their first row."""
    length = -(-max(len(rows) for rows in rows_K) // chunk) * chunk
    padded = torch.stack([rows[:1].expand(length) for rows in rows_K]).clone()
    for model, rows in enumerate(rows_K):
        padded[model, : len(rows)] = rows
    return padded
