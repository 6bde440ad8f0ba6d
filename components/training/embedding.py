"""What a trained network sees in a picture, as columns for trees and lines: the inputs of its last layer, standardised.

A preprocessor like any other, but for what it holds: the network of one fold. It was trained on the fit rows of that
fold alone, so rows that the fold scores are as new to it as to the model that stands on these columns. It is saved with
that model, whole: predicting needs no other folder.

Legend: n rows, E columns of the embedding.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Features, Preprocessor
from components.core.table import Table
from components.data.preprocessing.pipeline import load
from components.networks.network import Inputs, Network
from components.networks.registry import read_spec
from components.training.inputs import network_inputs, rows_at_once
from components.training.member import NetworkMember, one_thread

LEAST_WIDTH = 1.0e-6  # of a column that says anything


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """`components.core.contracts.Preprocessor`: one fold's network, and the scale of what it sees."""

    spec: JSON  # of the network, settled
    num_outputs: int
    inputs: Inputs
    tensors: dict[str, torch.Tensor]
    preprocessor: Preprocessor  # the network's own
    threads: int = 1
    centre_E: NDArray[np.float64] | None = None
    width_E: NDArray[np.float64] | None = None

    def fit(self, table: Table, rows: NDArray[np.int64]) -> "Embedding":
        """Return a copy that standardises by these rows."""
        return self.fit_transform(table, rows)[0]

    def fit_transform(self, table: Table, rows: NDArray[np.int64]) -> "tuple[Embedding, Features]":
        """Return a copy that standardises by these rows, and their columns."""
        seen_nE = self._seen(table, rows)
        width_E = seen_nE.std(axis=0, dtype=np.float64)
        fitted = replace(
            self,
            centre_E=seen_nE.mean(axis=0, dtype=np.float64),
            width_E=np.where(width_E < LEAST_WIDTH, 1.0, width_E),
        )
        return fitted, fitted._features(seen_nE)

    def transform(self, table: Table, rows: NDArray[np.int64]) -> Features:
        """Return the columns of these rows [n, E]."""
        return self._features(self._seen(table, rows))

    def cost(self) -> int:
        """Multiply-adds per row, of the network."""
        return self._network().cost()

    def state(self) -> tuple[Arrays, JSON]:
        """Return what `load_embedding` needs."""
        assert self.centre_E is not None, "fit comes first"
        assert self.width_E is not None
        arrays, preprocess = self.preprocessor.state()
        return {
            "centre_E": self.centre_E,
            "width_E": self.width_E,
            **{f"pixels.{name}": array for name, array in arrays.items()},
            **{f"network.{name}": tensor.numpy() for name, tensor in self.tensors.items()},
        }, {
            "spec": {"kind": "embedding", "features": "embedding"},
            "network": self.spec,
            "num_outputs": self.num_outputs,
            "inputs": asdict(self.inputs),
            "preprocess": preprocess,
        }

    def _network(self) -> Network:
        network: Network = read_spec(self.spec).build(self.inputs, self.num_outputs)
        return network

    def _seen(self, table: Table, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what the last layer is given [n, E]: the same bits on any number of threads."""
        network = self._network()
        views = network.parameters.views(network.parameters.join(self.tensors)[None])
        buffers = network.buffers.views(network.buffers.join(self.tensors)[None])

        def one(chosen: NDArray[np.int64]) -> NDArray[np.float32]:
            with torch.no_grad():
                x = np.ascontiguousarray(network_inputs(self.preprocessor, table, chosen))[None]
                return network.embed(views, buffers, torch.from_numpy(x))[0].flatten(start_dim=1).numpy()

        chunk = rows_at_once(self.inputs.shape)
        parts = [rows[start : start + chunk] for start in range(0, len(rows), chunk)] or [rows]
        with one_thread(), ThreadPoolExecutor(self.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return np.concatenate(list(pool.map(one, parts)))

    def _features(self, seen_nE: NDArray[np.float32]) -> Features:
        assert self.centre_E is not None, "fit comes first"
        assert self.width_E is not None
        columns = seen_nE.shape[1]
        return Features(
            numeric_NF=((seen_nE - self.centre_E) / self.width_E).astype(np.float32),
            codes_NG=np.zeros((len(seen_nE), 0), dtype=np.int32),
            num_codes_G=(),
            names_F=tuple(f"embedding {number}" for number in range(1, columns + 1)),
            names_G=(),
            arrays={},
            num_numbers=columns,
        )


def embeddings_of(member: NetworkMember, folds: Sequence[int], threads: int) -> dict[int, Embedding] | None:
    """Return the embedding of each fold's own network, or None where the member lacks one of these folds."""
    found = {
        fold.number: Embedding(
            spec=member.spec["network"],
            num_outputs=member.num_outputs,
            inputs=fold.inputs,
            tensors=dict(fold.tensors),
            preprocessor=fold.preprocessor,
            threads=threads,
        )
        for fold in member.folds
    }
    return found if set(folds) <= set(found) else None


def load_embedding(arrays: Arrays, state: JSON) -> Embedding:
    """Return the fitted preprocessor that `state()` described."""
    own = {name: dict[str, NDArray[Any]]() for name in ("pixels", "network")}
    for key, array in arrays.items():
        part, _, name = key.partition(".")
        if part in own:
            own[part][name] = array
    return Embedding(
        spec=state["network"],
        num_outputs=state["num_outputs"],
        inputs=Inputs.from_json(state["inputs"]),
        tensors={name: torch.from_numpy(array) for name, array in own["network"].items()},
        preprocessor=load(own["pixels"], state["preprocess"]),
        centre_E=arrays["centre_E"],
        width_E=arrays["width_E"],
    )
