"""One candidate on its folds: from settled settings to a score at a rung, or to a finished member folder.

Runs inside a worker. K is the number of folds here; the trainer below (`population.py`) does not know that.

Legend: S folds, n scored rows of one fold, C outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.contracts import Candidate, Metric, Outcome, Predictions
from components.core.files import atomic_file, atomic_folder
from components.core.seeds import derive
from components.core.table import Schema
from components.data.preprocessing.spec import NetworkPreprocess
from components.networks.network import Inputs, NetworkSpec
from components.networks.registry import read_spec
from components.training import losses
from components.training.member import FoldNetwork, NetworkMember, joined_folds, load_network
from components.training.paused import State, restore, state_of
from components.training.population import Error, Model, Population, Row, group
from components.training.prepared import Prepared
from components.training.spec import TrainingSpec
from components.training.tasks import failure


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A candidate's settled settings."""

    preprocess: NetworkPreprocess
    network: NetworkSpec
    training: TrainingSpec

    @classmethod
    def of(cls, candidate: Candidate) -> "Settings":
        """Read {"preprocess": ..., "network": ..., "training": ...}."""
        return cls(
            preprocess=NetworkPreprocess.model_validate(candidate.spec["preprocess"]),
            network=read_spec(candidate.spec["network"]),
            training=TrainingSpec.model_validate(candidate.spec["training"]),
        )


