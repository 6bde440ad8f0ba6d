"""One candidate on its folds: from settled settings to rows, and from trained rows to an outcome and a member folder.

Runs inside a worker. Its rows are trained among those of others (`group_run.py`), and do not know that.

Legend: S folds, n scored rows of one fold, C outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from components.augmentation.policy import ImagePolicy
from components.core.contracts import Candidate, Outcome, Predictions, failure
from components.core.files import atomic_folder
from components.core.seeds import derive
from components.core.table import Schema
from components.data.preprocessing.images import ImagePreprocess
from components.data.preprocessing.spec import NetworkPreprocess
from components.networks.network import NetworkSpec
from components.networks.registry import read_spec
from components.training import losses
from components.training.generation import mean_curve
from components.training.member import FoldNetwork, NetworkMember, joined_folds, load_network
from components.training.population import Model, Row
from components.training.prepared import Preprocess
from components.training.scoring import Scoring
from components.training.spec import TrainingSpec


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A candidate's settled settings."""

    preprocess: Preprocess
    network: NetworkSpec
    training: TrainingSpec
    augment: ImagePolicy | None  # of train pictures, on the fly

    @classmethod
    def of(cls, candidate: Candidate, schema: Schema) -> "Settings":
        """Read {"preprocess": ..., "network": ..., "training": ...}, and of pictures {"augment": ...}."""
        preprocess = NetworkPreprocess if schema.picture is None else ImagePreprocess
        augment = candidate.spec.get("augment")
        return cls(
            preprocess=preprocess.model_validate(candidate.spec["preprocess"]),
            augment=None if augment is None else ImagePolicy.model_validate(augment),
            network=read_spec(candidate.spec["network"]),
            training=TrainingSpec.model_validate(candidate.spec["training"]),
        )


class CandidateRun:
    """One candidate: its rows before training, its outcome after."""

    def __init__(
        self,
        candidate: Candidate,
        settings: Settings,
        scoring: Scoring,
        schema: Schema,
        seed: int,
        positions: Sequence[int] | None = None,
    ) -> None:
        """`positions`: of the folds that are trained; None: all."""
        self.candidate = candidate
        self._settings = settings
        self._scoring = scoring
        self._schema = schema
        self._inputs = scoring.prepared.inputs
        self.loss = losses.resolve(settings.training.loss, schema.task)
        self.network = settings.network.build(self._inputs, schema.num_outputs)
        self.rows = [
            Row(
                candidate=candidate.number,
                fold=position,
                seed=derive(seed, "search", candidate.number, "fold", fitted.fold.number),
                network=settings.network,
                training=settings.training,
                augment=settings.augment,
            )
            for position, fitted in enumerate(scoring.prepared.folds)
            if positions is None or position in positions
        ]
        self.parts = 1
        self.together = len(self.rows)  # K of the largest population that its rows are in; `GroupRun` knows
        self.models: list[Model] = []  # what the rows are becoming, in order of their folds; `GroupRun` fills it

    @property
    def diverged(self) -> bool:
        """Whether the loss of some fold is no number any more."""
        return any(model.diverged for model in self.models)

    @property
    def ended(self) -> bool:
        """Whether no row has anything left to do."""
        return self.diverged or all(model.ended for model in self.models)

    def outcome(self, checkpoint: Path) -> Outcome:
        """Say what has become of it; a candidate that ended well is written to its folder below `checkpoint`.

        One that could go on is told as pruned: that is what it is when its rung drops it.
        """
        if self.diverged:
            return failure(self.candidate.number, "diverged")
        folds = [self._fold(model) for model in self.models]
        facts = self._facts()
        folder = self._write(folds, facts, checkpoint) if self.ended else None
        judgements = [model.judgement for model in self.models]
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
            notes={"models_together": self.together},
        )

    def _fold(self, model: Model) -> FoldNetwork:
        fitted = self._scoring.prepared.folds[model.row.fold]
        assert model.outputs_nC is not None, "a model that did not diverge was judged"
        values = self._scoring.values(model.row.fold, torch.from_numpy(model.outputs_nC))
        rows = fitted.fold.score_rows
        return FoldNetwork(
            number=fitted.fold.number,
            preprocessor=fitted.preprocessor,
            scaler=fitted.scaler,
            tensors=self.network.parameters.split(model.best_P.cpu()) | self.network.buffers.split(model.best_Q.cpu()),
            inputs=self._inputs,
            score=self._scoring.score(model.row.fold, values),
            oof=Predictions(
                rows_n=rows, fold_n=np.full(len(rows), fitted.fold.number, dtype=np.int16), values_nC=values
            ),
        )

    def _facts(self) -> Mapping[str, int | float | str]:
        judgements = [model.judgement for model in self.models]
        pieces = {"batch_pieces": self.parts} if self.parts > 1 else {}  # memory was short: other last bits
        return pieces | {
            "inputs": self._inputs.size,
            "parameters": self.network.parameters.num_values,  # of one fold model
            "operations": self.network.cost(),  # multiply-adds a row, of one fold model
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
        with atomic_folder(folder, synced=False) as new:  # `Turns` waits for the disk: this process has more to train
            member.save(new)
        return folder
