"""Why a row got its answer, with a model that can be read: it answers the column `size` and nothing else."""

import numpy as np
import pandas as pd
import pytest

from components.core.table import ColumnSchema, Schema, Table
from components.evaluation.row import tell_row

SCHEMA = Schema(
    table="sha256:0",
    task="regression",
    target="price",
    classes=(),
    columns=(
        ColumnSchema(name="size", kind="numeric", use="feature", low=0.0, high=10.0),
        ColumnSchema(name="colour", kind="categorical", use="feature", levels=("blue", "red")),
        ColumnSchema(name="price", kind="numeric", use="target"),
    ),
)
FRAME = pd.DataFrame(
    {
        "size": [9.0, 8.0, 1.0, 0.0, 9.0],
        "colour": ["red", "red", "red", "blue", "blue"],
        "price": [9.0, 8.0, 1.0, 0.0, 9.0],
    }
)


class Reads:
    name, family = "reads", "linear"

    def predict(self, table, rows=None):
        values = table.column("size")[:, None].astype(np.float32)
        return values if rows is None else values[rows]


def story():
    table = Table.of(SCHEMA, FRAME)
    return tell_row(Reads(), [Reads()], table, 0, np.arange(1, 5), np.random.default_rng(0))


def test_the_column_that_moved_it_comes_first_with_its_own_value():
    (first, value, moved), (second, _, nothing) = story().columns
    assert (first, value, second, nothing) == ("size", "9.0", "colour", 0.0)
    assert moved == pytest.approx(9.0 - np.mean([8.0, 1.0, 0.0, 9.0]))


def test_votes_and_answer():
    assert story().votes == (("reads", 9.0),)
    assert story().answer == 9.0


def test_the_nearest_rows_by_hand():
    assert story().alike[0] == (1, pytest.approx(0.05))  # 1 of 10 in size, same colour
    assert story().alike[1] == (2, pytest.approx(0.4))
    assert story().alike[2] == (4, pytest.approx(0.5))  # same size, other colour
    assert 0 not in [row for row, _ in story().alike]
