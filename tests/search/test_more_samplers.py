"""Samplers of flat spaces, closed branches, several objectives, refusals: each by hand, and through kills."""

import math
from dataclasses import replace

import pytest
from analytic_case import SPACE, AnalyticEvaluate, Ticking, loss, search
from test_exact_resume import journal_of, out_of

from components.core.errors import UserMistake
from components.core.files import read_json
from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange
from components.search.closing import CLOSED_AFTER, closed_branches, opened
from components.search.cma_es import evolved_points
from components.search.objectives import front
from components.search.past import Past
from components.search.pruners import bracket, placed, rungs, to_drop
from components.search.qmc import sobol_points
from components.search.racing import losers
from components.search.refusals import refusals, refused
from components.search.samplers import GaveUp, propose
from components.search.space import all_open, settle_params
from components.search.spec import SearchSettings
from components.search.unit import conditions, flat_parameters, place_of, value_at

FLAT = Group(
    fields={
        "network": Group(
            kind="mlp", fields={"layers": IntRange(low=2, high=4), "dropout": FloatRange(low=0.0, high=0.5)}
        ),
        "training": Group(
            fields={
                "epochs": Fixed(value=16),
                "optimizer": Group(kind="adam", fields={"lr": FloatRange(low=1e-4, high=0.1, log=True)}),
                "batch": Choice(options=(Fixed(value=64), Fixed(value=128))),
            }
        ),
    }
)


class Crash(Exception):
    """Stands for a kill: nothing after it runs."""


