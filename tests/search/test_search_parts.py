"""Settings, pruners, samplers, start points, the choice of the best: each by hand."""

import math
import subprocess
import sys

import pytest
from analytic_case import SPACE, loss
from pydantic import ValidationError

from components.core.contracts import Outcome
from components.core.errors import UserMistake
from components.core.ranges import Choice, Fixed, FloatRange, Group, IntRange
from components.search.keeping import ranking
from components.search.past import Past
from components.search.pruners import rungs, to_drop
from components.search.result import Trial
from components.search.samplers import MODELLED_TRIALS, propose
from components.search.space import settle_params
from components.search.spec import SearchSettings
from components.search.start import checked, fit, fitted


def outcome(number, score=None, rungs=None, state=None):
    state = state or ("failed" if score is None else "complete")
    scores = () if score is None else (score,)
    return Outcome(
        number=number,
        state=state,
        cause="diverged" if state == "failed" else None,
        fold_scores_S=scores,
        curves={},
        rungs=rungs or {},
        folder=None,
        facts={},
    )


def test_settings_cost_no_heavy_import():
    heavy = "{'optuna', 'torch', 'sklearn', 'pandas', 'pyarrow', 'prefect', 'dvc', 'xgboost'}"
    code = f"import sys, components.search.spec; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_settings_say_what_is_wrong():
    with pytest.raises(ValidationError, match="halving"):
        SearchSettings(pruner="halvin")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        SearchSettings(trials=0)


def test_score_folds_auto_is_all_folds_below_ten_thousand_rows():
    assert SearchSettings().num_score_folds(5, 9_999) == 5
    assert SearchSettings().num_score_folds(5, 10_000) == 1
    assert SearchSettings(score_folds=2).num_score_folds(5, 99) == 2
    assert SearchSettings(score_folds=9).num_score_folds(5, 99) == 5


def test_rungs_rise_and_lie_below_the_end():
    assert rungs("none", 64) == ()
    assert rungs("halving", 64) == (4, 8, 16, 32)
    assert rungs("halving", 64, rows=8192) == (2, 4, 8, 16, 32)
    assert rungs("halving", 64, rows=8191) == (4, 8, 16, 32)  # two epochs are too few rows to tell
    assert rungs("halving", 31, rows=10**6) == (1, 3, 7, 15)
    assert rungs("median", 64, rows=10**6) == (16, 24, 32, 40, 48, 56)
    assert rungs("halving", 3) == (1,)
    assert rungs("halving", 1) == rungs("median", 1) == ()


def test_halving_drops_the_worse_half_and_the_later_of_equals():
    scores = {4: 0.7, 0: 0.9, 1: 0.8, 2: 0.8, 3: math.nan}
    assert to_drop("halving", scores, [], greater_is_better=True) == {4, 3}
    assert to_drop("halving", scores, [], greater_is_better=False) == {0, 3}
    assert to_drop("halving", {7: 0.1}, [0.9], greater_is_better=True) == frozenset()
    assert to_drop("none", scores, [], greater_is_better=True) == frozenset()


def test_median_drops_what_is_worse_than_the_median_of_all_that_were_there():
    scores = {0: 1.0, 1: 2.0, 2: 3.0}
    assert to_drop("median", scores, [], greater_is_better=False) == {2}
    assert to_drop("median", scores, [0.1, 0.2, 1.5, 4.0], greater_is_better=False) == {1, 2}
    assert to_drop("median", scores, [], greater_is_better=True) == {0}


def test_the_ranking_takes_complete_trials_and_the_lower_number_of_equals():
    scores = [0.5, None, 0.9, 0.5]
    trials = [Trial(number=n, params={}, spec={}, outcome=outcome(n, s), score=s) for n, s in enumerate(scores)]
    assert [trial.number for trial in ranking(trials, greater_is_better=True)] == [2, 0, 3]
    assert [trial.number for trial in ranking(trials, greater_is_better=False)] == [0, 3, 2]


def past_of(count, seed=3, **words):
    points = propose("random", SPACE, [], [], count, seed=seed, greater_is_better=False)
    return [
        Past(space=SPACE, params=point, outcome=outcome(n, loss(settle_params(SPACE, point), 0, 16), **words))
        for n, point in enumerate(points)
    ]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("past", [[], past_of(30)], ids=["nothing", "thirty"])
def test_a_proposal_is_a_function_of_seed_and_past(sampler, past):
    def proposal(seed):
        return propose(sampler, SPACE, past, [], 6, seed=seed, greater_is_better=False)

    assert proposal(1) == proposal(1)
    assert proposal(1) != proposal(2)
    for point in proposal(1):
        settle_params(SPACE, point)


def test_tpe_comes_nearer_than_chance():
    past, chance = past_of(60), propose("random", SPACE, [], [], 40, seed=9, greater_is_better=False)
    learned = propose("tpe", SPACE, past, [], 40, seed=9, greater_is_better=False)

    def mean(points):
        return sum(loss(settle_params(SPACE, point), 0, 16) for point in points) / len(points)

    assert mean(learned) < 0.75 * mean(chance)


