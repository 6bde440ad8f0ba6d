"""A member's folder, whatever its family: the files of each fold, and `member.json`, which says that it is whole.

    member.json            name, family, spec, folds, fold_scores, score, cost, table (hash), facts, ...
    fold-<s>.safetensors   arrays of fold s, each below the part that it belongs to: "preprocess.", "model.", ...
    fold-<s>.json          the rest of that fold's state
    oof-<s>.parquet        its out-of-fold predictions; absent in an exported bundle

Folds can be added to a folder later. What a family needs beside these it writes itself, before `member.json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Predictions
from components.core.files import atomic_file, read_json, write_json
from components.core.predictions import read_predictions, write_predictions

NO_PREDICTIONS = Predictions(
    rows_n=np.zeros(0, dtype=np.int64), fold_n=np.zeros(0, dtype=np.int16), values_nC=np.zeros((0, 1), dtype=np.float32)
)


@dataclass(frozen=True, kw_only=True)
class FoldFiles:
    """What the files of one fold hold."""

    arrays: Mapping[str, NDArray[Any]]
    state: JSON
    oof: Predictions

    def part(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of one part, without its name before theirs; empty when there is no such part."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): array for key, array in self.arrays.items() if key.startswith(prefix)}


def write_fold(folder: Path, number: int, *, parts: Mapping[str, Arrays], state: JSON, oof: Predictions) -> None:
    """Write the files of one fold; the same values give the same bytes."""
    from safetensors.numpy import save

    arrays = {f"{part}.{name}": np.ascontiguousarray(array) for part in parts for name, array in parts[part].items()}
    write_bytes(folder / f"fold-{number}.safetensors", save(arrays))
    write_json(folder / f"fold-{number}.json", state)
    if len(oof.rows_n):
        write_predictions(folder / f"oof-{number}.parquet", oof)


def read_fold(folder: Path, number: int) -> FoldFiles:
    """Read what `write_fold` wrote. Runs no code from it."""
    from safetensors.numpy import load_file

    return FoldFiles(
        arrays=load_file(folder / f"fold-{number}.safetensors"),
        state=read_json(folder / f"fold-{number}.json"),
        oof=read_oof(folder, number),
    )


def read_oof(folder: Path, number: int) -> Predictions:
    """Read the out-of-fold predictions of one fold; a folder that left them behind gives none."""
    path = folder / f"oof-{number}.parquet"
    return read_predictions(path) if path.exists() else NO_PREDICTIONS


def write_member(folder: Path, described: JSON, folds: Sequence[int], scores: Sequence[float]) -> None:
    """Write `member.json`, after everything else."""
    of_folds = {"folds": list(folds), "fold_scores": list(scores), "score": float(np.mean(scores))}
    write_json(folder / "member.json", {**described, **of_folds})


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
