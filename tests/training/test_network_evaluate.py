"""Networks behind `Evaluate`, with real workers, real tables and files."""

import json
import signal
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_case import candidate, drop_none, evaluated, example, folds_of

from components.core.deadlines import Deadline
from components.core.errors import UserMistake
from components.core.files import hash_folder
from components.core.predictions import read_member_oof
from components.metrics import get
from components.training import turns
from components.training.evaluate import NetworkEvaluate, begin
from components.training.member import load_network
from components.training.structure import structure
from components.training.tasks import Task, Work, forget

DIVERGES = {"optimizer": {"kind": "sgd", "lr": 1e20}, "early_stopping": "none"}


@pytest.fixture(scope="module")
def wine():
    table = example("wine")
    return table, folds_of(table, 3)


def answering(tmp_path, table, folds, metric="log_loss", seed=0, deadline=None):
    """The function that a worker answers with, without a process around it."""
    resting = tmp_path / "resting"
    resting.mkdir(exist_ok=True)
    return begin(
        Work(
            table=table,
            folds=folds,
            metric=metric,
            seed=seed,
            device="cpu",
            deadline=deadline or Deadline(),
            checkpoint=tmp_path,
            resting=resting,
        )
    )


def in_process(*where, **how):
    """The same for tasks of one candidate."""
    answer = answering(*where, **how)
    return lambda task: answer(task).by_number[task.numbers[0]]


def test_a_search_on_one_worker_and_on_two_ends_with_the_same_bytes(wine, tmp_path):
    table, folds = wine
    generations = [
        [
            candidate(0, {"width": 16}),
            candidate(1, {"width": 24, "batch_norm": True}, {"epochs": 9}),
            candidate(2, {"layers": 2, "dropout": 0.2}, preprocess={"scale": "quantile"}),
            candidate(3, {}, DIVERGES),
        ],
        [candidate(4, {"activation": "tanh"}), candidate(5, {}, {"optimizer": {"kind": "sgd", "lr": 1e-5}})],
    ]
    generations = [[replace(one, rungs={3: 3, 6: 6}) for one in part] for part in generations]
    asked = {}

    def report(step, scores):
        asked.setdefault(step, []).append(scores)
        return frozenset({max(scores, key=lambda number: scores[number])})  # the worst log loss

    found = {}
    for cores in (1, 2):
        evaluate = NetworkEvaluate(table, get("log_loss"), seed=7, cores=cores)
        folder = tmp_path / str(cores)
        found[cores] = evaluated(evaluate, generations, folds, folder, report)
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            f"{number:05d}" for number, outcome in found[cores].items() if outcome.state == "complete"
        )
    assert hash_folder(tmp_path / "1") == hash_folder(tmp_path / "2")
    one, two = (sorted(part, key=min) for part in (asked[3][:2], asked[3][2:]))  # which is decided first is no matter
    assert [list(scores) for scores in one] == [[0, 1, 2], [4, 5]]
    assert one == two
    one, two = found[1], found[2]
    assert sorted(one) == list(range(6))
    for number, outcome in one.items():
        left, right = asdict(outcome), asdict(two[number])
        for field in ("folder", "curves", "notes"):
            left.pop(field), right.pop(field)
        assert left == right
    assert (one[3].state, one[3].cause, one[3].fold_scores_S) == ("failed", "diverged", ())
    assert one[5].state == "pruned"
    assert dict(one[5].rungs).keys() == {3}
    complete = [outcome for outcome in one.values() if outcome.state == "complete"]
    assert complete
    for outcome in complete:
        assert set(outcome.rungs) == {3, 6}
        assert len(outcome.fold_scores_S) == 3
        assert len(outcome.curves["train"]) == len(outcome.curves["validation"]) <= 12


def test_a_rung_does_not_change_what_a_candidate_becomes(wine, tmp_path):
    table, folds = wine
    straight = in_process(tmp_path / "..", table, folds)(Task(candidates=(candidate(50),), until=None))
    answer = in_process(tmp_path, table, folds)
    first = answer(Task(candidates=(candidate(50),), until=4))
    assert first.rests
    assert first.outcome.state == "pruned"
    last = in_process(tmp_path, table, folds)(Task(candidates=(candidate(50),), until=None, resume=4))
    assert last.outcome.fold_scores_S == straight.outcome.fold_scores_S
    assert hash_folder(last.outcome.folder) == hash_folder(straight.outcome.folder)


