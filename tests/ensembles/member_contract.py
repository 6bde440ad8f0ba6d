"""What every member promises, whatever its family. A family joins by handing in a grown member and its loader.

`CONTRACT` is checked one promise at a time, `check_predictions_without_the_project` with all members at once: it costs
a process.
The table that a member was grown on is `ensemble_case.table_of(task)`, its folds `ensemble_case.folds_of(num_rows)`.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from ensemble_case import frame_of, schema_of, table_of

from components.core.contracts import Member
from components.core.files import hash_folder, read_json
from components.core.table import Table

Load = Callable[[Path], Member]


def saved(member: Member, folder: Path) -> Path:
    folder.mkdir(parents=True)
    member.save(folder)
    return folder


def comes_back_the_same(member: Member, load: Load, task: str, tmp: Path) -> None:
    table = table_of(task)
    again = load(saved(member, tmp / "member"))
    assert (again.name, again.family, again.cost()) == (member.name, member.family, member.cost())
    np.testing.assert_array_equal(again.predict(table), member.predict(table))
    np.testing.assert_array_equal(again.oof.values_nC, member.oof.values_nC)
    np.testing.assert_array_equal(again.oof.rows_n, member.oof.rows_n)


def has_deterministic_bytes(member: Member, load: Load, task: str, tmp: Path) -> None:
    first = saved(member, tmp / "first")
    second = saved(load(first), tmp / "second")
    assert hash_folder(first) == hash_folder(second)


def has_an_honest_shape(member: Member, load: Load, task: str, tmp: Path) -> None:
    """Every fold's predictions come from models that have not seen its rows; probabilities are probabilities."""
    table = table_of(task)
    values = member.predict(table)
    assert values.shape == (table.num_rows, table.schema.num_outputs)
    assert values.dtype == np.float32
    assert len(np.unique(member.oof.rows_n)) == len(member.oof.rows_n) == table.num_rows
    assert (member.oof.fold_n == member.oof.rows_n % 3).all()
    for answers in (values, member.oof.values_nC):
        assert np.isfinite(answers).all()
        if task != "regression":
            np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-5)
            assert (answers >= 0).all()


def has_learned(member: Member, load: Load, task: str, tmp: Path) -> None:
    """Better than guessing on rows that the model of their fold has not seen."""
    truth = table_of(task).target()[member.oof.rows_n]
    if task == "regression":
        assert np.mean((member.oof.values_nC[:, 0] - truth) ** 2) < 0.7 * np.var(truth)
    else:
        assert np.mean(member.oof.values_nC.argmax(axis=1) == truth) > np.bincount(truth).max() / len(truth) + 0.1


def predicts_rows_one_by_one(member: Member, load: Load, task: str, tmp: Path) -> None:
    """A row's answer does not depend on its neighbours, nor on how many there are."""
    table = table_of(task)
    rows = np.array([17, 3, 3, 140], dtype=np.int64)
    np.testing.assert_allclose(member.predict(table, rows), member.predict(table)[rows], rtol=1e-5, atol=1e-6)
    assert member.predict(table, rows[:0]).shape == (0, table.schema.num_outputs)


def predicts_strange_rows(member: Member, load: Load, task: str, tmp: Path) -> None:
    """Missing everywhere, a level nobody has seen, numbers far away, text where numbers were, no target."""
    strange = pd.DataFrame(
        {
            "length": [None, "1e30", "-3", "much"],
            "width": ["nan", "inf", "0", "1"],
            "colour": [None, "mauve", "red", "blue"],
        }
    )
    values = member.predict(Table.of(schema_of(task), strange))
    assert values.shape == (4, schema_of(task).num_outputs)
    assert np.isfinite(values).all()


def counts_its_cost(member: Member, load: Load, task: str, tmp: Path) -> None:
    cost = member.cost()
    assert isinstance(cost, int)
    assert cost > 0
    assert read_json(saved(member, tmp / "member") / "member.json")["cost"] == cost


def describes_itself(member: Member, load: Load, task: str, tmp: Path) -> None:
    folder = saved(member, tmp / "member")
    described = read_json(folder / "member.json")
    assert described["folds"] == [0, 1, 2]
    assert len(described["fold_scores"]) == 3
    assert described["score"] == float(np.mean(described["fold_scores"]))
    assert described["table"] == "sha256:tests"
    assert {"name", "family", "spec", "facts"} <= described.keys()
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {
        ".json",
        ".parquet",
        ".safetensors",
        ".gz",  # boosters, each in its library's own format
    }


def check_predictions_without_the_project(members: Sequence[Member], task: str, tmp: Path) -> None:
    """In a fresh process, from an empty folder, with the members' folders, a schema and raw rows as CSV."""
    for member in members:
        saved(member, tmp / member.name)
    schema_of(task).write(tmp / "schema.json")
    frame_of(task).drop(columns="target").to_csv(tmp / "rows.csv", index=False)
    script = f"""
from pathlib import Path
import numpy as np, pandas as pd
from components.core.table import Schema, Table
from components.project.families import loaders
tmp = Path({str(tmp)!r})
table = Table.of(Schema.read(tmp / "schema.json"), pd.read_csv(tmp / "rows.csv", dtype=str))
for name, family in {[(member.name, member.family) for member in members]!r}:
    np.save(tmp / f"{{name}}.npy", loaders()[family](tmp / name).predict(table))
"""
    (tmp / "elsewhere").mkdir()
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, cwd=tmp / "elsewhere", timeout=180)
    for member in members:
        np.testing.assert_array_equal(np.load(tmp / f"{member.name}.npy"), member.predict(table_of(task)))


def predicts_without_its_oof(member: Member, load: Load, task: str, tmp: Path) -> None:
    """A bundle leaves the out-of-fold predictions behind."""
    folder = saved(member, tmp / "member")
    for path in folder.rglob("oof-*.parquet"):
        path.unlink()
    table = table_of(task)
    np.testing.assert_array_equal(load(folder).predict(table), member.predict(table))


CONTRACT = (
    comes_back_the_same,
    has_deterministic_bytes,
    has_an_honest_shape,
    has_learned,
    predicts_rows_one_by_one,
    predicts_strange_rows,
    counts_its_cost,
    describes_itself,
    predicts_without_its_oof,
)
