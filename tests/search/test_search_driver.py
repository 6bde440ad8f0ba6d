"""What a search hands out, keeps, writes, and how it ends."""

import math

import pytest
from analytic_case import EPOCHS, SPACE, AnalyticEvaluate, Ticking, folds, loss, search

from components.core.deadlines import Deadline
from components.core.errors import EspalierError, UserMistake
from components.core.files import hash_folder, read_json, read_parquet
from components.core.ranges import Choice, Fixed, FloatRange, Group
from components.search import driver
from components.search.driver import run_search
from components.search.outcome_tables import note, summary, trial_columns, write_search_out
from components.search.result import Trial
from components.search.spec import SearchSettings
from components.search.study import Study, finished, study_key


@pytest.mark.parametrize("greater", [True, False])
def test_the_best_are_kept_in_order_and_the_weights_of_the_others_are_gone(tmp_path, greater):
    result = search(tmp_path / "s", trials=30, keep=4, greater=greater)
    scores = sorted((trial.score for trial in result.trials if trial.score is not None), reverse=greater)
    assert [kept.score for kept in result.kept] == scores[:4]
    assert [trial.number for trial in result.trials] == list(range(30))
    kept = {f"{kept.number:05d}" for kept in result.kept}
    assert {path.name for path in (tmp_path / "s" / "members").iterdir()} == kept | {"00000"}  # it began with 0
    assert (result.ended_by, result.repeatable, result.num_score_folds) == ("trials", True, 3)


def test_scores_are_means_over_folds_of_the_settled_settings(tmp_path):
    result = search(tmp_path / "s", trials=8)
    for trial in result.trials:
        if trial.score is not None:
            assert trial.outcome.fold_scores_S == tuple(loss(trial.spec, fold, EPOCHS) for fold in range(3))
            assert trial.score == pytest.approx(sum(trial.outcome.fold_scores_S) / 3)


def test_candidates_share_no_number_and_carry_their_structure(tmp_path):
    seen = []

    def watching(generations, *arguments, **words):
        def watched():
            for candidates in generations:
                seen.append([candidate.number for candidate in candidates])
                assert {candidate.structure for candidate in candidates} == {"mlp"}
                yield candidates

        yield from AnalyticEvaluate()(watched(), *arguments, **words)

    search(tmp_path / "s", watching, trials=20)
    assert seen == [list(range(8)), list(range(8, 16)), list(range(16, 20))]


def test_the_order_in_which_outcomes_come_changes_nothing(tmp_path):
    for order in (1, 2):
        search(tmp_path / str(order), AnalyticEvaluate(order=order), trials=32, pruner="median")
    first, second = ((tmp_path / str(order)) for order in (1, 2))
    assert hash_folder(first / "outcomes") == hash_folder(second / "outcomes")
    assert hash_folder(first / "members") == hash_folder(second / "members")


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_pruned_trials_keep_their_rungs_and_no_weights(tmp_path, pruner):
    result = search(tmp_path / "s", trials=16, pruner=pruner, sampler="random", keep=16)
    cut = [trial for trial in result.trials if trial.outcome.state == "pruned"]
    assert cut
    assert all(trial.outcome.rungs and trial.score is None for trial in cut)
    assert {kept.number for kept in result.kept} == {trial.number for trial in result.trials if trial.score is not None}
    if pruner == "halving":  # of 8 or 7 that did not fail 4, then 2, then 1 go on
        for generation in (result.trials[:8], result.trials[8:]):
            grown = [trial for trial in generation if trial.outcome.state != "failed"]
            assert len(grown) in (7, 8)
            assert sum(trial.score is not None for trial in grown) == 1


def test_the_kept_are_trained_on_the_folds_that_they_lack(tmp_path):
    result = search(tmp_path / "s", num_folds=5, num_rows=20_000, trials=12, keep=3)
    assert result.num_score_folds == 1
    assert {len(trial.outcome.fold_scores_S) for trial in result.trials if trial.score is not None} == {1}
    for kept in result.kept:
        assert len(kept.fold_scores_S) == 5
        assert sorted(path.name for path in kept.folder.glob("*.bin")) == [f"fold-{fold}.bin" for fold in range(5)]
        assert kept.score == pytest.approx(sum(kept.fold_scores_S) / 5)
    evaluate = AnalyticEvaluate()
    search(tmp_path / "s", evaluate, num_folds=5, num_rows=20_000, trials=12, keep=3)
    assert evaluate.calls == 0


