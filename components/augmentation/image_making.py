"""`copies` for pictures: made pictures of each fold part, written behind the real ones as rows of their own.

As for tables (`making.py`), a made row is written in the form of ingest's table, and `folds.py` says who fits on it.
With `copies: 0` the policy leaves no trace here: it works in the training alone, and nothing else runs again.

    made.parquet        the rows, with the hash of what was made
    made_image.npy      their pictures, uint8
    made_rows.parquet   fold (the part), source (row id)
    augment.json        counts, and the hash of the table
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from components.augmentation.copies import made_pictures
from components.augmentation.policy import ImagePolicy
from components.core.files import atomic_file, write_json, write_parquet
from components.core.seeds import generator
from components.core.table import IMAGE, PIXELS, Schema, Table


class Section(Protocol):
    """The section `augment`, in which values may be ranges as long as nothing is made of them here."""

    def settled(self) -> ImagePolicy:
        """Return one value of each."""
        ...


def write_copies(
    section: Section, schema: Schema, table: Path, parts: Mapping[int, NDArray[np.int64]], out: Path, *, seed: int
) -> dict[str, Any]:
    """Make pictures in each part (number -> row ids), write them to `out`, return what augment.json holds.

    The stage's `line` is returned with it.
    """
    policy = section.settled()
    opened = Table.open(schema, table)
    facts: dict[str, Any] = {"table": schema.table, "rows": opened.num_real, "made": 0}
    if policy.copies:
        facts["made"] = _write(
            policy, opened, table, {number: np.sort(parts[number]) for number in sorted(parts)}, out, seed
        )
    write_json(out / "augment.json", facts)
    on = f"on the fly: {', '.join(policy.techniques)}" if policy.techniques else "nothing asked"
    return {**facts, "line": f"{facts['made']} pictures made; {on}" if facts["made"] else on}


def _write(
    policy: ImagePolicy, opened: Table, table: Path, parts: Mapping[int, NDArray[np.int64]], out: Path, seed: int
) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source_m = np.concatenate([np.tile(rows_n, policy.copies) for rows_n in parts.values()])
    fold_m = np.concatenate(
        [np.full(policy.copies * len(rows_n), number, dtype=np.int16) for number, rows_n in parts.items()]
    )
    shape = (len(source_m), *opened.array(IMAGE).shape[1:])
    with atomic_file(out / f"made_{IMAGE}.npy") as temporary:
        made = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        at = 0
        for number, rows_n in parts.items():
            until = at + policy.copies * len(rows_n)
            made_pictures(
                policy, opened.array(IMAGE, rows_n), generator(seed, "augment", "pictures", number), made[at:until]
            )
            at = until
        hashes = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in made]
        made.flush()
    rows = pq.read_table(table, partitioning=None).take(pa.array(source_m))
    rows = rows.set_column(rows.column_names.index(PIXELS), PIXELS, pa.array(hashes))
    with atomic_file(out / "made.parquet") as temporary:
        pq.write_table(rows, temporary, compression="zstd", write_statistics=False)
    write_parquet(out / "made_rows.parquet", {"fold": fold_m, "source": source_m})
    return len(source_m)
