"""Make rows inside each fold part, from that part's rows alone, and write them as raw rows behind the real table.

A made row is its source row with other numbers and, from SMOTE, with categories of its neighbours. It is written in
the raw form of ingest's table (same columns; a moved number is a real number), so that everything that reads the
table reads made rows in the same way. Which fold may fit on it is in `folds.py`.

    made.parquet        the rows; only when any were made
    made_rows.parquet   fold (the part), source (row id); only then
    augment.json        counts, and the hash of the table: the same bytes whenever nothing is made

Legend: n rows of one part, m made rows, M numbers that may move, G categories.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.augmentation.noise import noisy_copies
from components.augmentation.smote import smote
from components.augmentation.spec import AugmentSpec
from components.core.errors import UserMistake
from components.core.files import atomic_file, write_json, write_parquet
from components.core.seeds import generator
from components.core.table import Schema, Table

LARGEST = 1e150  # numbers are held within it, so that their squares stay finite


@dataclass(frozen=True, kw_only=True)
class Made:
    """Made rows of one part by one technique; row ids are those of the table."""

    technique: str
    fold: int
    source_m: NDArray[np.int64]
    numbers_mM: NDArray[np.float64]
    category_from_mG: NDArray[np.int64]
    too_rare: tuple[int, ...] = ()  # classes that SMOTE could not fill up


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """The columns that a made row may have otherwise than its source."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]


def augment(
    spec: AugmentSpec, schema: Schema, table: Path, parts: Mapping[int, NDArray[np.int64]], out: Path, *, seed: int
) -> dict[str, Any]:
    """Make rows in each part (number -> row ids), write them to `out`, return augment.json and the stage's `line`.

    `schema` is the one that split completed, `table` ingest's file. Raises UserMistake for SMOTE on a regression.
    """
    if spec.smote and schema.task == "regression":
        raise UserMistake(
            f"params.yaml: augment.smote is true, but {schema.target} is a number: SMOTE fills up rare classes. "
            "Write smote: false."
        )
    opened = Table.open(schema, table)
    facts: dict[str, Any] = {"table": schema.table, "rows": opened.num_real, "made": 0}
    if spec.makes_rows:
        columns = _changeable(schema, table)
        made = [found for number in sorted(parts) for found in _in_part(spec, opened, columns, number, parts, seed)]
        if too_rare := {number for found in made for number in found.too_rare}:
            facts["too_rare"] = [schema.classes[number] for number in sorted(too_rare)]
        made = [found for found in made if len(found.source_m)]
        for found in made:
            facts["made"] += len(found.source_m)
            facts[found.technique] = facts.get(found.technique, 0) + len(found.source_m)
        if made:
            _write_rows(schema, table, columns, made, out)
    write_json(out / "augment.json", facts)
    return {**facts, "line": _line(spec, facts)}


def _line(spec: AugmentSpec, facts: Mapping[str, Any]) -> str:
    rare = f"; too rare to fill up: {', '.join(facts['too_rare'])}" if "too_rare" in facts else ""
    return f"{facts['made']} rows made{rare}" if spec.makes_rows else "nothing asked"


def _in_part(
    spec: AugmentSpec,
    table: Table,
    columns: _Columns,
    number: int,
    parts: Mapping[int, NDArray[np.int64]],
    seed: int,
) -> list[Made]:
    rows_n = np.sort(parts[number])
    numbers_nM = np.empty((len(rows_n), len(columns.numbers)))
    for position, name in enumerate(columns.numbers):
        values = table.column(name)[rows_n]
        numbers_nM[:, position] = np.clip(np.where(np.isinf(values), np.nan, values), -LARGEST, LARGEST)
    made = []
    if spec.copies:
        random = generator(seed, "augment", "noise", number)
        source_m, moved_mM = noisy_copies(numbers_nM, spec.copies, spec.noise, random)
        source_m = rows_n[source_m]
        kept_mG = np.repeat(source_m[:, None], len(columns.categories), axis=1)
        made.append(
            Made(technique="noise", fold=number, source_m=source_m, numbers_mM=moved_mM, category_from_mG=kept_mG)
        )
    if spec.smote and len(rows_n):
        codes_nG = np.empty((len(rows_n), len(columns.categories)))
        for position, name in enumerate(columns.categories):
            codes_nG[:, position] = np.nan_to_num(table.column(name)[rows_n], nan=-1)
        random = generator(seed, "augment", "smote", number)
        between = smote(numbers_nM, codes_nG, table.target()[rows_n], 1 + spec.copies, random)
        made.append(
            Made(
                technique="smote",
                fold=number,
                source_m=rows_n[between.source_m],
                numbers_mM=between.numbers_mM,
                category_from_mG=rows_n[between.category_from_mG],
                too_rare=between.too_rare,
            )
        )
    return made


def _changeable(schema: Schema, table: Path) -> _Columns:
    """Numbers may move where they are stored as numbers or as text; booleans and categories are nominal."""
    import pyarrow.parquet as pq
    from pyarrow import types

    stored = pq.read_schema(table)
    numbers = [
        c.name for c in schema.features if c.kind == "numeric" and not types.is_boolean(stored.field(c.name).type)
    ]
    categories = [c.name for c in schema.features if c.kind in ("categorical", "boolean")]
    return _Columns(numbers=tuple(numbers), categories=tuple(categories))


def _write_rows(schema: Schema, table: Path, columns: _Columns, made: list[Made], out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import types

    source_m = np.concatenate([found.source_m for found in made])
    numbers_mM = np.concatenate([found.numbers_mM for found in made])
    category_from_mG = np.concatenate([found.category_from_mG for found in made])
    real = pq.read_table(table, partitioning=None)
    arrays = {}
    for name in (column.name for column in schema.columns):
        stored = real.column(name)
        if name in columns.numbers:
            values = pa.array(numbers_mM[:, columns.numbers.index(name)], from_pandas=True)
            is_text = types.is_string(stored.type) or types.is_large_string(stored.type)
            arrays[name] = values.cast(stored.type) if is_text else values
        else:
            rows_m = category_from_mG[:, columns.categories.index(name)] if name in columns.categories else source_m
            arrays[name] = stored.take(pa.array(rows_m))
    with atomic_file(out / "made.parquet") as temporary:
        pq.write_table(pa.table(arrays), temporary, compression="zstd", write_statistics=False)
    fold_m = np.concatenate([np.full(len(found.source_m), found.fold, dtype=np.int16) for found in made])
    write_parquet(out / "made_rows.parquet", {"fold": fold_m, "source": source_m})
