"""A trained network as a member: the fold models of one configuration, saved and loaded without pickle.

The fold models are a population (K = folds), so prediction is the same forward pass as in training. A folder holds
`member.json`, and per fold `fold-<s>.safetensors` (weights below "model.", the preprocessor's arrays below
"preprocess.", the target's scale below "target."), `fold-<s>.json` (the rest of their state) and `oof-<s>.parquet`.
Folds can be added to a folder later; loading one needs neither the project nor its table.

Weights are in half precision, in which they were judged (`as_saved`).

Legend: N rows, C outputs, K fold models, F inputs.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Predictions, Preprocessor, Task
from components.core.files import read_json
from components.core.member_files import read_fold, write_fold, write_member
from components.core.predictions import joined
from components.core.table import Table
from components.data.preprocessing.pipeline import load
from components.data.preprocessing.target import TargetScaler
from components.networks.network import Inputs, Network
from components.networks.registry import read_spec
from components.training.inputs import network_inputs, rows_at_once
from components.training.losses import predictions


@dataclass(frozen=True, kw_only=True)
class FoldNetwork:
    """The network of one fold, and what belongs to it."""

    number: int
    preprocessor: Preprocessor
    scaler: TargetScaler | None  # for regression
    tensors: Mapping[str, torch.Tensor]  # parameters and running statistics by name
    inputs: Inputs
    score: float  # in the metric's own direction
    oof: Predictions  # of this fold alone; empty in a bundle that left them behind


@dataclass(frozen=True, kw_only=True)
class NetworkMember:
    """`components.core.contracts.Member` of the family "network"."""

    name: str
    spec: JSON  # settled: preprocess, network, training
    structure: str
    table: str  # content hash
    task: Task
    num_outputs: int
    facts: Mapping[str, int | float | str]
    folds: tuple[FoldNetwork, ...]
    family: str = "network"

    @cached_property
    def oof(self) -> Predictions:
        """Out-of-fold predictions of all folds, in order of row id."""
        return joined(fold.oof for fold in self.folds)

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict the mean of the folds for rows of a table (all by default): [N, C]."""
        wanted = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
        network, views, buffers = self._population
        parts = [np.zeros((0, self.num_outputs), dtype=np.float32)]
        with one_thread(), torch.no_grad():
            chunk = rows_at_once(self.folds[0].inputs.shape)
            for start in range(0, len(wanted), chunk):
                chosen = wanted[start : start + chunk]
                x = [network_inputs(fold.preprocessor, table, chosen) for fold in self.folds]
                outputs_KNC = network.forward(views, buffers, torch.from_numpy(np.stack(x)), None)
                parts.append(self._mean(predictions(outputs_KNC, self.task).numpy()))
        return np.concatenate(parts)

    def cost(self) -> int:
        """Multiply-adds of the matrix products of all folds, per row."""
        return len(self.folds) * self._network().cost()

    def save(self, folder: Path) -> None:
        """See `Member`; `member.json`, which says that the member is whole, comes last."""
        for fold in self.folds:
            _write_fold(folder, fold)
        described = {
            "name": self.name,
            "family": self.family,
            "spec": self.spec,
            "structure": self.structure,
            "cost": self.cost(),
            "table": self.table,
            "task": self.task,
            "num_outputs": self.num_outputs,
            "facts": self.facts,
        }
        write_member(folder, described, [fold.number for fold in self.folds], [fold.score for fold in self.folds])

    def _network(self) -> Network:
        network: Network = read_spec(self.spec["network"]).build(self.folds[0].inputs, self.num_outputs)
        return network

    @cached_property
    def _population(self) -> tuple[Network, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The folds' networks side by side: made once, or a single row would wait for it."""
        network = self._network()
        parameters_KP = torch.stack([network.parameters.join(fold.tensors) for fold in self.folds])
        buffers_KQ = torch.stack([network.buffers.join(fold.tensors) for fold in self.folds])
        return network, network.parameters.views(parameters_KP), network.buffers.views(buffers_KQ)

    def _mean(self, values_KNC: NDArray[np.float32]) -> NDArray[np.float32]:
        scalers = [fold.scaler for fold in self.folds]
        own = [
            values if scaler is None else scaler.inverse(values)
            for values, scaler in zip(values_KNC, scalers, strict=True)
        ]
        return np.asarray(np.mean(own, axis=0, dtype=np.float64), dtype=np.float32)


def load_network(folder: Path) -> NetworkMember:
    """Read a member folder that the search wrote. Runs no code from it."""
    described = read_json(folder / "member.json")
    kept = ("name", "spec", "structure", "table", "task", "num_outputs", "facts")
    return NetworkMember(
        folds=tuple(_read_fold(folder, number) for number in described["folds"]),
        **{key: described[key] for key in kept},
    )


def _write_fold(folder: Path, fold: FoldNetwork) -> None:
    arrays, preprocess = fold.preprocessor.state()
    parts: dict[str, Arrays] = {
        "model": {name: tensor.numpy() for name, tensor in fold.tensors.items()},
        "preprocess": arrays,
        "target": {} if fold.scaler is None else fold.scaler.state(),
    }
    state = {"preprocess": preprocess, "inputs": asdict(fold.inputs), "score": fold.score}
    write_fold(folder, fold.number, parts=parts, state=state, oof=fold.oof)


def _read_fold(folder: Path, number: int) -> FoldNetwork:
    files = read_fold(folder, number)
    target = files.part("target")
    return FoldNetwork(
        number=number,
        preprocessor=load(files.part("preprocess"), files.state["preprocess"]),
        scaler=TargetScaler.load(target) if target else None,
        tensors={name: torch.from_numpy(array) for name, array in files.part("model").items()},
        inputs=Inputs.from_json(files.state["inputs"]),
        score=files.state["score"],
        oof=files.oof,
    )


def joined_folds(earlier: Sequence[FoldNetwork], now: Sequence[FoldNetwork]) -> tuple[FoldNetwork, ...]:
    """Return the folds of both in order of number; a fold that was trained again counts as it is now."""
    folds = {fold.number: fold for fold in [*earlier, *now]}
    return tuple(folds[number] for number in sorted(folds))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: a product split among threads adds up in another order, and ends in other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