class CandidateRun:
    """Trains one candidate; can rest at an epoch and go on elsewhere."""

    def __init__(
        self, candidate: Candidate, settings: Settings, prepared: Prepared, schema: Schema, metric: Metric, seed: int
    ) -> None:
        self.candidate = candidate
        self._settings = settings
        self._prepared = prepared
        self._schema = schema
        self._metric = metric
        resident = prepared.resident
        self._inputs = Inputs(shape=resident.shape)
        loss = losses.resolve(settings.training.loss, schema.task)
        network = settings.network.build(self._inputs, schema.num_outputs)
        rows = [
            Row(
                candidate=candidate.number,
                fold=position,
                seed=derive(seed, "search", candidate.number, "fold", fitted.fold.number),
                network=settings.network,
                training=settings.training,
            )
            for position, fitted in enumerate(prepared.folds)
        ]
        error: Error | None = self._label_error if metric.needs == "label" else None
        self._populations = [Population(network, part, resident, loss, error) for part in group(rows, resident)]
        self._network = network

    def train(self, until: int | None, cut_off: Callable[[], bool]) -> bool:
        """Train up to an epoch (None: to the end). Returns False when it was cut off."""
        epochs = self._settings.training.epochs if until is None else until
        for population in self._populations:
            if not population.train(epochs, cut_off):
                return False
            if self.diverged:
                return True
        return True

    @property
    def diverged(self) -> bool:
        """Whether the loss of some fold is no number any more."""
        return any(model.diverged for model in self._models())

    @property
    def ended(self) -> bool:
        """Whether no row has anything left to do."""
        return self.diverged or not any(population.models for population in self._populations)

    def outcome(self, checkpoint: Path) -> Outcome:
        """Say what has become of it; a candidate that ended well is written to its folder below `checkpoint`.

        One that could go on is told as pruned: that is what it is when its rung drops it.
        """
        if self.diverged:
            return failure(self.candidate.number, "diverged")
        folds = [self._fold(model) for model in self._models()]
        facts = self._facts()
        folder = self._write(folds, facts, checkpoint) if self.ended else None
        judgements = [model.judgement for model in self._models()]
        return Outcome(
            number=self.candidate.number,
            state="complete" if self.ended else "pruned",
            cause=None,
            fold_scores_S=tuple(fold.score for fold in folds),
            curves={
                "train": mean_curve([it.train for it in judgements]),
                "validation": mean_curve([it.validation for it in judgements]),
            },
            rungs={},
            folder=folder,
            facts=facts,
        )

    def rest(self, path: Path) -> None:
        """Write all that changed to a file."""
        from safetensors.torch import save_file

        states = [state_of(population) for population in self._populations]
        tensors = {f"{number}.{name}": value for number, state in enumerate(states) for name, value in state.items()}
        with atomic_file(path) as temporary:
            save_file({name: value.contiguous() for name, value in tensors.items()}, temporary)

    def resume(self, path: Path) -> None:
        """Take up what `rest` wrote."""
        from safetensors.torch import load_file

        tensors = load_file(path)
        for number, population in enumerate(self._populations):
            prefix = f"{number}."
            state: State = {
                name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)
            }
            restore(population, state)

    def _models(self) -> list[Model]:
        """Return the models in order of their folds."""
        models = [model for population in self._populations for model in population.began]
        return sorted(models, key=lambda model: model.row.fold)

    def _label_error(self, fold: int, outputs_nC: torch.Tensor) -> float:
        score = self._score(fold, self._values(fold, outputs_nC))
        return -score if self._metric.greater_is_better else score

    def _values(self, fold: int, outputs_nC: torch.Tensor) -> NDArray[np.float32]:
        values = losses.predictions(outputs_nC.unsqueeze(0), self._schema.task)[0].numpy()
        scaler = self._prepared.folds[fold].scaler
        return values.astype(np.float32) if scaler is None else scaler.inverse(values)

    def _score(self, fold: int, values_nC: NDArray[np.float32]) -> float:
        return float(self._metric(self._prepared.folds[fold].truth_n, values_nC[None])[0])

    def _fold(self, model: Model) -> FoldNetwork:
        fitted = self._prepared.folds[model.row.fold]
        assert model.outputs_nC is not None, "a model that did not diverge was judged"
        values = self._values(model.row.fold, torch.from_numpy(model.outputs_nC))
        rows = fitted.fold.score_rows
        return FoldNetwork(
            number=fitted.fold.number,
            preprocessor=fitted.preprocessor,
            scaler=fitted.scaler,
            tensors=self._network.parameters.split(model.best_P.cpu())
            | self._network.buffers.split(model.best_Q.cpu()),
            inputs=self._inputs,
            score=self._score(model.row.fold, values),
            oof=Predictions(
                rows_n=rows, fold_n=np.full(len(rows), fitted.fold.number, dtype=np.int16), values_nC=values
            ),
        )

    def _facts(self) -> Mapping[str, int | float | str]:
        judgements = [model.judgement for model in self._models()]
        return {
            "inputs": self._inputs.size,
            "parameters": self._network.parameters.num_values,  # of one fold model
            "epochs": round(float(np.mean([it.epochs for it in judgements])), 1),
            "best_epoch": round(float(np.mean([it.best_epoch for it in judgements])), 1),
        }

    def _write(self, folds: Sequence[FoldNetwork], facts: Mapping[str, int | float | str], checkpoint: Path) -> Path:
        folder = checkpoint / f"{self.candidate.number:05d}"
        earlier = load_network(folder).folds if (folder / "member.json").exists() else ()
        member = NetworkMember(
            name=f"{self._settings.network.kind}-{self.candidate.number}",
            spec=self.candidate.spec,
            structure=self.candidate.structure,
            table=self._schema.table,
            task=self._schema.task,
            num_outputs=self._schema.num_outputs,
            facts=facts,
            folds=joined_folds(earlier, folds),
        )
        with atomic_folder(folder) as new:
            member.save(new)
        return folder


def mean_curve(curves: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """Return the mean over folds [epochs]. A fold that stopped early counts on with its last value: the mean has no
    jump where one falls silent."""
    longest = max(len(curve) for curve in curves)
    padded = [[*curve, *[curve[-1]] * (longest - len(curve))] for curve in curves]
    return np.asarray(np.mean(padded, axis=0, dtype=np.float64), dtype=np.float32)