@pytest.mark.parametrize(("name", "metric"), [("wine", "log_loss"), ("breast_cancer", "f1"), ("diabetes", "rmse")])
def test_a_member_says_what_it_is_and_predicts_what_it_was_judged_by(name, metric, tmp_path):
    table = example(name)
    folds = folds_of(table, 2)
    settled = candidate(17, {"batch_norm": True, "width": 24}, {"epochs": 6})
    outcome = in_process(tmp_path, table, folds, metric)(Task(candidates=(settled,), until=None)).outcome
    assert outcome.folder == tmp_path / "00017"
    described = json.loads((outcome.folder / "member.json").read_text())
    assert (described["name"], described["family"], described["folds"]) == ("mlp-17", "network", [0, 1])
    assert described["fold_scores"] == list(outcome.fold_scores_S)
    assert described["score"] == pytest.approx(np.mean(outcome.fold_scores_S))
    inputs, outputs = len(table.schema.features), table.schema.num_outputs
    assert described["cost"] == 2 * (inputs * 24 + 24 * outputs)
    assert described["facts"]["parameters"] == (inputs + 1) * 24 + 2 * 24 + 25 * outputs
    member = load_network(outcome.folder)
    assert np.array_equal(member.oof.rows_n, np.arange(table.num_rows))
    assert np.array_equal(member.oof.values_nC, read_member_oof(outcome.folder).values_nC)
    for fold, score in zip(folds, outcome.fold_scores_S, strict=True):
        alone = replace(member, folds=tuple(part for part in member.folds if part.number == fold.number))
        predicted = alone.predict(table, fold.score_rows)
        np.testing.assert_allclose(predicted, member.oof.values_nC[fold.score_rows], rtol=1e-5, atol=1e-6)
        weights = [tensor for name, tensor in alone.folds[0].tensors.items() if name.endswith("weight")]
        assert {tensor.dtype for tensor in weights} == {torch.float16}
        assert get(metric)(table.target()[fold.score_rows], predicted[None])[0] == pytest.approx(score, rel=1e-4)
    both = member.predict(table)
    assert both.shape == (table.num_rows, outputs)
    if name != "diabetes":
        np.testing.assert_allclose(both.sum(1), 1, rtol=1e-5)
    again = tmp_path / "again"
    again.mkdir()
    load_network(outcome.folder).save(again)
    assert hash_folder(again) == hash_folder(outcome.folder)


def test_folds_can_be_added_later(wine, tmp_path):
    table, folds = wine
    task = Task(candidates=(candidate(1),), until=None)
    first = in_process(tmp_path, table, folds[:1])(task).outcome
    assert load_network(first.folder).oof.rows_n.tolist() == folds[0].score_rows.tolist()
    later = in_process(tmp_path, table, folds[1:])(task).outcome
    whole = tmp_path / "whole"
    whole.mkdir()
    at_once = in_process(whole, table, folds)(task).outcome
    assert at_once.fold_scores_S == first.fold_scores_S + later.fold_scores_S
    assert (later.folder / "fold-0.safetensors").read_bytes() == (at_once.folder / "fold-0.safetensors").read_bytes()
    assert load_network(later.folder).predict(table).tolist() == load_network(at_once.folder).predict(table).tolist()


def test_the_seed_and_the_number_make_the_model(wine, tmp_path):
    table, folds = wine
    hashes = set()
    for seed, number in ((0, 1), (0, 2), (1, 1)):
        outcome = in_process(tmp_path, table, folds, seed=seed)(
            Task(candidates=(candidate(number),), until=None)
        ).outcome
        hashes.add(hash_folder(outcome.folder, frozenset({"member.json"})))
    assert len(hashes) == 3


def test_what_torch_refuses_is_an_outcome_and_a_users_mistake_is_raised(wine, tmp_path):
    table, folds = wine
    answer = in_process(tmp_path, table, folds)
    wrong = replace(candidate(0), spec=candidate(0).spec | {"network": {"kind": "mlp", "layers": "many"}})
    outcome = answer(Task(candidates=(wrong,), until=None)).outcome
    assert outcome.state == "failed"
    assert outcome.cause.startswith("error: 1 validation error for MLP")
    numbers = example("diabetes")
    with pytest.raises(UserMistake, match="cross_entropy, and the target is a number"):
        in_process(tmp_path, numbers, folds_of(numbers, 2), "rmse")(
            Task(candidates=(candidate(0, training={"loss": "cross_entropy"}),), until=None)
        )


