"""A member as most families have it: per fold one preprocessor and one model; on new rows the mean of the folds.

Boosters, forests and linear models share this file: how a member lies on disk, how it predicts, what it costs. Each
family adds one kind of `FoldModel` and the function that reads it back, in a file of its own; nothing is inherited.
The ensemble is another kind of member: `ensemble_member.py`.

    member.json             name, family, spec, folds, fold_scores, score, cost, table, facts
    oof-<s>.parquet         predictions for the rows that fold s scores
    fold-<s>.safetensors    arrays of the preprocessor ("preprocess.") and of the model ("model.")
    fold-<s>.json           the rest of their state
    fold-<s>.ubj            a booster, in XGBoost's own format

Legend: N rows, C outputs, S folds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Features, Predictions, Preprocessor
from components.core.files import atomic_file, read_json, write_json
from components.core.predictions import joined, read_predictions, write_predictions
from components.core.table import Table
from components.data.preprocessing.pipeline import load


@dataclass(frozen=True, kw_only=True)
class Saved:
    """All that a model needs to come back: arrays, JSON, and at most one file of a library's own format."""

    arrays: Arrays
    json: JSON
    ubj: bytes | None = None


class FoldModel(Protocol):
    """The model of one fold; knows nothing of tables, rows and files."""

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Predict: probabilities in the order of the classes, or values in the target's own units [N, C]."""
        ...

    def cost(self) -> int:
        """Multiply-adds (or comparisons) per row."""
        ...

    def saved(self) -> Saved:
        """Return the state that the family's reader takes back."""
        ...


Reader = Callable[[Saved], FoldModel]


@dataclass(frozen=True, kw_only=True)
class FoldPart:
    """What was fitted for one fold, and what it scored."""

    number: int
    preprocessor: Preprocessor
    model: FoldModel
    oof: Predictions  # rows of this fold alone; empty when they were left behind (an exported bundle)
    score: float  # in the metric's own direction

    def predict(self, table: Table, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Predict rows of any table with the same columns [N, C]."""
        return self.model.predict(self.preprocessor.transform(table, rows))


@dataclass(frozen=True, kw_only=True)
class FoldMember:
    """A `components.core.contracts.Member` made of fold models."""

    name: str
    family: str
    spec: JSON  # settled settings
    table: str  # content hash of the table that its row ids refer to
    facts: Mapping[str, int | float | str]
    parts: tuple[FoldPart, ...]  # in order of fold number
    oof: Predictions

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict the mean of the folds [N, C]; all rows when none are named."""
        wanted = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
        first, *others = [part.predict(table, wanted).astype(np.float64) for part in self.parts]
        return (sum(others, start=first) / len(self.parts)).astype(np.float32)

    def cost(self) -> int:
        """Multiply-adds per row, all folds together."""
        return sum(part.model.cost() for part in self.parts)

    def save(self, folder: Path) -> None:
        """Write the member into an existing empty folder; `member.json`, which says that it is whole, comes last."""
        for part in self.parts:
            write_part(folder, part)
        scores = [part.score for part in self.parts]
        write_json(
            folder / "member.json",
            {
                "name": self.name,
                "family": self.family,
                "spec": self.spec,
                "folds": [part.number for part in self.parts],
                "fold_scores": scores,
                "score": float(np.mean(scores)),
                "cost": self.cost(),
                "table": self.table,
                "facts": self.facts,
            },
        )


def make_member(
    *, name: str, family: str, spec: JSON, table: str, facts: Mapping[str, int | float | str], parts: Sequence[FoldPart]
) -> FoldMember:
    """Join fold parts, in any order, to a member."""
    ordered = tuple(sorted(parts, key=lambda part: part.number))
    oof = joined(part.oof for part in ordered)
    return FoldMember(name=name, family=family, spec=spec, table=table, facts=facts, parts=ordered, oof=oof)


def write_part(folder: Path, part: FoldPart) -> None:
    """Write the files of one fold; the same part gives the same bytes."""
    from safetensors.numpy import save

    arrays, preprocess = part.preprocessor.state()
    saved = part.model.saved()
    tensors = {f"preprocess.{name}": np.ascontiguousarray(array) for name, array in arrays.items()}
    tensors |= {f"model.{name}": np.ascontiguousarray(array) for name, array in saved.arrays.items()}
    stem = f"fold-{part.number}"
    write_bytes(folder / f"{stem}.safetensors", save(tensors))
    if saved.ubj is not None:
        write_bytes(folder / f"{stem}.ubj", saved.ubj)
    write_json(folder / f"{stem}.json", {"preprocess": preprocess, "model": saved.json, "score": part.score})
    if len(part.oof.rows_n):
        write_predictions(folder / f"oof-{part.number}.parquet", part.oof)


def read_member(folder: Path, read: Reader) -> FoldMember:
    """Read a member folder; `read` is the family's own reader of a fold model. Runs no code from the folder."""
    described = read_json(folder / "member.json")
    parts = [read_part(folder, number, read) for number in described["folds"]]
    fields = {key: described[key] for key in ("name", "family", "spec", "table", "facts")}
    return make_member(**fields, parts=parts)


def read_part(folder: Path, number: int, read: Reader) -> FoldPart:
    """Read the files of one fold."""
    from safetensors.numpy import load_file

    tensors = load_file(folder / f"fold-{number}.safetensors")
    state = read_json(folder / f"fold-{number}.json")
    ubj = folder / f"fold-{number}.ubj"
    model = Saved(arrays=_below("model.", tensors), json=state["model"], ubj=ubj.read_bytes() if ubj.exists() else None)
    return FoldPart(
        number=number,
        preprocessor=load(_below("preprocess.", tensors), state["preprocess"]),
        model=read(model),
        oof=read_oof(folder, number),
        score=state["score"],
    )


def read_oof(folder: Path, number: int) -> Predictions:
    """Read the out-of-fold predictions of one fold; a folder that left them behind gives none."""
    path = folder / f"oof-{number}.parquet"
    return read_predictions(path) if path.exists() else NO_PREDICTIONS


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def _below(prefix: str, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


NO_PREDICTIONS = Predictions(
    rows_n=np.zeros(0, dtype=np.int64), fold_n=np.zeros(0, dtype=np.int16), values_nC=np.zeros((0, 1), dtype=np.float32)
)
