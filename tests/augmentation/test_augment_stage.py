"""The stage between the folders of ingest and split and its own."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.augmentation.folds import made_file, read_folds_with_made
from components.augmentation.spec import AugmentSpec
from components.core.files import read_json, write_json, write_parquet
from components.core.table import ColumnSchema, Schema, Table
from components.data.splits import read_folds
from pipelines.augment import augment
from pipelines.engine.stage import Stage


def write_inputs(root):
    """52 rows: the last four are of test; in three parts of 16, each with 4 "rare" and 12 "common"."""
    number = np.arange(52)
    (root / "data/ingest").mkdir(parents=True)
    (root / "data/split").mkdir()
    names = np.where(number % 4 == 0, "rare", "common").tolist()
    pq.write_table(pa.table({"x": number / 8, "y": names}), root / "data/ingest/table.parquet")
    write_json(root / "data/ingest/ingest.json", {"table": "sha256:t"})
    schema = Schema(
        table="sha256:t",
        task="binary",
        target="y",
        classes=("common", "rare"),
        columns=(
            ColumnSchema(name="x", kind="numeric", use="feature"),
            ColumnSchema(name="y", kind="categorical", use="target"),
        ),
    )
    schema.write(root / "data/split/schema.json")
    part, fold = (number >= 48).astype(np.int8), np.where(number >= 48, -1, number // 4 % 3).astype(np.int16)
    write_parquet(root / "data/split/rows.parquet", {"row": number, "part": part, "fold": fold})
    write_json(root / "data/split/split.json", {"table": "sha256:t", "by": "stratified", "folds": 3})
    return schema


def run(root, spec):
    out = root / "data/augment"
    out.mkdir()
    return augment(Stage(word="augment", root=root, spec=spec, out=out)), out


def test_nothing_is_asked_by_default(tmp_path):
    write_inputs(tmp_path)
    line, out = run(tmp_path, AugmentSpec())
    assert line == "nothing asked"
    assert read_json(out / "augment.json") == {"table": "sha256:t", "rows": 52, "made": 0}


def test_made_rows_come_from_train_rows_and_reach_the_folds(tmp_path):
    schema = write_inputs(tmp_path)
    line, out = run(tmp_path, AugmentSpec(smote=True))
    assert line == "24 rows made"  # in each part four rare rows are filled up to twelve
    table = Table.open(schema, tmp_path / "data/ingest/table.parquet", made_file(out))
    test_rows, folds = read_folds(tmp_path / "data/split")
    completed = read_folds_with_made(folds, out, schema.table)
    assert test_rows.tolist() == [48, 49, 50, 51]
    for fold in completed:
        assert len(fold.fit_rows) == 32 + 16
        assert np.bincount(table.target()[fold.fit_rows]).tolist() == [24, 24]
        assert len(fold.score_rows) == 16
