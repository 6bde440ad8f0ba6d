"""Kept networks trained again on all rows: on what and how long, what stays, and what the clock leaves."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from training_case import candidate, evaluated, example, folds_of

from components.core.contracts import Candidate
from components.core.deadlines import NEVER, Deadline
from components.core.files import hash_folder, read_json
from components.core.refit import every_row
from components.metrics import get
from components.training.evaluate import NetworkEvaluate
from components.training.member import load_network
from components.training.refit import BEGIN_SECONDS, SLOWER, SLOWEST, Timed, refit, seconds_for, spec_of, work_of

METRIC = get("log_loss")


@pytest.fixture(scope="module")
def wine():
    table = example("wine")
    return table, folds_of(table, 3)


def searched(wine, folder, cores=1):
    """A search's evaluate, and the folders of two networks that it has left."""
    table, folds = wine
    evaluate = Timed(NetworkEvaluate(table, METRIC, seed=7, cores=cores, device="cpu"))
    generation = [candidate(0, {"width": 16}, {"epochs": 9}), candidate(3, {"layers": 2, "width": 24}, {"epochs": 6})]
    found = evaluated(evaluate, [generation], folds, folder)
    return evaluate, [found[number].folder for number in (3, 0)]


def again(evaluate, members, wine, folder, deadline=NEVER):
    return refit(evaluate, members, wine[1], greater_is_better=False, deadline=deadline, scratch=folder / "refit")


def test_as_many_networks_as_folds_see_all_rows_and_what_judged_them_stays(wine, tmp_path):
    table, folds = wine
    evaluate, members = searched(wine, tmp_path)
    before = [load_network(folder) for folder in members]
    assert again(evaluate, members, wine, tmp_path) == 2
    every = every_row(folds)
    assert len(every.fit_rows) == table.num_rows
    seen = replace(every, score_rows=np.sort(np.concatenate([fold.score_rows for fold in folds])))
    spec = spec_of(before[0])
    three = [Candidate(number=9 + one, spec=spec, structure=before[0].structure) for one in range(3)]
    alone = NetworkEvaluate(table, METRIC, seed=7, device="cpu")
    trained = evaluated(alone, [three], [seen], tmp_path / "alone")
    expected = [load_network(trained[number].folder).folds[0] for number in (9, 10, 11)]
    for old, folder in zip(before, members, strict=True):
        new = load_network(folder)
        assert [fold.number for fold in new.folds] == [0, 1, 2]
        assert [fold.score for fold in new.folds] == [fold.score for fold in old.folds]
        np.testing.assert_array_equal(new.oof.values_nC, old.oof.values_nC)
        assert read_json(folder / "member.json")["fold_scores"] == [fold.score for fold in old.folds]
        assert new.facts == {**old.facts, "refit_rows": table.num_rows}
        assert (new.predict(table) != old.predict(table)).any()
        centres = [fold.preprocessor.state()[0] for fold in new.folds]
        assert all((centres[0][name] == other[name]).all() for other in centres for name in other), (
            "all were fitted on the same rows"
        )
    for one, other in zip(load_network(members[0]).folds, expected, strict=True):
        assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in other.tensors)


def test_workers_change_no_byte(wine, tmp_path):
    hashes = []
    for cores in (1, 2):
        evaluate, members = searched(wine, tmp_path / str(cores), cores)
        again(evaluate, members, wine, tmp_path / str(cores))
        hashes.append([hash_folder(folder) for folder in members])
    assert hashes[0] == hashes[1]


def test_what_would_not_be_done_in_time_is_not_begun(wine, tmp_path):
    table, _ = wine
    evaluate, members = searched(wine, tmp_path)
    before = [hash_folder(folder) for folder in members]
    assert again(evaluate, members, wine, tmp_path, Deadline.after(0.0)) == 0
    first = work(load_network(members[0]), table)
    evaluate.seconds = 1500.0 * evaluate.work / first  # the first takes 1500 seconds
    began = time.monotonic()
    assert again(evaluate, members, wine, tmp_path, Deadline.after(1400.0)) == 0
    assert time.monotonic() - began < 5
    assert [hash_folder(folder) for folder in members] == before
    assert again(evaluate, members[:1], wine, tmp_path, Deadline.after(1600.0)) == 1


