"""The second layer: learns what members leave over, knows nothing of its own fold, survives its folder."""

from pathlib import Path

import numpy as np
import pytest
from ensemble_case import folds_of, table_of

from components import metrics
from components.core.contracts import Predictions
from components.core.files import hash_folder, read_json
from components.core.table import Table
from components.data.preprocessing.spec import TreePreprocess
from components.ensembles import second_growing
from components.ensembles.combine import weighted_mean
from components.ensembles.ensemble_member import load_ensemble, write_ensemble
from components.ensembles.fold_member import FoldMember
from components.ensembles.second_growing import grow_second
from components.ensembles.second_layer import SecondLayer, load_second

NUM = 600
METRIC = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}


class Fixed:
    """A member whose answers are known: the same for every row, or what a column says."""

    def __init__(self, name: str, values_NC: np.ndarray) -> None:
        self.name, self.family, self.values_NC = name, "fixed", values_NC

    def predict(self, table: Table, rows: np.ndarray | None = None) -> np.ndarray:
        return self.values_NC if rows is None else self.values_NC[rows]

    def cost(self) -> int:
        return 7


def blind(task: str) -> np.ndarray:
    """Two members that know nothing but the mean [2, N, C]."""
    if task == "regression":
        values_NC = np.full((NUM, 1), 1000.0)
    else:
        num = 2 if task == "binary" else 3
        values_NC = np.full((NUM, num), 1 / num)
    return np.stack([values_NC, values_NC]).astype(np.float32)


def grown(
    task: str, oof_MnC: np.ndarray, *, table: Table | None = None, cut_off: bool = False, cores: int = 2
) -> FoldMember | None:
    return grow_second(
        TreePreprocess(),
        table_of(task, NUM) if table is None else table,
        folds_of(NUM),
        oof_MnC,
        np.arange(NUM),
        ["a", "b"],
        metric=metrics.get(METRIC[task]),
        seed=0,
        cores=cores,
        cut_off=lambda: cut_off,
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_it_learns_from_the_columns_what_members_leave_over(task: str, tmp_path: Path) -> None:
    table, first = table_of(task, NUM), blind(task)
    member = grown(task, first)
    assert member is not None
    metric = metrics.get(METRIC[task])
    truth_n = table.target()
    np.testing.assert_array_equal(member.oof.rows_n, np.arange(NUM))
    assert metric(truth_n, member.oof.values_nC[None])[0] < 0.8 * metric(truth_n, first[:1])[0]
    members = {name: Fixed(name, values) for name, values in zip("ab", first, strict=True)}
    member.save(tmp_path)
    again = load_second(tmp_path, members)
    answers = again.predict(table)
    np.testing.assert_array_equal(answers, SecondLayer(above=member, first=tuple(members.values())).predict(table))
    assert metric(truth_n, answers[None])[0] < 0.8 * metric(truth_n, first[:1])[0]
    assert (again.cost(), again.oof.values_nC.shape) == (member.cost(), first[0].shape)


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        member = grown("binary", blind("binary"))
        assert member is not None
        member.save(tmp_path / name)
    assert hash_folder(tmp_path / "one") == hash_folder(tmp_path / "two")


def test_a_fold_never_sees_its_own_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other labels in fold 0 change the other folds' answers, and none of its own (the rounds given)."""
    monkeypatch.setattr(second_growing, "ROUNDS", 1)
    table, first = table_of("binary", NUM), blind("binary")
    frame = table.raw(np.arange(NUM))
    in_fold = np.arange(NUM) % 3 == 0
    frame.loc[in_fold, "target"] = np.where(frame.loc[in_fold, "target"] == "yes", "no", "yes")
    other = Table.of(table.schema, frame)
    one, two = grown("binary", first), grown("binary", first, table=other)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.oof.values_nC[in_fold], two.oof.values_nC[in_fold])
    assert np.abs(one.oof.values_nC[~in_fold] - two.oof.values_nC[~in_fold]).max() > 0.01