def test_running_pruned_and_failed_trials_of_the_past_are_understood():
    past = past_of(20)
    past[3] = Past(space=SPACE, params=past[3].params, outcome=outcome(3))
    past[4] = Past(space=SPACE, params=past[4].params, outcome=outcome(4, rungs={2: 0.9, 4: math.nan}, state="pruned"))
    past[5] = Past(space=SPACE, params=past[5].params, outcome=None)
    assert len(propose("tpe", SPACE, past, [], 4, seed=0, greater_is_better=True)) == 4
    failed = [Past(space=SPACE, params=trial.params, outcome=outcome(n)) for n, trial in enumerate(past)]
    assert len(propose("tpe", SPACE, failed, [], 4, seed=0, greater_is_better=True)) == 4


def test_tpe_keeps_away_from_where_trials_fail():
    """Everything above lr 0.01 failed; below, smaller is worse."""
    space = Group(fields={"lr": FloatRange(low=1e-4, high=1.0, log=True)})
    points = propose("random", space, [], [], 40, seed=0, greater_is_better=False)
    past = [
        Past(space=space, params=p, outcome=outcome(n, None if p["lr"] > 0.01 else 0.5 - p["lr"]))
        for n, p in enumerate(points)
    ]
    proposed = propose("tpe", space, past, [], 20, seed=0, greater_is_better=False)
    assert sum(point["lr"] > 0.01 for point in proposed) <= 3


def test_a_long_past_is_cut_to_the_best_and_the_latest():
    past = past_of(MODELLED_TRIALS["tpe"] + 50)
    assert len(propose("tpe", SPACE, past, [], 2, seed=0, greater_is_better=False)) == 2


def test_start_points_come_first_and_are_completed():
    start = [{"network.mlp.layers": 2, "training.optimizer": "sgd", "training.optimizer.sgd.lr": 0.3}]
    first, second = propose("tpe", SPACE, [], start, 2, seed=0, greater_is_better=False)
    assert first.items() >= start[0].items()
    assert set(first) > set(start[0])
    assert second != first


def test_a_point_in_the_users_notation_becomes_parameters():
    point = {"network": {"kind": "mlp", "dropout": 0.3}, "training": {"optimizer": {"kind": "sgd", "lr": 0.5}}}
    assert fit(SPACE, point) == (
        {
            "network.mlp.dropout": "0.1 to 0.5",
            "network.mlp.dropout.1": 0.3,
            "training.optimizer": "sgd",
            "training.optimizer.sgd.lr": 0.5,
        },
        [],
    )
    assert fit(SPACE, {"training": {"optimizer": "adam"}}) == ({"training.optimizer": "adam"}, [])


def test_a_portfolio_is_bent_into_the_space():
    points = [
        {"network": {"layers": 9, "dropout": 0.9, "width": 64}, "training": {"optimizer": {"kind": "adamw"}}},
        {"network": {"layers": 4}},
        {"network": {"kind": "tabm", "layers": 3}},
    ]
    assert fitted(SPACE, points) == [{"network.mlp.layers": 4}, {}][:1]


def test_points_of_the_users_own_have_to_lie_in_the_space():
    wrong = {
        "network": {"layers": 9, "dropout": 0.9, "width": 64},
        "training": {"epochs": 5, "optimizer": {"kind": "adamw"}},
    }
    with pytest.raises(UserMistake, match="layers is 9, but only 2 to 4") as caught:
        checked(SPACE, [{"network": {"layers": 3}}, wrong], "search.start")
    text = str(caught.value)
    assert text.count("search.start 2: ") == 5
    assert "network.mlp.dropout is 0.9, not one of 0.0, 0.1 to 0.5." in text
    assert "network.mlp.width is not a key." in text
    assert "training.epochs is 5, but it is set to 16." in text
    assert "training.optimizer is adamw, not one of adam, sgd." in text
    checked(SPACE, [{}, {"network": "mlp"}], "search.start")


@pytest.mark.parametrize(
    ("value", "found"), [(17, 16), (20, 24), (100, 56), (-5, 8), (24, 24)], ids=["down", "up", "high", "low", "on"]
)
def test_numbers_are_bent_to_the_nearest_step(value, found):
    space = Group(fields={"width": IntRange(low=8, high=56, step=8)})
    assert fit(space, {"width": value})[0] == {"width": found}


def test_true_is_not_one():
    space = Group(fields={"size": Choice(options=(Fixed(value=1), Fixed(value=True)))})
    assert fit(space, {"size": True})[0] == {"size": "1: true"}
    assert fit(space, {"size": "big"}) == ({}, ["size is big, not one of 0: 1, 1: true."])
    assert "a number from 1 to 2" in fit(Group(fields={"a": FloatRange(low=1.0, high=2.0)}), {"a": "x"})[1][0]
    assert "settings of its own" in fit(Group(fields={"a": Group(fields={})}), {"a": 3})[1][0]
