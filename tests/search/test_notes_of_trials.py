"""What the Optuna dashboard shows of a trial: the note with its learning curve, its attributes; and that it opens."""

import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
from analytic_case import AnalyticEvaluate, search
from optuna.storages.journal import JournalFileBackend
from optuna_dashboard import get_note

from components.search.learning_note import LONGEST, learning_note, spark

DONE = AnalyticEvaluate()._outcome(0, "complete", (0.5, 0.7), {4: 0.9})


def test_a_curve_is_drawn_from_low_to_high():
    assert spark([3.0, 2.0, 1.0, 0.0]) == "█▆▃▁"
    assert spark([1.0, float("nan"), 2.0]) == "▁ █"
    assert len(spark(list(range(1000)))) == 48


def test_a_note_says_how_it_ended_and_stays_short():
    curve = np.linspace(2, 1, 500, dtype=np.float32)
    text = learning_note(replace(DONE, curves={"train": curve, "validation": curve}))
    assert "**score 0.6" in text
    assert "train, 500 epochs: 2.0" in text
    assert "at rungs 4: 0.9" in text
    failed = replace(DONE, state="failed", cause="error: " + "x" * 5000, curves={}, rungs={})
    assert learning_note(failed).startswith("**failed**: error: xxx")
    assert len(learning_note(failed)) == LONGEST


def test_how_many_were_trained_together_is_an_attribute_of_the_trial_and_in_no_out(tmp_path):
    class Together(AnalyticEvaluate):
        """Says so of every trial."""

        def _outcome(self, *words, **more):
            return replace(super()._outcome(*words, **more), notes={"models_together": 24})

    search(tmp_path / "s", Together(), trials=3)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "s" / "journal.log")))
    (study,) = storage.get_all_studies()
    assert [trial.user_attrs["models_together"] for trial in storage.get_all_trials(study._study_id)] == [24, 24, 24]
    assert all("models_together" not in path.read_text() for path in tmp_path.rglob("member.json"))


def test_the_dashboard_opens_a_study_with_paths_rungs_attributes_and_notes(tmp_path):
    result = search(tmp_path / "s", trials=12, pruner="halving")
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "s" / "journal.log")))
    study = optuna.load_study(study_name="s", storage=storage)
    best = result.kept[0].number
    frozen = study.trials[best]
    assert frozen.user_attrs["fold_scores"] == list(result.trials[best].outcome.fold_scores_S)
    assert {"epochs", "parameters"} <= set(frozen.user_attrs)
    note = get_note(optuna.Trial(study, frozen._trial_id))
    assert note == learning_note(result.trials[best].outcome)
    program = Path(sys.executable).parent / "optuna-dashboard"
    options = ["--quiet", "--port", "0", "--storage-class", "JournalFileStorage", str(tmp_path / "s" / "journal.log")]
    port = free_port()
    options[2] = str(port)
    with subprocess.Popen([str(program), *options], stderr=subprocess.DEVNULL) as server:
        try:
            answer = asked(f"http://127.0.0.1:{port}/api/studies/{study._study_id}?after=0")
        finally:
            server.terminate()
    trials = answer["trials"]
    assert len(trials) == 12
    assert any(one["intermediate_values"] for one in trials)


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(address):
    """The answer of a server that is starting."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return json.loads(answer.read())
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the dashboard does not answer")