def test_members_that_know_all_are_left_as_they_are() -> None:
    """It begins from their mean, so there is nothing to add: one round of almost nothing."""
    truth_n = table_of("regression", NUM).target()
    knowing = np.stack([truth_n + 5, truth_n - 5])[:, :, None].astype(np.float32)
    member = grown("regression", knowing)
    assert member is not None
    assert metrics.get("rmse")(truth_n, member.oof.values_nC[None])[0] < 1.0


def test_of_many_classes_it_sees_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round grows a tree for each class: 26 of them took 8 of 60 seconds."""
    assert [second_growing.most_rows(outputs) for outputs in (1, 2, 6, 12, 26)] == [10_000, 10_000, 10_000, 5000, 2307]
    fitted: list[int] = []
    plain = second_growing.prepare
    monkeypatch.setattr(second_growing, "MOST_FIT_ROWS", 120)
    monkeypatch.setattr(second_growing, "MANY_CLASSES", 2)  # three are many
    monkeypatch.setattr(
        second_growing,
        "prepare",
        lambda spec, table, folds, seed: (
            fitted.extend(len(fold.fit_rows) for fold in folds),
            plain(spec, table, folds, seed),
        )[1],
    )
    for task in ("binary", "multiclass"):
        assert grown(task, blind(task)) is not None
    assert fitted == [120] * 3 + [80] * 3


def test_some_of_many_scored_rows_say_how_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    plain = second_growing.matrix_of
    monkeypatch.setattr(
        second_growing,
        "matrix_of",
        lambda features, *words, **more: (asked.append(len(features.numeric_NF)), plain(features, *words, **more))[1],
    )
    whole = grown("multiclass", blind("multiclass"), cores=1)  # one fold after the other, each fit rows, scored rows
    scored = asked[1::2]
    asked.clear()
    monkeypatch.setattr(second_growing, "MOST_FIT_ROWS", 1)
    monkeypatch.setattr(second_growing, "SCORED", min(scored) // 2)
    assert (some := grown("multiclass", blind("multiclass"), cores=1)) is not None
    assert all(few <= all_ / 2 + 1 for few, all_ in zip(asked[1::2], scored, strict=True))
    assert min(asked[1::2]) > 0
    assert whole is not None
    assert len(some.oof.rows_n) == len(whole.oof.rows_n), "all of them are answered"


def test_no_time_no_second_layer() -> None:
    assert grown("binary", blind("binary"), cut_off=True) is None


def test_an_ensemble_keeps_those_whom_its_second_layer_sees(tmp_path: Path) -> None:
    """Without a weight of their own they are asked, and answer once."""
    member = grown("binary", blind("binary"))
    assert member is not None
    first = blind("binary")
    folders = []
    for name in ("a", "b", "c"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "member.json").write_text(f'{{"name": "{name}", "family": "fixed", "cost": 7, "table": "t"}}')
        folders.append(folder)
    (tmp_path / "second").mkdir()
    member.save(tmp_path / "second")
    rows_n = np.arange(NUM)
    oof = Predictions(rows_n=rows_n, fold_n=(rows_n % 3).astype(np.int16), values_nC=first[0])
    write_ensemble(
        tmp_path / "out",
        method="two_layers",
        combiner=weighted_mean(np.array([0.0, 0.0, 0.0, 1.0]), 2),
        threshold=0.25,
        sources=[*folders, tmp_path / "second"],
        oof=oof,
        folds=[0, 1, 2],
        fold_scores=[0.1, 0.1, 0.1],
    )
    assert sorted(path.name for path in (tmp_path / "out" / "members").iterdir()) == ["a", "b", "second_layer"]
    described = read_json(tmp_path / "out" / "member.json")
    assert described["cost"] == 14 + member.cost()
    ensemble = load_ensemble(tmp_path / "out", {"fixed": lambda folder: Fixed(folder.name, first[0])})
    table = table_of("binary", NUM)
    assert ensemble.threshold == 0.25
    members = tuple(Fixed(name, first[0]) for name in "ab")
    np.testing.assert_allclose(
        ensemble.predict(table), SecondLayer(above=member, first=members).predict(table), atol=1e-6
    )