def test_whoever_fails_on_a_lacked_fold_makes_room_for_the_next(tmp_path):
    calm = search(tmp_path / "calm", score_folds=1, trials=12, keep=12)
    best, second, third = (kept.number for kept in calm.kept[:3])
    for _ in range(2):  # the failure is remembered: a second call hands nothing out
        evaluate = AnalyticEvaluate(fails_on_fold={(best, 2)})
        result = search(tmp_path / "s", evaluate, score_folds=1, trials=12, keep=2)
        assert [kept.number for kept in result.kept] == [second, third]
    assert evaluate.calls == 0


def test_what_the_clock_cuts_off_leaves_the_best_with_all_its_folds(tmp_path):
    """100 seconds, one a fold: 40 go to trials on one fold, the rest lets 30 of the 40 best have the two they lack."""
    evaluate = AnalyticEvaluate(seconds_a_trial=1.0, order=None)
    words = {"score_folds": 1, "trials": "auto", "keep": 40}
    result = search(tmp_path / "s", evaluate, deadline=Ticking(at=100.0), **words)
    assert result.count("complete") == 40
    assert len(result.kept) == 30
    assert {len(kept.fold_scores_S) for kept in result.kept} == {3}
    assert (result.ended_by, result.repeatable) == ("seconds", True)


def test_a_round_whose_newcomers_are_cut_off_does_not_count(tmp_path, monkeypatch):
    """With nothing reserved for those who come new in the second round, the first one's are the result, and repeat."""
    monkeypatch.setattr(driver, "KEEPING_AGAIN", 1e-3)
    words = {"score_folds": 1, "trials": "auto", "keep": 5}
    cut = search(tmp_path / "s", AnalyticEvaluate(seconds_a_trial=1.0, order=None), deadline=Ticking(at=50.0), **words)
    assert [len(kept.fold_scores_S) for kept in cut.kept] == [3] * 5
    assert len(cut.trials) < 25  # two fifths of the seconds
    pinned = search(tmp_path / "pinned", **{**words, "trials": len(cut.trials)})
    assert [(one.number, one.score) for one in pinned.kept] == [(one.number, one.score) for one in cut.kept]


def test_when_no_time_is_left_for_more_folds_the_best_is_kept_with_those_it_has(tmp_path):
    search(tmp_path / "s", trials=8, score_folds=1, keep=1, num_folds=1)
    deadline = Ticking(at=1.0, now=[2.0])
    result = search(tmp_path / "s", trials=8, score_folds=1, keep=3, deadline=deadline)
    assert [len(kept.fold_scores_S) for kept in result.kept] == [1]
    assert not result.repeatable


def test_time_reserved_for_the_kept_goes_to_trials_while_there_is_nobody_to_keep(tmp_path):
    """65 of 100 seconds go to trials; the first one takes 80."""
    evaluate = AnalyticEvaluate(seconds_a_trial=80.0, order=None)

    class Cut(AnalyticEvaluate):
        def _generation(self, candidates, folds, report, deadline, checkpoint):
            if self.calls == 1:  # cut off on the way
                deadline.now[0] = 65.0
                return
            yield from evaluate._generation(candidates, folds, report, deadline, checkpoint)

    result = search(tmp_path / "s", Cut(), score_folds=1, trials="auto", deadline=Ticking(at=100.0))
    assert result.count("complete") == len(result.kept) == 1


def test_where_time_is_short_the_best_gets_its_folds_before_the_others(tmp_path):
    """Eight trials of one second on one fold, then time for the two folds that the best lacks."""
    search(tmp_path / "s", trials=8, score_folds=1, keep=8, num_folds=1)
    best = search(tmp_path / "calm", trials=8, score_folds=1, keep=8, num_folds=1).kept[0].number
    evaluate = AnalyticEvaluate(seconds_a_trial=1.0, order=None)
    result = search(tmp_path / "s", evaluate, trials=8, score_folds=1, keep=3, deadline=Ticking(at=1.5))
    assert evaluate.handed_out[0] == best
    assert [kept.number for kept in result.kept] == [best]
    assert len(result.kept[0].fold_scores_S) == 3