class Crashing(AnalyticEvaluate):
    """Ends the process, so to say, after a number of outcomes."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def __call__(self, *arguments, **words):
        for count, outcome in enumerate(super().__call__(*arguments, **words)):
            if count == self.after:
                raise Crash
            yield outcome


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp", "cmaes", "qmc"])
def test_a_search_that_crashed_again_and_again_ends_with_the_same_bytes(tmp_path, sampler):
    words = {"space": FLAT, "sampler": sampler, "trials": 23, "generation": 6, "num_folds": 2}
    calm = search(tmp_path / "calm", **words)
    for after in (0, 3, 5, 9):
        with pytest.raises(Crash):
            search(tmp_path / "s", Crashing(after), **words)
    again = search(tmp_path / "s", **words)
    assert out_of(again, tmp_path / "a") == out_of(calm, tmp_path / "b")
    assert journal_of(tmp_path / "s") == journal_of(tmp_path / "calm")
    other = search(tmp_path / "other", seed=1, **words)
    assert [trial.params for trial in other.trials] != [trial.params for trial in calm.trials]


def test_cmaes_ends_nearer_to_the_best_than_chance(tmp_path):
    words = {"space": FLAT, "trials": 60, "generation": 6, "num_folds": 1}
    learned, chance = (search(tmp_path / one, sampler=one, **words) for one in ("cmaes", "random"))

    def late(result):
        scores = [trial.score for trial in result.trials[-24:] if trial.score is not None]
        return sum(scores) / len(scores)

    assert late(learned) < 0.6 * late(chance)


def test_a_gaussian_process_proposes_better_than_chance():
    def mean(points):
        return sum(loss(settle_params(FLAT, point), 0, 16) for point in points) / len(points)

    points = propose("random", FLAT, [], [], 24, seed=0, greater_is_better=False)
    done = AnalyticEvaluate()._outcome(0, "complete", (0.0,), {})
    past = [
        Past(space=FLAT, params=one, outcome=replace(done, fold_scores_S=(loss(settle_params(FLAT, one), 0, 16),)))
        for one in points
    ]
    assert mean(propose("gp", FLAT, past, [], 4, seed=0, greater_is_better=False)) < 0.6 * mean(points)


def test_cmaes_begins_with_the_start_points_and_ranks_the_cut_behind_the_finished():
    start = [{"network.mlp.layers": 4, "training.optimizer.adam.lr": 0.05}]
    words = {"seed": 0, "greater_is_better": False, "is_open": all_open}
    points = evolved_points(FLAT, [], start, 6, **words)
    assert points[0].items() >= start[0].items()
    assert set(points[0]) == set(flat_parameters(FLAT))
    cut = AnalyticEvaluate()._outcome(0, "pruned", (), {4: 0.0})
    failed = AnalyticEvaluate()._outcome(0, "failed", (), {}, cause="diverged")
    done = replace(cut, state="complete", fold_scores_S=(9.0,))

    def after(*outcomes):
        past = [Past(space=FLAT, params=point, outcome=one) for point, one in zip(points, outcomes, strict=True)]
        return evolved_points(FLAT, past, [], 6, **words)

    five = [replace(done, fold_scores_S=(10.0 + n,)) for n in range(5)]
    assert after(cut, *five) == after(failed, *five)  # behind all that were finished, both
    assert after(cut, *five) != after(done, *five)


def test_a_distribution_that_shrank_to_a_point_begins_anew():
    """All of many generations at one point: without a new beginning nothing else would be proposed."""
    same = {
        "network.mlp.layers": 3,
        "network.mlp.dropout": 0.1,
        "training.optimizer.adam.lr": 0.01,
        "training.batch": 64,
    }
    outcome = AnalyticEvaluate()._outcome(0, "complete", (1.0,), {})
    past = [Past(space=FLAT, params=same, outcome=outcome) for _ in range(6 * 40)]
    spread = []
    for generations in range(10, 41):
        points = evolved_points(FLAT, past[: 6 * generations], [], 6, seed=0, greater_is_better=False, is_open=all_open)
        spread.append(len({round(point["network.mlp.dropout"], 3) for point in points}))
    narrow = spread.index(1)
    assert max(spread[narrow:]) > 1


def test_sobol_points_are_spread_more_evenly_than_chance_and_know_their_number():
    points = sobol_points(FLAT, [], 0, 16, seed=5, is_open=all_open)
    assert points[8:] == sobol_points(FLAT, [], 8, 8, seed=5, is_open=all_open)
    eighths = [int(point["network.mlp.dropout"] * 16) for point in points]
    assert sorted(eighths) == sorted([*range(8), *range(8)])
    assert sum(point["training.batch"] == 64 for point in points) == 8
    started = sobol_points(FLAT, [{"network.mlp.layers": 2}], 0, 2, seed=5, is_open=all_open)
    assert started[0] == {**points[0], "network.mlp.layers": 2}


@pytest.mark.parametrize(
    "parameter",
    [
        IntRange(low=2, high=9),
        IntRange(low=8, high=64, step=8),
        IntRange(low=1, high=512, log=True),
        FloatRange(low=0.0, high=0.5),
        FloatRange(low=1e-4, high=1.0, log=True),
        FloatRange(low=0.1, high=0.5, step=0.2),
    ],
)
def test_a_place_has_a_value_and_the_value_has_that_place(parameter):
    values = [value_at(parameter, place / 200) for place in range(201)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == pytest.approx((parameter.low, parameter.high))
    assert [value_at(parameter, place_of(parameter, value)) for value in values] == pytest.approx(values)


def test_what_exists_in_one_branch_only_is_known():
    inside = conditions(SPACE)
    assert inside["network.mlp.dropout.1"] == "network.mlp.dropout"
    assert inside["training.optimizer.sgd.lr"] == "training.optimizer"
    assert not conditions(FLAT)
    assert "training.optimizer.sgd.lr" not in flat_parameters(SPACE)


def settings(**words):
    return SearchSettings(**{"pruner": "none", **words})


@pytest.mark.parametrize("sampler", ["gp", "cmaes", "qmc"])
def test_a_sampler_of_flat_spaces_is_refused_in_branches(sampler):
    (one,) = refusals(SPACE, settings(sampler=sampler))
    assert one.key == "sampler"
    assert "network.mlp.dropout.1 depends on what network.mlp.dropout is (and 1 more such choice)" in one.problem
    assert one.way_out == "Write tpe, or set network.mlp.dropout to one value."
    assert refusals(FLAT, settings(sampler=sampler)) == []
    assert refusals(SPACE, settings(sampler="tpe")) == []


def test_cmaes_needs_two_numbers_and_a_grid_an_end():
    one = Group(fields={"lr": FloatRange(low=0.1, high=1.0), "batch": Choice(options=(Fixed(value=1), Fixed(value=2)))})
    assert "at least two numbers to search; here there are 1" in refusals(one, settings(sampler="cmaes"))[0].problem
    assert "lr is a range of real numbers without steps" in refusals(one, settings(sampler="grid"))[0].problem
    stepped = Group(fields={"lr": FloatRange(low=0.1, high=1.0, step=0.1)})
    assert refusals(stepped, settings(sampler="grid")) == []
    huge = Group(fields={f"x{number}": IntRange(low=1, high=99) for number in range(3)})
    assert "the grid has 970299 points" in refusals(huge, settings(sampler="grid"))[0].problem


def test_pruners_are_refused_where_they_have_nothing_to_compare():
    assert (
        "nobody can say who falls behind"
        in refusals(FLAT, settings(pruner="median", objectives=("score", "parameters")))[0].problem
    )
    assert refusals(FLAT, settings(objectives=("score", "operations"))) == []
    assert "begins with score" in refusals(FLAT, settings(objectives=("parameters", "score")))[0].problem
    assert "one objective" in refusals(FLAT, settings(sampler="cmaes", objectives=("score", "parameters")))[0].problem
    assert "split.folds is 2" in refusals(FLAT, settings(pruner="racing"), 2)[0].problem
    assert "search.score_folds is 1" in refusals(FLAT, settings(pruner="racing", score_folds=1), 5)[0].problem
    assert refusals(FLAT, settings(pruner="racing"), 3) == []
    with pytest.raises(UserMistake, match=r"params.yaml: search.pruner is racing, which compares"):
        refused(FLAT, settings(pruner="racing"), "search", 2)


def test_planning_gives_up_when_the_time_is_over_and_leaves_no_plan(tmp_path):
    with pytest.raises(GaveUp):
        propose("tpe", FLAT, [], [], 4, seed=0, greater_is_better=True, give_up=lambda: True)

    deadline = Ticking(at=5.0)

    class Late(AnalyticEvaluate):
        def _generation(self, *arguments):
            yield from super()._generation(*arguments)
            deadline.now[0] = 99.0

    result = search(tmp_path / "s", Late(), trials="auto", generation=4, deadline=deadline)
    assert len(result.trials) == 4
    assert len(list((tmp_path / "s" / "plans").iterdir())) == 1


class SGDDiverges(AnalyticEvaluate):
    """Every sgd diverges."""

    def _generation(self, candidates, *arguments):
        sgd = [one for one in candidates if one.spec["training"]["optimizer"]["kind"] == "sgd"]
        yield from (self._outcome(one.number, "failed", (), {}, cause="diverged") for one in sgd)
        yield from super()._generation([one for one in candidates if one not in sgd], *arguments)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_branch_in_which_everything_fails_is_closed_and_the_search_goes_on(tmp_path, sampler):
    result = search(tmp_path / "s", SGDDiverges(), sampler=sampler, trials=96)
    picked = [trial.params["training.optimizer"] for trial in result.trials]
    assert picked[:24].count("sgd") > 0
    (closed,) = result.closed
    assert (closed.path, closed.value, closed.cause) == ("training.optimizer", "sgd", "diverged")
    assert closed.trials >= CLOSED_AFTER
    first = next(n for n in range(12) if read_json(tmp_path / "s" / "plans" / f"{n:05d}.json")["closed"])
    assert "sgd" not in picked[8 * first :]
    assert picked[: 8 * (first - 1)].count("sgd") >= CLOSED_AFTER  # decided from generations that were finished
    assert closed.sentence == f"training.optimizer sgd: {closed.trials} of {closed.trials} diverged"
    optimizers = {
        choices for *_, params, _, _ in journal_of(tmp_path / "s") for choices in [params["training.optimizer"]]
    }
    assert optimizers == {"adam", "sgd"}  # the journal keeps the whole space


def test_one_that_ended_well_or_otherwise_keeps_a_branch_open():
    fails = AnalyticEvaluate()._outcome(0, "failed", (), {}, cause="diverged")
    params = {
        "network.mlp.layers": 2,
        "network.mlp.dropout": 0.0,
        "training.optimizer": "sgd",
        "training.optimizer.sgd.lr": 0.1,
    }
    past = [Past(space=SPACE, params=params, outcome=fails)] * CLOSED_AFTER
    other = Past(space=SPACE, params=params, outcome=replace(fails, cause="out_of_memory"))
    adam = {**params, "training.optimizer": "adam", "training.optimizer.adam.lr": 0.1}
    well = Past(space=SPACE, params=adam, outcome=replace(fails, state="complete", cause=None, fold_scores_S=(1.0,)))
    assert [one.value for one in closed_branches([*past, well])] == ["sgd"]
    assert closed_branches(past[1:]) == []
    assert closed_branches([*past, other]) == []
    both = [*past, *(Past(space=SPACE, params=adam, outcome=fails) for _ in range(CLOSED_AFTER))]
    assert not [one for one in closed_branches(both) if one.path == "training.optimizer"]
    is_open = opened(closed_branches([*past, well]))
    assert is_open("training.optimizer", ("adam", "sgd")) == ("adam",)


def test_the_front_is_kept_and_mirrored_with_all_its_values(tmp_path):
    words = {"objectives": ("score", "parameters"), "space": FLAT, "trials": 40, "keep": 1}
    result = search(tmp_path / "s", sampler="tpe", **words)
    points = {trial.number: (trial.score, trial.outcome.facts["parameters"]) for trial in result.trials if trial.score}
    unbeaten = {
        number
        for number, own in points.items()
        if not any(all(a <= b for a, b in zip(other, own, strict=True)) and other != own for other in points.values())
    }
    assert set(result.front) == unbeaten
    assert {kept.number for kept in result.kept} == unbeaten
    on_disk = {path.name for path in (tmp_path / "s" / "members").iterdir()}
    assert on_disk == {f"{number:05d}" for number in unbeaten | {0}}  # and what the search began with
    values = {
        number: tuple(values) for number, state, values, *_ in journal_of(tmp_path / "s") if state.name == "COMPLETE"
    }
    assert values == points
    with pytest.raises(Crash):
        search(tmp_path / "again", Crashing(20), sampler="tpe", **words)
    again = search(tmp_path / "again", sampler="tpe", **words)
    assert again.front == result.front


def test_equal_trials_are_once_on_the_front():
    one = AnalyticEvaluate()._outcome(0, "complete", (1.0,), {})
    outcomes = [
        replace(one, number=n, fold_scores_S=(s,), facts={"parameters": p})
        for n, (s, p) in enumerate([(0.5, 10), (0.5, 10), (0.4, 20), (0.6, 5), (0.6, 6)])
    ]
    assert front(outcomes, ("score", "parameters"), greater_is_better=False) == [2, 0, 3]
    assert front(outcomes, ("score", "parameters"), greater_is_better=True) == [3]
    assert front(outcomes, ("score",), greater_is_better=False) == [2]


def test_hyperband_has_brackets_by_number_that_halve_among_themselves():
    assert [rungs("hyperband", 64, number) for number in (0, 1, 2, 4)] == [(8, 16, 32), (16, 32), (32,), ()]
    assert {bracket(number) for number in range(11)} == {0, 1, 2, 3}
    scores = {number: float(number) for number in range(11) if bracket(number) < 2}
    dropped = to_drop("hyperband", scores, [], greater_is_better=False)
    for one in (0, 1):
        part = [number for number in scores if bracket(number) == one]
        assert dropped & set(part) == set(part[math.ceil(len(part) / 2) :])


def test_hyperband_leaves_some_to_their_end_uncut(tmp_path):
    result = search(tmp_path / "s", pruner="hyperband", sampler="random", trials=32, generation=16)
    calm = {number: set(trial.outcome.rungs) for number, trial in enumerate(result.trials)}
    assert any(2 in own for own in calm.values())  # an eighth of 16 epochs
    assert all(trial.outcome.state != "pruned" for trial in result.trials if bracket(trial.number) == 3)
    assert result.count("pruned") >= 5


def test_whoever_is_trained_in_cycles_is_judged_at_their_ends():
    assert placed((16, 32), 64, 64, None) == {16: 16, 32: 32}
    assert placed((16, 32), 64, 64, (20, 40, 60)) == {16: 20, 32: 40}
    assert placed((16, 32), 64, 64, (64,)) == {}
    assert placed((16, 24), 64, 64, (40, 64)) == {16: 40}


def test_shorter_trainings_are_judged_at_the_same_share_of_them():
    assert placed((16, 32), 64, 16, None) == {16: 4, 32: 8}
    assert placed((16, 32), 64, 16, (6, 12, 16)) == {16: 6, 32: 12}
    assert placed((16, 32), 64, 2, None) == {16: 1}, "no epoch is two rungs, and the last one is none"
    assert placed((16, 32), 64, 0, None) == {16: 16, 32: 32}, "nobody says how long it trains"


def test_rungs_of_cycles_reach_the_candidates(tmp_path):
    seen = []

    class Looks(AnalyticEvaluate):
        def _generation(self, candidates, *arguments):
            seen.extend(dict(one.rungs) for one in candidates)
            yield from super()._generation(candidates, *arguments)

    search(tmp_path / "s", Looks(), pruner="halving", trials=8, cycle_ends=(6, 12))
    assert seen == [{1: 6, 2: 12}] * 8


def test_a_race_drops_who_is_significantly_worse_on_the_same_folds():
    leader = [0.10, 0.20, 0.15]
    scores = {0: leader, 1: [0.30, 0.41, 0.36], 2: [0.09, 0.30, 0.16], 3: [math.nan, 0.1, 0.1], 4: list(leader)}
    assert losers(scores, [], 5, greater_is_better=False) == {1, 3}
    assert losers({n: own[:1] for n, own in scores.items()}, [], 5, greater_is_better=False) == frozenset()
    assert losers({0: leader}, [[0.01, 0.11, 0.06, 0.2, 0.1]], 5, greater_is_better=False) == {0}
    flipped = {n: [-one for one in own] for n, own in scores.items()}
    assert losers(flipped, [], 5, greater_is_better=True) == {1, 3}


def test_a_race_over_folds_cuts_trials_and_is_exact(tmp_path):
    words = {"pruner": "racing", "sampler": "random", "num_folds": 5, "trials": 32, "num_rows": 10**6}
    calm = search(tmp_path / "calm", **words)
    assert calm.num_score_folds == 5
    cut = [trial for trial in calm.trials if trial.outcome.state == "pruned"]
    assert len(cut) >= 8
    assert {len(trial.outcome.rungs) for trial in cut} <= {2, 3, 4}
    assert all(trial.outcome.rungs[1] == loss(trial.spec, 0, 16) for trial in cut)
    done = [trial for trial in calm.trials if trial.score is not None]
    assert all(dict(trial.outcome.rungs) == dict(enumerate(trial.outcome.fold_scores_S[:4], start=1)) for trial in done)
    best = min(
        loss(settle_params(SPACE, trial.params), 0, 16) for trial in calm.trials if trial.outcome.state != "failed"
    )
    assert calm.kept[0].fold_scores_S[0] == pytest.approx(best)

    class CrashingRace(Crashing):
        race = True

        def __init__(self, after):
            super().__init__(after)
            self.race = True

    for after in (2, 7, 11):
        with pytest.raises(Crash):
            search(tmp_path / "s", CrashingRace(after), **words)
    again = search(tmp_path / "s", **words)
    assert out_of(again, tmp_path / "a") == out_of(calm, tmp_path / "b")


def test_branches_of_groups_are_counted_by_their_own_leaves():
    space = Group(
        fields={
            "network": Branches(
                groups={"a": Group(kind="a", fields={"w": IntRange(low=1, high=2)}), "b": Group(kind="b", fields={})}
            )
        }
    )
    assert conditions(space) == {"network.a.w": "network"}
