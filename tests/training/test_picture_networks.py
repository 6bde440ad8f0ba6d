"""Networks on pictures: from a table with the bytes of pictures to a member that predicts them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from training_case import folds_of

from components.core.contracts import Candidate
from components.core.deadlines import NEVER
from components.core.table import IMAGE, PICTURE, ColumnSchema, Schema, Table
from components.data.preprocessing.images import ImagePreprocess
from components.training.member import load_network
from components.training.prepared import Preparer
from components.training.structure import structure
from components.training.tasks import Task, Work
from components.training.worker import Worker

NUM = 300


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    pixels, classes = load_digits(return_X_y=True)
    images = (pixels[:NUM] * 15).astype(np.uint8).reshape(NUM, 8, 8, 1)
    frame = pd.DataFrame({PICTURE: [f"{n}.png" for n in range(NUM)], "digit": classes[:NUM].astype(str)})
    levels = tuple("0123456789")
    columns = (
        ColumnSchema(name=PICTURE, kind="image", use="feature"),
        ColumnSchema(name="digit", kind="categorical", use="target", levels=levels),
    )
    schema = Schema(
        table="sha256:d", task="multiclass", target="digit", classes=levels, columns=columns, picture=(8, 8, 1)
    )
    return Table.of(schema, frame, arrays={IMAGE: images})


def test_pictures_lie_once_and_every_fold_has_its_own_scale(digits):
    folds = folds_of(digits, 3)
    preparer = Preparer(digits, folds, 0, torch.device("cpu"))
    standard, unit = (preparer.prepare(ImagePreprocess(scale=word)).resident for word in ("standard", "unit"))
    assert standard.x_M.dtype == torch.uint8
    assert standard.x_M.data_ptr() == unit.x_M.data_ptr()
    for position, fold in enumerate(folds):
        rows = standard.fit[position].unsqueeze(0)
        assert rows[0].tolist() == fold.fit_rows.tolist()
        place = torch.tensor([position])
        x = standard.scaled(standard.gather(rows), place)
        assert x.shape == (1, len(fold.fit_rows), 8, 8, 1)
        assert (abs(float(x.mean())) < 1e-5, float(x.std(correction=0))) == (True, pytest.approx(1, abs=1e-5))
        assert unit.scaled(unit.gather(rows), place).max() <= 1
        assert standard.labels(rows, place)[0].tolist() == digits.target()[fold.fit_rows].tolist()


def settled(number, **change):
    spec = {
        "preprocess": {"scale": "standard"},
        "network": {"kind": "cnn", "blocks": 1, "filters": 8, "head": "flatten"},
        "training": {"loss": "auto", "epochs": 8, "batch_size": 32, "optimizer": {"kind": "adamw", "lr": 0.02}},
    }
    spec |= change
    return Candidate(number=number, spec=spec, structure=structure(spec))


def test_a_network_of_pictures_is_trained_scored_saved_and_predicts(digits, tmp_path):
    folds = folds_of(digits, 2)
    (tmp_path / "resting").mkdir()
    work = Work(
        table=digits,
        folds=folds,
        metric="accuracy",
        seed=0,
        device="cpu",
        deadline=NEVER,
        checkpoint=tmp_path,
        resting=tmp_path / "resting",
    )
    turned = settled(1, augment={"rotation": 15.0, "mixup": 0.2})
    alike = settled(0)
    assert turned.structure == alike.structure  # one population: magnitudes are a row's own
    worker = Worker(work)
    tasks = [(alike, turned), (settled(2, preprocess={"scale": "unit"}),)]
    answers = [worker.answer(Task(candidates=some, until=None)).by_number for some in tasks]
    outcomes = {number: answer.outcome for part in answers for number, answer in part.items()}
    assert {one.state for one in outcomes.values()} == {"complete"}
    assert min(outcomes[0].fold_scores_S) > 0.7
    assert outcomes[0].curves["train"].tolist() != outcomes[1].curves["train"].tolist()
    for outcome in outcomes.values():
        member = load_network(outcome.folder)
        for fold in folds:
            alone = replace(member, folds=tuple(part for part in member.folds if part.number == fold.number))
            predicted = alone.predict(digits, fold.score_rows)
            np.testing.assert_allclose(predicted, member.oof.values_nC[fold.score_rows], rtol=1e-4, atol=1e-5)