def test_when_not_even_one_generation_is_done_whatever_is_finished_counts(tmp_path):
    class CutOff(AnalyticEvaluate):
        def __call__(self, *arguments, **words):
            for outcome in super().__call__(*arguments, **words):
                yield outcome
                if outcome.state == "complete":
                    return

    words = {"trials": "auto", "pruner": "halving", "generation": 32, "deadline": Deadline.after(60)}
    result = search(tmp_path / "s", CutOff(), **words)
    assert (result.repeatable, result.ended_by) == (False, "seconds")
    assert result.count("complete") == len(result.kept) == 1
    alive = 32 - result.count("failed")
    left = alive
    for _ in range(4):  # rungs
        left = math.ceil(left / 2)
    assert result.count("pruned") == alive - left


def test_a_search_without_time_has_no_trials(tmp_path):
    result = search(tmp_path / "s", trials="auto", deadline=Deadline.after(0.0))
    assert (result.trials, result.kept, result.ended_by, result.repeatable) == ((), (), "seconds", False)
    assert summary(result, "network") == "no network was finished in time"
    write_search_out(
        tmp_path, "search", result, space=SPACE, settings=SearchSettings(), table="sha256:0", metric="rmse"
    )
    assert read_json(tmp_path / "search.json")["members"] == []
    assert len(read_parquet(tmp_path / "curves.parquet")["epoch"]) == 0


def test_stopped_by_the_user_it_ends_with_what_there_is(tmp_path):
    class Stops(AnalyticEvaluate):
        def _generation(self, *arguments):
            for count, outcome in enumerate(super()._generation(*arguments)):
                if self.calls == 1 and count == 5:
                    (tmp_path / "stop").touch()
                yield outcome

    deadline = Deadline(stop_file=tmp_path / "stop")
    stopped = search(tmp_path / "s", Stops(), score_folds=1, trials=20, deadline=deadline)
    assert stopped.ended_by == "stopped"
    assert [len(kept.fold_scores_S) for kept in stopped.kept] == [1]  # one fold of the best, at once
    (tmp_path / "stop").unlink()
    resumed = search(tmp_path / "s", score_folds=1, trials=20, deadline=deadline)
    clean = search(tmp_path / "clean", score_folds=1, trials=20)
    assert [kept.score for kept in resumed.kept] == [kept.score for kept in clean.kept]


def test_time_that_the_kept_did_not_need_goes_to_more_trials(tmp_path):
    evaluate = AnalyticEvaluate(seconds_a_trial=1.0)
    result = search(tmp_path / "s", evaluate, score_folds=1, trials="auto", deadline=Ticking(at=60.0))
    assert len(result.trials) > 0.75 * 60  # a third of the time was reserved, and three trials took a twentieth
    assert [len(kept.fold_scores_S) for kept in result.kept] == [3, 3, 3]
    pinned = search(tmp_path / "pinned", score_folds=1, trials=len(result.trials))
    assert [kept.number for kept in pinned.kept] == [kept.number for kept in result.kept]


@pytest.mark.parametrize("seconds", [36.0, 50.0, 65.0, 80.0])
def test_time_that_does_not_do_for_another_whole_keeping_is_used_all_the_same(tmp_path, seconds):
    """Two fifths for trials, 18 seconds to keep nine of them; of the rest a third, and two for each newcomer."""
    deadline = Ticking(at=seconds)
    words = {"score_folds": 1, "trials": "auto", "keep": 9}
    result = search(tmp_path / "s", AnalyticEvaluate(seconds_a_trial=1.0, order=None), deadline=deadline, **words)
    assert len(result.trials) > 0.4 * seconds
    assert [len(kept.fold_scores_S) for kept in result.kept] == [3] * 9
    assert deadline.left() <= 1.0, "what one trial takes"


