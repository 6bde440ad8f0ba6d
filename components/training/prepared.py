"""The folds as networks see them: rows of a table preprocessed by each fold's own preprocessor, fold under fold in one
resident matrix; pictures once for all folds, as bytes, with the scale that each fold fitted.

Fitted once per preprocessing settings and kept while there is room, because the candidates of a search share a few.

Legend: n rows, M rows of all folds, F inputs, S folds.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.contracts import Fold, Preprocessor
from components.core.seeds import generator
from components.core.table import IMAGE, Table
from components.data.preprocessing.images import ImagePreprocess, ImagePreprocessor
from components.data.preprocessing.pipeline import build
from components.data.preprocessing.spec import NetworkPreprocess
from components.data.preprocessing.target import TargetScaler
from components.networks.network import Inputs
from components.training.batches import ROWS_TO_BEGIN, Resident
from components.training.inputs import inputs_of, one_matrix

LARGEST_SAMPLE = 512  # rows of the train curve: with as many as are scored it cost a tenth of a training
ROOM = 512 * 1024**2  # bytes of resident matrices that one worker keeps

Preprocess = NetworkPreprocess | ImagePreprocess


@dataclass(frozen=True, kw_only=True)
class PreparedFold:
    """What was fitted on one fold, and what its predictions are held against."""

    fold: Fold
    preprocessor: Preprocessor
    scaler: TargetScaler | None  # for regression
    truth_n: NDArray[Any]  # of score_rows: classes, or values in their own units


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All folds under one preprocessing."""

    folds: tuple[PreparedFold, ...]
    resident: Resident
    inputs: Inputs


class Preparer:
    """Prepares the same folds of the same table for any preprocessing settings."""

    def __init__(self, table: Table, folds: Sequence[Fold], seed: int, device: torch.device) -> None:
        self._table = table
        self._folds = tuple(folds)
        self._seed = seed
        self._device = device
        self._known: dict[Preprocess, Prepared] = {}  # the latest last
        self._pictures: torch.Tensor | None = None

    def prepare(self, spec: Preprocess) -> Prepared:
        """Fit and transform, or return what is still known."""
        found = self._known.pop(spec, None)
        if found is None:
            found = self._prepare_pictures(spec) if isinstance(spec, ImagePreprocess) else self._prepare(spec)
        self._known[spec] = found
        while len(self._known) > 1 and sum(_bytes(it) for it in self._known.values()) > ROOM:
            del self._known[next(iter(self._known))]
        return found

    def _prepare(self, spec: NetworkPreprocess) -> Prepared:
        target = self._table.target()
        numbers = self._table.schema.task == "regression"
        folds: list[PreparedFold] = []
        x_parts, y_parts = [], []
        fits, samples, scored, begins = [], [], [], []
        at = 0
        for fold in self._folds:
            preprocessor, fit = build(spec, self._table.schema, self._seed).fit_transform(self._table, fold.fit_rows)
            score = preprocessor.transform(self._table, fold.score_rows)
            rows = np.concatenate([fold.fit_rows, fold.score_rows])
            scaler = TargetScaler.fit(target[fold.fit_rows], spec.target) if numbers else None
            x_parts += [one_matrix(fit), one_matrix(score)]
            y_parts.append(target[rows] if scaler is None else scaler.transform(target[rows]))
            fits.append(torch.arange(at, at + len(fold.fit_rows)))
            samples.append(torch.from_numpy(at + self._sample(fold)))
            begins.append(torch.from_numpy(at + self._first(fold)))
            scored.append(torch.arange(at + len(fold.fit_rows), at + len(rows)))
            folds.append(
                PreparedFold(fold=fold, preprocessor=preprocessor, scaler=scaler, truth_n=target[fold.score_rows])
            )
            at += len(rows)
        resident = Resident(
            x_M=torch.from_numpy(np.concatenate(x_parts)).to(self._device),
            y_M=torch.from_numpy(np.concatenate(y_parts)).to(self._device),
            fit=tuple(fits),
            sample=tuple(samples),
            scored=tuple(scored),
            begin=tuple(begins),
        )
        return Prepared(folds=tuple(folds), resident=resident, inputs=inputs_of(fit))

    def _prepare_pictures(self, spec: ImagePreprocess) -> Prepared:
        target, numbers = self._table.target(), self._table.schema.task == "regression"
        folds, y_parts, centres, widths = [], [], [], []
        for fold in self._folds:
            preprocessor = build(spec, self._table.schema).fit(self._table, fold.fit_rows)
            assert isinstance(preprocessor, ImagePreprocessor), "pictures have a preprocessor of their own"
            scaler = TargetScaler.fit(target[fold.fit_rows]) if numbers else None
            y_parts.append(target if scaler is None else scaler.transform(target))
            centres.append(preprocessor.centre_D)
            widths.append(preprocessor.width_D)
            folds.append(
                PreparedFold(fold=fold, preprocessor=preprocessor, scaler=scaler, truth_n=target[fold.score_rows])
            )
        resident = Resident(
            x_M=self._all_pictures(),
            y_M=torch.from_numpy(np.concatenate(y_parts)).to(self._device),
            fit=tuple(torch.from_numpy(fold.fit_rows) for fold in self._folds),
            sample=tuple(torch.from_numpy(fold.fit_rows[self._sample(fold)]) for fold in self._folds),
            scored=tuple(torch.from_numpy(fold.score_rows) for fold in self._folds),
            scale=(self._scale(centres), self._scale(widths)),
        )
        return Prepared(folds=tuple(folds), resident=resident, inputs=Inputs(shape=resident.shape))

    def _all_pictures(self) -> torch.Tensor:
        """Return the bytes of all pictures: on a CPU mapped from their file, which workers share."""
        if self._pictures is None:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", UserWarning
                )  # torch: the mapped file may not be written to; nobody does
                self._pictures = torch.from_numpy(self._table.array(IMAGE)).to(self._device)
        return self._pictures

    def _scale(self, parts_S: Sequence[NDArray[np.float64] | None]) -> torch.Tensor:
        return torch.from_numpy(np.stack([part for part in parts_S if part is not None])).float().to(self._device)

    def _sample(self, fold: Fold) -> NDArray[np.int64]:
        """Choose real fit rows, as many as are scored: positions in fit_rows for the train curve."""
        real = np.flatnonzero(fold.fit_rows < self._table.num_real)
        if not len(real):  # a part may hold made rows alone
            real = np.arange(len(fold.fit_rows))
        count = min(len(fold.score_rows), len(real), LARGEST_SAMPLE)
        chosen = generator(self._seed, "train curve", fold.number).permutation(real)[:count]
        return np.sort(chosen)

    def _first(self, fold: Fold) -> NDArray[np.int64]:
        """Draw the fit rows from which networks begin: positions in fit_rows."""
        drawn = generator(self._seed, "first rows", fold.number).permutation(len(fold.fit_rows))
        return np.sort(drawn[:ROWS_TO_BEGIN])


def _bytes(prepared: Prepared) -> int:
    x = prepared.resident.x_M
    return x.numel() * x.element_size()
