"""Networks on tables with categories that enter as codes, from the trainer to the member's files and back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_network_evaluate import in_process
from training_case import folds_of

from components.core.contracts import Candidate
from components.core.table import ColumnSchema, Schema, Table
from components.data.preprocessing.spec import NetworkPreprocess
from components.networks import describe
from components.training.member import load_network
from components.training.prepared import Preparer
from components.training.structure import structure
from components.training.tasks import Task

LEVELS = tuple(f"level {number:02d}" for number in range(24))
NETWORKS = [
    {"kind": "mlp", "layers": 2, "numbers": "piecewise", "embedding": 4},
    {
        "kind": "mlp",
        "layers": 2,
        "numbers": "periodic",
        "front_scale": True,
        "parametrization": "ntk",
        "parametric": True,
    },
    {"kind": "resnet", "blocks": 1, "embedding": 4},
]


@pytest.fixture(scope="module")
def table():
    """Two classes that follow from the level of one column and a step in another."""
    generator = np.random.default_rng(0)
    levels, number = generator.integers(0, 24, 400), generator.normal(size=400)
    answer = (levels * 7 % 24 < 12) ^ (number > 1.0)
    frame = pd.DataFrame(
        {
            "level": np.array(LEVELS)[levels],
            "number": np.where(generator.random(400) < 0.1, np.nan, number),
            "target": np.where(answer, "yes", "no"),
        }
    )
    columns = (
        ColumnSchema(name="level", kind="categorical", use="feature", missing=False, levels=LEVELS),
        ColumnSchema(name="number", kind="numeric", use="feature", missing=True),
        ColumnSchema(name="target", kind="categorical", use="target", levels=("no", "yes")),
    )
    schema = Schema(table="sha256:1", task="binary", target="target", classes=("no", "yes"), columns=columns)
    return Table.of(schema, frame)


def test_a_network_is_told_its_columns_and_begins_from_rows_of_its_own_fold(table):
    folds = folds_of(table, 3)
    prepared = [
        Preparer(table, folds, seed, "cpu").prepare(NetworkPreprocess(encode="embedding")) for seed in (0, 0, 1)
    ]
    first = prepared[0]
    assert (first.inputs.shape, first.inputs.numbers, first.inputs.flags, first.inputs.codes) == ((3,), 1, 1, (25,))
    codes = first.resident.x_M[:, 2]
    assert set(codes.tolist()) <= set(range(25))
    for fold in range(3):
        begin, fit = (set(part[fold].tolist()) for part in (first.resident.begin, first.resident.fit))
        assert begin <= fit
        assert first.resident.beginning(fold).shape == (len(begin), 3)
    drawn = [[part.tolist() for part in one.resident.begin] for one in prepared]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: "-".join(map(str, network.values())))
def test_a_member_with_codes_learns_and_predicts_the_same_from_its_files(table, network, tmp_path):
    folds = folds_of(table, 2)
    spec = {
        "preprocess": {"encode": "embedding"},
        "network": network | {"width": 16},
        "training": {"epochs": 40, "batch_size": 32, "optimizer": {"kind": "adamw", "lr": 0.01}},
    }
    one = Candidate(number=0, spec=spec, structure=structure(spec))
    outcome = in_process(tmp_path, table, folds)(Task(candidates=(one,), until=None))
    outcome = outcome.outcome
    assert outcome.state == "complete", outcome.cause
    assert max(outcome.fold_scores_S) < 0.5  # log loss; 0.69 knows nothing
    member = load_network(outcome.folder)
    assert member.folds[0].inputs.codes == (25,)
    for fold, own in zip(folds, member.folds, strict=True):
        alone = replace(member, folds=(own,))
        found = alone.predict(table, fold.score_rows)
        np.testing.assert_allclose(found, own.oof.values_nC, rtol=1e-5, atol=1e-6)
    layers = describe(spec["network"], member.folds[0].inputs, 2)
    assert outcome.facts["parameters"] == sum(layer["parameters"] for layer in layers)
    assert any(layer["layer"] == "categories: embedding" for layer in layers)
