"""A member as most families have it: per fold one preprocessor and one model; on new rows the mean of the folds.

Boosters, forests and linear models share this file: how a member lies on disk, how it predicts, what it costs. Each
family adds one kind of `FoldModel` and the function that reads it back, in a file of its own; nothing is inherited.
The ensemble is another kind of member: `ensemble_member.py`; after a split by time one fold is left: `newest_fold.py`.

The folder is that of `components/core/member_files.py`: arrays of the preprocessor ("preprocess.") and of the model
("model."), and for a booster a file in its library's own format: `fold-<s>.ubj.gz`, `.txt.gz`, `.cbm.gz`: gunzip gives
what the library reads, three times as large.

Legend: N rows, C outputs, S folds.
"""

import gzip
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Features, Predictions, Preprocessor
from components.core.cores import num_cores
from components.core.files import read_json
from components.core.member_files import read_fold, write_bytes, write_fold, write_member
from components.core.predictions import joined
from components.core.table import Table
from components.data.preprocessing.pipeline import load


@dataclass(frozen=True, kw_only=True)
class Saved:
    """All that a model needs to come back: arrays, JSON, and at most one file of a library's own format."""

    arrays: Arrays
    json: JSON
    own: tuple[str, bytes] | None = None  # the ending of that file, and what is in it


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


@runtime_checkable
class ByRow(Protocol):
    """A model whose answer to a row has the same bits whichever rows are asked with it: trees, no matrix products."""

    by_row: ClassVar[bool]


@runtime_checkable
class Costly(Protocol):
    """A preprocessor that is a model itself, whose work counts."""

    def cost(self) -> int:
        """Multiply-adds per row."""
        ...


PACKING = 6  # of 9: the rest costs time and saves little
MANY_ROWS = 2000  # from here on the folds answer side by side; networks, which set the threads of all, one by one

Reader = Callable[[Saved], FoldModel]
LoadPreprocessor = Callable[[Arrays, JSON], Preprocessor]


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
    parts: tuple[FoldPart, ...]  # in order of fold number; one alone after a split by time; refit: one, or a few
    scores: tuple[float, ...]  # of all folds, also of those whose models stayed behind
    oof: Predictions

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict the mean of the folds [N, C]; all rows when none are named."""
        wanted = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
        if len(wanted) < MANY_ROWS or any(isinstance(part.preprocessor, Costly) for part in self.parts):
            answers = [part.predict(table, wanted) for part in self.parts]
        else:
            answers = self._side_by_side(table, wanted)
        first, *others = (answer.astype(np.float64) for answer in answers)
        return (sum(others, start=first) / len(self.parts)).astype(np.float32)

    def _side_by_side(self, table: Table, wanted: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Return what each fold answers. Trees are asked for like rows together, three folds on two cores in halves."""
        cores = num_cores()
        with ThreadPoolExecutor(cores) as pool:
            if not all(isinstance(part.model, ByRow) for part in self.parts):
                return list(pool.map(lambda part: part.predict(table, wanted), self.parts))
            order = like_rows_together(self.parts[0].preprocessor.transform(table, wanted))
            pieces = np.array_split(wanted[order], 1 if len(self.parts) % cores == 0 else cores)
            jobs = [(part, piece) for piece in pieces for part in self.parts]  # no two of one fold behind each other
            found = list(pool.map(lambda job: job[0].predict(table, job[1]), jobs))
        place = np.argsort(order)
        return [np.concatenate(found[at :: len(self.parts)])[place] for at in range(len(self.parts))]

    def cost(self) -> int:
        """Multiply-adds per row, all folds together."""
        preprocessors = [part.preprocessor for part in self.parts]
        before = sum(one.cost() for one in preprocessors if isinstance(one, Costly))
        return before + sum(part.model.cost() for part in self.parts)

    def save(self, folder: Path) -> None:
        """Write the member into an existing empty folder; `member.json`, which says that it is whole, comes last."""
        for part in self.parts:
            write_part(folder, part)
        described = {
            "name": self.name,
            "family": self.family,
            "spec": self.spec,
            "cost": self.cost(),
            "table": self.table,
            "facts": self.facts,
        }
        write_member(folder, described, [part.number for part in self.parts], self.scores)


def like_rows_together(features: Features) -> NDArray[np.intp]:
    """Return an order of the rows in which neighbours have the same levels and like numbers [N].

    Such rows take the same way down a tree, and a processor that has guessed one way right goes on guessing right:
    boosters answer 1.2 to 1.35 times as many rows a second (20 000 different ones of adult and california_housing;
    CatBoost, whose trees branch nowhere, is as quick as before). Sorting takes 10 ms of a second.
    """
    last = np.zeros(len(features.numeric_NF))  # where there is no column at all
    return np.lexsort([last, *features.numeric_NF.T, *features.codes_NG.T])


def make_member(
    *, name: str, family: str, spec: JSON, table: str, facts: Mapping[str, int | float | str], parts: Sequence[FoldPart]
) -> FoldMember:
    """Join fold parts, in any order, to a member."""
    ordered = tuple(sorted(parts, key=lambda part: part.number))
    scores, oof = tuple(part.score for part in ordered), joined(part.oof for part in ordered)
    return FoldMember(
        name=name, family=family, spec=spec, table=table, facts=facts, parts=ordered, scores=scores, oof=oof
    )


def write_part(folder: Path, part: FoldPart) -> None:
    """Write the files of one fold; the same part gives the same bytes."""
    arrays, preprocess = part.preprocessor.state()
    saved = part.model.saved()
    if saved.own is not None:
        packed = gzip.compress(saved.own[1], PACKING, mtime=0)
        write_bytes(folder / f"fold-{part.number}.{saved.own[0]}.gz", packed)
    state = {"preprocess": preprocess, "model": saved.json, "score": part.score}
    write_fold(folder, part.number, parts={"preprocess": arrays, "model": saved.arrays}, state=state, oof=part.oof)


def read_member(folder: Path, read: Reader, load_preprocessor: LoadPreprocessor = load) -> FoldMember:
    """Read a member folder; `read` is the family's own reader of a fold model. Runs no code from the folder."""
    described = read_json(folder / "member.json")
    parts = [read_part(folder, number, read, load_preprocessor) for number in described["folds"]]
    fields = {key: described[key] for key in ("name", "family", "spec", "table", "facts")}
    return replace(make_member(**fields, parts=parts), scores=tuple(described["fold_scores"]))


def read_part(folder: Path, number: int, read: Reader, load_preprocessor: LoadPreprocessor) -> FoldPart:
    """Read the files of one fold."""
    files = read_fold(folder, number)
    packed = next(folder.glob(f"fold-{number}.*.gz"), None)
    own = None if packed is None else (Path(packed.stem).suffix[1:], gzip.decompress(packed.read_bytes()))
    return FoldPart(
        number=number,
        preprocessor=load_preprocessor(files.part("preprocess"), files.state["preprocess"]),
        model=read(Saved(arrays=files.part("model"), json=files.state["model"], own=own)),
        oof=files.oof,
        score=files.state["score"],
    )