def test_a_grid_ends_at_its_end(tmp_path):
    space = Group(
        fields={"network": Group(kind="mlp", fields={"layers": Choice(options=(Fixed(value=2), Fixed(value=3)))})}
    )
    space = Group(
        fields={
            **{"network": Group(kind="mlp", fields={**space.fields["network"].fields, "dropout": Fixed(value=0.0)})},
            "training": Group(
                fields={"optimizer": Group(kind="adam", fields={"lr": FloatRange(low=0.001, high=0.1, log=True)})}
            ),
        }
    )
    result = run_search(
        space=space,
        settings=SearchSettings(sampler="grid", pruner="none", generation=4),
        evaluate=AnalyticEvaluate(),
        folds=folds(2),
        num_rows=99,
        study=tmp_path / "s",
        seed=0,
        greater_is_better=False,
        structure=lambda spec: "",
        steps=EPOCHS,
    )
    assert (result.ended_by, len(result.trials), result.repeatable) == ("space", 6, True)
    assert result.kept[0].fold_scores_S == pytest.approx((1 / EPOCHS, 1 / EPOCHS + 0.01))  # 3 layers, lr 0.01


def test_start_points_are_the_first_trials(tmp_path):
    start = [{"network": {"layers": 3}, "training": {"optimizer": {"kind": "adam", "lr": 0.01}}}, {"network": "mlp"}]
    result = search(tmp_path / "s", start=start, trials=3)
    assert result.trials[0].spec["training"]["optimizer"] == {"kind": "adam", "lr": 0.01}
    assert result.trials[0].spec["network"]["layers"] == 3


def test_start_points_are_never_cut_and_no_rung_knows_them(tmp_path):
    worst = {"network": {"layers": 1}, "training": {"optimizer": {"kind": "sgd", "lr": 0.4}}}
    result = search(tmp_path / "s", start=[worst], trials=16, pruner="halving")
    assert result.trials[0].score is not None
    assert dict(result.trials[0].outcome.rungs) == {}
    assert sum(trial.outcome.state == "pruned" for trial in result.trials[:8]) >= 4
    again = search(tmp_path / "s", start=[worst], trials=24, pruner="halving")
    assert [trial.outcome.state for trial in again.trials[:16]] == [trial.outcome.state for trial in result.trials]


def test_known_starts_alone_are_repeatable(tmp_path):
    start = [{"network": {"layers": layers}} for layers in (1, 2, 3)]
    cut = search(
        tmp_path / "cut",
        AnalyticEvaluate(seconds_a_trial=1.0, order=None),
        start=start,
        trials="auto",
        pruner="halving",
        deadline=Ticking(at=5.0),
    )
    assert cut.repeatable
    assert len(cut.trials) == 2
    pinned = search(tmp_path / "pinned", start=start, trials=2, pruner="halving")
    assert [trial.outcome.fold_scores_S for trial in pinned.trials] == [
        trial.outcome.fold_scores_S for trial in cut.trials
    ]


def test_failures_are_counted_by_cause_and_do_not_stop_the_search(tmp_path):
    result = search(tmp_path / "s", trials=40, sampler="random")
    assert result.failures == {"diverged": sum(trial.outcome.state == "failed" for trial in result.trials)}
    assert result.failures["diverged"] >= 1


def test_a_score_that_is_no_number_is_a_failure(tmp_path):
    class Odd(AnalyticEvaluate):
        def _outcome(self, number, state, scores, *rest, **words):
            scores = (math.nan, *scores[1:]) if scores and number == 1 else scores
            return super()._outcome(number, state, scores, *rest, **words)

    result = search(tmp_path / "s", Odd(), trials=4)
    assert result.trials[1].outcome.cause == "error: its score is not a number"
    assert not (tmp_path / "s" / "members" / "00001").exists()


def test_when_everything_fails_it_says_so_soon(tmp_path):
    class Hopeless(AnalyticEvaluate):
        def _generation(self, candidates, *_):
            yield from (self._outcome(one.number, "failed", (), {}, cause="diverged") for one in candidates)

    evaluate = Hopeless()
    with pytest.raises(EspalierError, match=r"all 24 trials failed: diverged \(24\)"):
        search(tmp_path / "s", evaluate, trials=200)
    assert len(evaluate.handed_out) == 24


def test_a_search_that_nothing_ends_is_refused(tmp_path):
    with pytest.raises(UserMistake, match="Nothing would end the search"):
        search(tmp_path / "s", trials="auto")


