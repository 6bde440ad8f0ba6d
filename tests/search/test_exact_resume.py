"""kill -9 at random moments, run again: no finished trial is repeated, and the end has the same bytes."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from analytic_case import SPACE, AnalyticEvaluate, Ticking, search
from optuna.storages.journal import JournalFileBackend

from components.core.files import hash_folder, read_json
from components.search.outcome_tables import write_search_out
from components.search.spec import SearchSettings


def run_case(folder, kills, hash_seed):
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("analytic_case.py")), str(folder), str(kills)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def files_of(folder, *names):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in names
        for path in folder.glob(f"{name}/**/*.json")
    }


def journal_of(study):
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(study / "journal.log")))
    (found,) = storage.get_all_studies()
    trials = storage.get_all_trials(found._study_id)
    return [(t.number, t.state, t.values, t.params, t.intermediate_values, t.user_attrs) for t in trials]


def test_killed_again_and_again_a_search_ends_with_the_same_bytes(tmp_path):
    assert run_case(tmp_path / "calm", 0, hash_seed="1") == 0
    died = run_case(tmp_path / "killed", 15, hash_seed="2")
    assert died >= 4
    assert hash_folder(tmp_path / "killed" / "out") == hash_folder(tmp_path / "calm" / "out")
    calm, killed = tmp_path / "calm" / "study", tmp_path / "killed" / "study"
    assert files_of(killed, "plans", "outcomes*", "completed") == files_of(calm, "plans", "outcomes*", "completed")
    assert not (killed / "a finished trial was repeated").exists()
    assert journal_of(killed) == journal_of(calm)
    assert len(journal_of(killed)) == 44
    assert not list(killed.rglob("*.tmp"))


def out_of(result, out, **words):
    out.mkdir()
    settings = SearchSettings(**words)
    write_search_out(out, "search", result, space=SPACE, settings=settings, table="sha256:0", metric="rmse")
    return hash_folder(out)


@pytest.mark.parametrize("pruner", ["none", "median", "halving"])
def test_more_trials_later_are_the_trials_of_one_long_search(tmp_path, pruner):
    words = {"pruner": pruner, "sampler": "tpe"}
    for trials in (3, 11, 20):  # all of them end inside a generation
        grown = search(tmp_path / "grown", trials=trials, **words)
        clean = search(tmp_path / f"clean-{trials}", trials=trials, **words)
        assert out_of(grown, tmp_path / f"out-{trials}") == out_of(clean, tmp_path / f"clean-out-{trials}")


def test_fewer_trials_and_more_kept_train_only_what_was_thrown_away(tmp_path):
    search(tmp_path / "s", trials=20, keep=1)
    evaluate = AnalyticEvaluate()
    fewer = search(tmp_path / "s", evaluate, trials=12, keep=4)
    clean = search(tmp_path / "clean", trials=12, keep=4)
    assert out_of(fewer, tmp_path / "a") == out_of(clean, tmp_path / "b")
    assert 3 <= len(evaluate.handed_out) <= 4  # all but those that were among the best by chance


def test_a_finished_search_starts_no_evaluation(tmp_path):
    search(tmp_path / "s")
    evaluate = AnalyticEvaluate()
    search(tmp_path / "s", evaluate)
    assert evaluate.calls == 0


@pytest.mark.parametrize("pruner", ["none", "halving"])
def test_the_clock_leaves_what_its_count_would_have_left(tmp_path, pruner):
    evaluate = AnalyticEvaluate(seconds_a_trial=1.0)
    words = {"pruner": pruner, "score_folds": 1}
    timed = search(tmp_path / "timed", evaluate, trials="auto", deadline=Ticking(at=30.0), **words)
    assert timed.ended_by == "seconds"
    assert timed.repeatable
    num_trials, keep = len(timed.trials), len(timed.kept)
    assert num_trials >= 8
    assert num_trials % 8 == 0 or pruner == "none"
    pinned = search(tmp_path / "timed", trials=num_trials, keep=keep, **words)
    assert pinned.ended_by == "trials"
    counted = search(tmp_path / "counted", trials=num_trials, keep=keep, **words)
    outs = [out_of(result, tmp_path / str(i)) for i, result in enumerate([timed, pinned, counted])]
    assert len(set(outs)) == 1


def test_what_the_clock_cut_off_waits_in_the_journal_for_the_next_run(tmp_path):
    class CutOff(AnalyticEvaluate):
        def __call__(self, *arguments, **words):
            yield from itertools.islice(super().__call__(*arguments, **words), 5)

    search(tmp_path / "s", CutOff(), trials=16, pruner="none")
    states = [state.name for _, state, *_ in journal_of(tmp_path / "s")]
    assert (states.count("RUNNING"), states.count("WAITING")) == (0, 3)
    search(tmp_path / "s", trials=16, pruner="none")
    search(tmp_path / "calm", trials=16, pruner="none")
    assert journal_of(tmp_path / "s") == journal_of(tmp_path / "calm")


def test_a_journal_that_a_kill_tore_is_written_anew_from_the_files(tmp_path):
    search(tmp_path / "s", trials=12)
    before = journal_of(tmp_path / "s")
    journal = tmp_path / "s" / "journal.log"
    journal.write_bytes(journal.read_bytes()[:-20])
    (tmp_path / "s" / "journal.log.lock").symlink_to(journal)
    search(tmp_path / "s", trials=12)
    assert journal_of(tmp_path / "s") == before


def test_a_journal_mirrors_states_scores_rungs_and_paths(tmp_path):
    result = search(tmp_path / "s", trials=24, pruner="halving", sampler="random")
    states = {"complete": 1, "pruned": 2, "failed": 3}
    for trial, (number, state, values, params, rungs, attributes) in zip(
        result.trials, journal_of(tmp_path / "s"), strict=True
    ):
        assert (number, params, rungs) == (trial.number, trial.params, trial.outcome.rungs)
        assert state.value == states[trial.outcome.state]
        assert attributes.get("cause") == trial.outcome.cause
        if trial.score is not None:
            assert values == [trial.score]
    assert {"network.mlp.layers", "training.optimizer"} <= set(params)


def test_half_a_member_left_by_a_kill_is_removed(tmp_path):
    (tmp_path / "s" / "members" / ".00001.123.tmp").mkdir(parents=True)
    (tmp_path / "s" / "members" / "00002").mkdir()
    (tmp_path / "s" / "members" / "00002" / "fold-2.bin").write_text("an old fold")
    search(tmp_path / "s", trials=4, keep=4)
    clean = search(tmp_path / "clean", trials=4, keep=4)
    assert hash_folder(tmp_path / "s" / "members") == hash_folder(clean.kept[0].folder.parent)


def test_plans_are_written_before_anything_is_trained(tmp_path):
    def stops(generations, *_, **__):
        next(generations)
        return
        yield

    search(tmp_path / "s", stops, trials=8)
    assert len(read_json(tmp_path / "s" / "plans" / "00000.json")["params"]) == 8