def test_the_deadline_cuts_off_without_an_outcome(wine, tmp_path):
    table, folds = wine
    stop = tmp_path / "stop"
    slow = candidate(0, {"width": 64, "layers": 4}, {"epochs": 10**6, "early_stopping": "none"})
    timer = threading.Timer(4, stop.touch)
    timer.start()
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=0, cores=1)
    found = evaluated(evaluate, [[slow]], folds, tmp_path / "members", deadline=Deadline(stop_file=stop))
    timer.join()
    assert found == {}
    assert list((tmp_path / "members").iterdir()) == []


def test_a_member_is_on_the_disk_before_its_outcome_is_told(wine, tmp_path, monkeypatch):
    table, folds = wine
    on_disk = []
    monkeypatch.setattr(turns, "sync", on_disk.extend)
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=0, cores=1)
    outcomes = evaluate(
        iter([[candidate(0), candidate(1, {}, DIVERGES)]]),
        folds,
        report=lambda *_: frozenset(),
        deadline=Deadline(),
        checkpoint=tmp_path,
    )
    for outcome in outcomes:
        assert (outcome.folder in on_disk) == (outcome.state == "complete")
    assert on_disk == [tmp_path / "00000"]


@pytest.mark.parametrize("links", [True, False])
def test_who_rests_together_shares_a_file_that_is_written_over_in_the_end(wine, tmp_path, monkeypatch, links):
    """Where a disk gives files one name each, each candidate has a copy."""
    table, folds = wine
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    candidates = [candidate(number, {"width": 16}) for number in range(3)]
    resting = tmp_path / "resting"
    resting.mkdir()
    (resting / "00001-2.safetensors").write_text("of a worker that died")
    answer = answering(tmp_path, table, folds, seed=7)
    first = answer(Task(candidates=tuple(candidates), until=2)).by_number
    assert all(first[number].rests for number in range(3))
    files = {path.name: path.stat() for path in resting.glob("0*")}
    assert sorted(files) == [f"0000{number}-2.safetensors" for number in range(3)]
    assert {stat.st_nlink for stat in files.values()} == {4 if links else 1}
    forget(resting, 0)
    found = answer(Task(candidates=(candidates[2], candidates[1]), until=None, resume=2)).by_number
    straight = evaluated(NetworkEvaluate(table, get("log_loss"), seed=7), [candidates], folds, tmp_path / "straight")
    for number in (1, 2):
        assert found[number].outcome.fold_scores_S == straight[number].fold_scores_S
        assert hash_folder(tmp_path / f"0000{number}") == hash_folder(tmp_path / "straight" / f"0000{number}")
    forget(resting, 1)
    answer(Task(candidates=(candidates[1],), until=2))
    assert len(list(resting.glob(".*"))) == (2 if links else 1), "candidate 2 still rests in the first file"
    forget(resting, 1)
    forget(resting, 2)
    answer(Task(candidates=(candidates[1],), until=2))
    assert len(list(resting.glob(".*"))) == (2 if links else 1), "nobody does: it is written over"
    again = answer(Task(candidates=(candidates[1],), until=None, resume=2)).by_number[1]
    assert again.outcome.fold_scores_S == straight[1].fold_scores_S


def test_a_call_that_is_not_read_to_its_end_leaves_no_process(wine, tmp_path):
    table, folds = wine
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=0, cores=1)
    outcomes = evaluate(
        iter([[candidate(0), candidate(1)]]),
        folds,
        report=lambda *_: frozenset(),
        deadline=Deadline(),
        checkpoint=tmp_path,
    )
    assert next(outcomes).number == 0
    evaluate.close()
    outcomes.close()
    assert not (tmp_path / ".resting").exists()