def test_progress_counts_and_names_the_best(tmp_path):
    told = []
    run_search(
        space=SPACE,
        settings=SearchSettings(trials=12, generation=8, pruner="halving"),
        evaluate=AnalyticEvaluate(),
        folds=folds(2),
        num_rows=99,
        study=tmp_path / "s",
        seed=0,
        greater_is_better=False,
        structure=lambda spec: "",
        steps=EPOCHS,
        report_progress=lambda **words: told.append(words),
    )
    assert told[-1]["done"] == told[-1]["total"] == 12
    assert told[0]["text"] == "0 done, 8 growing"
    assert "cut" in told[-1]["text"]
    bests = [words["best"] for words in told if words["best"] is not None]
    assert bests == sorted(bests, reverse=True)


def test_the_out_tells_all_trials_and_holds_the_members(tmp_path):
    result = search(tmp_path / "s", trials=16, pruner="halving", sampler="random", keep=2)
    settings = SearchSettings(trials=16, pruner="halving", keep=2)
    names = write_search_out(
        tmp_path / "out", "boosting", result, space=SPACE, settings=settings, table="sha256:7", metric="rmse"
    )
    assert names == tuple(f"mlp-{kept.number}" for kept in result.kept)
    assert {path.name for path in (tmp_path / "out" / "members").iterdir()} == set(names)
    facts = read_json(tmp_path / "out" / "boosting.json")
    assert (facts["table"], facts["metric"], facts["trials"], facts["members"]) == ("sha256:7", "rmse", 16, list(names))
    table = read_parquet(tmp_path / "out" / "trials.parquet")
    assert list(table["trial"]) == list(range(16))
    assert {"network.mlp.layers", "training.optimizer", "training.optimizer.adam.lr", "rungs", "facts.epochs"} <= set(
        table
    )
    adam = table["training.optimizer"] == "adam"
    assert all(math.isnan(lr) != is_adam for lr, is_adam in zip(table["training.optimizer.adam.lr"], adam, strict=True))
    curves = read_parquet(tmp_path / "out" / "curves.parquet")
    complete = [trial for trial in result.trials if trial.score is not None]
    assert len(curves["trial"]) == EPOCHS * len(complete)
    assert curves["train"][0] == pytest.approx(loss(complete[0].spec, 0, 1), rel=1e-6)
    assert "judged on 3 fold(s)" in (tmp_path / "out" / "space.yaml").read_text()
    assert summary(result, "network").startswith(f"{result.count('complete')} networks, {result.count('pruned')} cut")


def test_a_column_has_one_type():
    outcome = AnalyticEvaluate()._outcome(0, "failed", (), {}, cause="diverged")
    values = [0.0, "0.1 to 0.5", None, True]
    trials = [
        Trial(number=n, params={"mixed": value, "number": n if n else 0.5}, spec={}, outcome=outcome, score=None)
        for n, value in enumerate(values)
    ]
    columns = trial_columns(trials)
    assert columns["mixed"] == ["0.0", "0.1 to 0.5", None, "true"]
    assert columns["number"] == [0.5, 1.0, 2.0, 3.0]


def test_the_key_of_a_study_is_readable_and_moves_with_its_parts():
    assert study_key("search", {"seed": 0}).startswith("search-")
    assert study_key("search", {"seed": 0}) == study_key("search", {"seed": 0})
    assert study_key("search", {"seed": 0}) != study_key("search", {"seed": 1})


def test_a_growing_study_can_be_looked_at(tmp_path):
    result = search(tmp_path / "s", trials=11, pruner="halving")
    assert [outcome.number for outcome in finished(tmp_path / "s")] == list(range(11))
    search(tmp_path / "s", trials=16, pruner="halving")
    assert [outcome.number for outcome in finished(tmp_path / "s")] == list(range(16))
    note(tmp_path, "search", tmp_path / "s", metric="rmse", greater_is_better=False, result=result)
    assert read_json(tmp_path / "search.json") == {
        "study": "s",
        "metric": "rmse",
        "greater_is_better": False,
        "offers": [],
        "ended_by": "trials",
        "trials": 11,
        "keep": len(result.kept),
        "complete": result.count("complete"),
        "repeatable": True,
    }


def test_outcomes_survive_the_disk_unchanged(tmp_path):
    result = search(tmp_path / "s", trials=3)
    read = Study(tmp_path / "s", generation=8, num_trials=3, peers_matter=False)
    for trial in result.trials:
        found = read.outcome(trial.number)
        assert found.fold_scores_S == trial.outcome.fold_scores_S
        assert all((found.curves[name] == trial.outcome.curves[name]).all() for name in trial.outcome.curves)