def test_after_the_first_it_goes_on_until_the_clock_ends_it(wine, tmp_path):
    """Whoever is cut off stays as it was. That a network will hardly be done ends nothing: it may be quicker."""
    table, _ = wine
    evaluate, members = searched(wine, tmp_path)
    quick, slow = sorted(members, key=lambda folder: work(load_network(folder), table))
    first, second = (work(load_network(folder), table) for folder in (quick, slow))
    evaluate.seconds = 1000.0 * evaluate.work / first
    assert 1000.0 * second / first > 1001.0, "or it would be done in time"
    assert again(evaluate, [quick, slow], wine, tmp_path, Deadline.after(1001.0)) == 2
    longer = load_network(slow)
    training = {**longer.spec["training"], "epochs": 10_000_000}
    facts = {**longer.facts, "best_epoch": 9_000_000.0}
    for path in slow.iterdir():
        path.unlink()
    replace(longer, spec={**longer.spec, "training": training}, facts=facts).save(slow)
    before = hash_folder(slow)
    evaluate.seconds = 0.0
    assert again(evaluate, [quick, slow], wine, tmp_path, Deadline.after(15.0)) == 1
    assert hash_folder(slow) == before


def work(member, table):
    """What the search counts to train a network three times on all rows."""
    return work_of(member.facts, spec_of(member)["training"]["epochs"], table.num_rows * 3)


def test_the_search_before_it_says_how_long_training_takes(wine, tmp_path):
    evaluate, members = searched(wine, tmp_path)
    rows = sum(len(fold.fit_rows) for fold in wine[1])
    facts = [load_network(folder).facts for folder in members]
    assert evaluate.work == pytest.approx(sum(work_of(one, one["epochs"], rows) for one in facts))
    assert evaluate.seconds > 0
    assert evaluate.seconds_for(2 * evaluate.work) == pytest.approx(2 * evaluate.seconds)
    assert Timed(evaluate).seconds_for(1.0) == 0.0


def test_how_long_it_will_take_is_known_before(wine, tmp_path):
    """Those for which there is no time cost none, and neither does who lacks folds."""
    table, folds = wine
    evaluate, members = searched(wine, tmp_path)
    evaluate.seconds = 100.0
    first, second = (evaluate.seconds_for(work(load_network(folder), table)) for folder in members)
    alone, whole = BEGIN_SECONDS + SLOWEST * first, BEGIN_SECONDS + SLOWEST * first + SLOWER * second
    assert seconds_for(members, evaluate, folds, math.inf) == pytest.approx(whole)
    assert seconds_for(members, evaluate, folds, whole - 1) == pytest.approx(alone)
    assert seconds_for(members, evaluate, folds, alone - 1) == 0.0
    assert seconds_for(members, evaluate, [*folds, folds[0]], math.inf) == 0.0


def test_more_epochs_than_were_best_and_never_more_than_allowed(wine, tmp_path):
    _, (folder, _) = searched(wine, tmp_path)
    member = load_network(folder)
    for best, most, epochs in ((8.0, 20, 10), (8.4, 9, 9), (0.2, 20, 1)):
        spec = {**member.spec, "training": {**member.spec["training"], "epochs": most}}
        found = spec_of(replace(member, spec=spec, facts={**member.facts, "best_epoch": best}))
        assert found["training"]["epochs"] == epochs
        assert found["training"]["early_stopping"] == "none"
        assert {**found, "training": None} == {**spec, "training": None}


@pytest.mark.parametrize("lr", [1.0e-9, 1.0e20], ids=["learns nothing", "diverges"])
def test_networks_that_went_astray_leave_the_old_ones(lr, wine, tmp_path):
    """The other member is trained again all the same."""
    evaluate, members = searched(wine, tmp_path)
    member = load_network(members[0])
    training = {**member.spec["training"], "optimizer": {"kind": "sgd", "lr": lr}}
    for path in members[0].iterdir():
        path.unlink()
    replace(member, spec={**member.spec, "training": training}).save(members[0])
    before = [hash_folder(folder) for folder in members]
    assert again(evaluate, members, wine, tmp_path) == 2
    assert [hash_folder(folder) == was for folder, was in zip(members, before, strict=True)] == [True, False]


def test_a_candidate_is_named_after_its_trial(wine, tmp_path):
    """Its seeds come from the trial's number: two members of one spec end as two networks."""
    table, folds = wine
    evaluate = Timed(NetworkEvaluate(table, METRIC, seed=7, device="cpu"))
    same: list[Candidate] = [candidate(number, {"width": 16}, {"epochs": 5}) for number in (1, 2)]
    found = evaluated(evaluate, [same], folds, tmp_path)
    members = [found[1].folder, found[2].folder]
    again(evaluate, members, wine, tmp_path)
    one, two = (load_network(folder) for folder in members)
    assert (one.predict(table) != two.predict(table)).any()