def test_made_rows_are_fitted_and_neither_scored_nor_in_the_train_curve(wine, tmp_path):
    table, folds = wine
    real = type(table)(table.schema, table._raw, num_real=100)  # as if the last 78 rows were made
    fold = replace(folds[0], fit_rows=np.arange(40, 178), score_rows=np.arange(40))
    from components.data.preprocessing.spec import NetworkPreprocess
    from components.training.prepared import Preparer

    prepared = Preparer(real, [fold], 0, device="cpu").prepare(NetworkPreprocess())
    assert len(prepared.resident.fit[0]) == 138
    assert len(prepared.resident.sample[0]) == 40
    assert prepared.resident.sample[0].max() < 60  # positions of rows 40..99


def test_structure_is_equal_for_those_that_may_share_a_population():
    base = candidate(0, training={"loss": "auto"}).spec
    same = candidate(1, {"dropout": 0.5}, {"loss": "auto", "optimizer": {"kind": "adamw", "lr": 1.0}}).spec
    other = candidate(2, {"width": 32}, {"loss": "auto"}).spec
    assert structure(base) == structure(same) != structure(other)


def test_folds_raced_one_after_the_other_give_what_all_at_once_give(wine, tmp_path):
    """Fold after fold is only another order: same scores, same curves, same files."""
    table, folds = wine
    candidates = [candidate(number, {"width": 16 + 8 * number}) for number in range(3)]
    raced = [replace(one, rungs={1: 1, 2: 2}) for one in candidates]
    asked = {}

    def report(step, scores):
        asked[step] = dict(scores)
        return frozenset({2}) if step == 2 else frozenset()

    straight = evaluated(NetworkEvaluate(table, get("log_loss"), seed=7), [candidates], folds, tmp_path / "all")
    race = NetworkEvaluate(table, get("log_loss"), seed=7, race=True)
    found = evaluated(race, [raced], folds, tmp_path / "race", report)
    assert [found[number].state for number in range(3)] == ["complete", "complete", "pruned"]
    assert asked[1] == {number: straight[number].fold_scores_S[0] for number in range(3)}
    assert found[2].fold_scores_S == straight[2].fold_scores_S[:2]
    for number in range(2):
        assert found[number].fold_scores_S == straight[number].fold_scores_S
        np.testing.assert_allclose(found[number].curves["train"], straight[number].curves["train"], rtol=1e-6)
        here, there = (tmp_path / one / f"{number:05d}" for one in ("race", "all"))
        weights = [path.name for path in there.glob("*.safetensors")]
        assert weights
        assert {path.name for path in here.iterdir()} == {path.name for path in there.iterdir()}
        assert all((here / name).read_bytes() == (there / name).read_bytes() for name in weights)


def hang(work):
    """What a worker calls instead of `begin`: it trains, but over candidate 1 it hangs and ignores signals."""
    answer = begin(work)  # torch is imported here, before the clock of its first task begins

    def handle(task):
        if 1 in task.numbers:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
        return answer(task)

    return handle


class Hanging(NetworkEvaluate):
    """One whose candidate 1 hangs."""

    begin = staticmethod(hang)


@pytest.mark.slow
def test_a_trial_that_hangs_is_killed_and_its_neighbours_are_finished(wine, tmp_path):
    table, folds = wine
    evaluate = Hanging(table, get("log_loss"), seed=7, cores=2, hang_seconds=20.0)
    found = evaluated(evaluate, [[candidate(number) for number in range(3)]], folds, tmp_path)
    assert {number: (one.state, one.cause) for number, one in found.items()} == {
        0: ("complete", None),
        1: ("failed", "deadline"),
        2: ("complete", None),
    }


def test_a_call_ends_by_killing_who_hangs(wine, tmp_path):
    """The hanging trial has no outcome: it is trained by the next run. What was finished is there."""
    table, folds = wine
    evaluate = Hanging(table, get("log_loss"), seed=7, cores=2)
    alone = [replace(candidate(number), structure=str(number)) for number in range(3)]
    deadline = Deadline(stop_file=tmp_path / "stop")
    found = {}
    outcomes = evaluate(iter([alone]), folds, report=drop_none, deadline=deadline, checkpoint=tmp_path / "members")
    for outcome in outcomes:
        found[outcome.number] = outcome
        if len(found) == 2:
            (tmp_path / "stop").touch()
    assert sorted(found) == [0, 2]
    assert {path.name for path in (tmp_path / "members").iterdir()} == {"00000", "00002"}
