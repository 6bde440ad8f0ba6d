"""Candidates in shared populations, on two workers that are killed with their parent: the same bytes as one by one."""

import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from killed_case import SETTINGS, grow
from training_case import candidate, evaluated, example, folds_of

from components.core.files import hash_folder, read_json
from components.metrics import get
from components.training import turns
from components.training.evaluate import NetworkEvaluate

DIVERGES = {"optimizer": {"kind": "adamw", "lr": 1e30}, "early_stopping": "none"}


def test_a_candidate_becomes_the_same_alone_and_in_any_group(tmp_path, monkeypatch):
    """Six of one structure and of several lengths, one diverging: in groups of all sizes, on one worker and on two."""
    table = example("wine")
    folds = folds_of(table, 3)
    rates = (0.03, 0.001, 0.01, 0.1, 0.003)
    settings = [{"epochs": 8 + n, "optimizer": {"kind": "adamw", "lr": rate}} for n, rate in enumerate(rates)]
    candidates = [
        candidate(n, {"dropout": 0.1 * (n % 3)}, training) for n, training in enumerate([*settings, DIVERGES])
    ]
    candidates = [replace(one, rungs={4: 4}) for one in candidates]
    assert len({one.structure for one in candidates}) == 1

    def report(step, scores):
        return frozenset({max(scores, key=lambda number: scores[number])})  # the worst log loss

    hashes, together = set(), {}
    for cores, rows in ((1, 1), (1, 100), (2, 6)):
        monkeypatch.setattr(turns, "FIRST_ROWS", rows)
        folder = tmp_path / f"{cores}-{rows}"
        found = evaluated(
            NetworkEvaluate(table, get("log_loss"), seed=7, cores=cores), [candidates], folds, folder, report
        )
        told = [(n, found[n].state, found[n].cause, found[n].fold_scores_S, found[n].rungs) for n in sorted(found)]
        assert [state for _, state, *_ in told].count("pruned") == 1
        assert told[5][1:3] == ("failed", "diverged")
        hashes.add((hash_folder(folder), str(told)))
        together[rows] = {found[n].notes["models_together"] for n in range(5)}
    assert len(hashes) == 1
    assert all(3 < count <= 18 for count in together[100])  # told in the study, and in nothing that is hashed


def outcomes(folder):
    return sorted(path.name for path in (folder / "study").glob("outcomes*/*.json"))


def child(folder, cores):
    case = Path(__file__).with_name("killed_case.py")
    return subprocess.Popen([sys.executable, str(case), str(folder), str(cores)], env=os.environ | {"PYTHONPATH": "."})


def grow_under_fire(folder, targets, cores):
    """Kill -9 when so many trials are finished, again and again, then let it end. Return how many died."""
    moments, died = random.Random(1), 0
    for target in targets:
        process = child(folder, cores)
        while process.poll() is None and len(outcomes(folder)) < target:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        before = {name: (folder / "study" / "outcomes" / name).stat().st_mtime_ns for name in outcomes(folder)}
        process.kill()
        died += process.wait() != 0
        for name, when in before.items():
            assert (folder / "study" / "outcomes" / name).stat().st_mtime_ns == when, (
                "a finished trial is never repeated"
            )
    process = child(folder, cores)
    assert process.wait() == 0
    return died


@pytest.mark.parametrize("targets", [(6,), pytest.param(tuple(range(1, 14)), marks=pytest.mark.slow)], ids=len)
def test_killed_with_two_workers_a_search_ends_with_the_same_bytes(tmp_path, targets):
    grow(tmp_path / "calm", 1)
    assert grow_under_fire(tmp_path / "killed", targets, 2) >= len(targets) - 1
    assert hash_folder(tmp_path / "killed" / "out") == hash_folder(tmp_path / "calm" / "out")
    assert outcomes(tmp_path / "killed") == outcomes(tmp_path / "calm")
    states = [read_json(path)["state"] for path in (tmp_path / "calm" / "study").glob("outcomes*/*.json")]
    assert len(states) == 14
    assert states.count("pruned") >= 2


def test_taken_up_again_a_search_waits_for_what_an_earlier_generation_lacks(tmp_path, monkeypatch):
    """The clock cut trial 1 off while the generation behind it was finished: the third is planned from both."""
    for name, value in {"trials": 12, "generation": 4, "keep": 12, "pruner": "none"}.items():
        monkeypatch.setitem(SETTINGS, name, value)
    grow(tmp_path / "calm", 1)
    study = shutil.copytree(tmp_path / "calm" / "study", tmp_path / "again" / "study")
    (study / "plans" / "00002.json").unlink()
    for number in (1, 8, 9, 10, 11):
        (study / "outcomes" / f"{number:05d}.json").unlink()
        shutil.rmtree(study / "members" / f"{number:05d}", ignore_errors=True)
    (study / "journal.log").unlink()
    grow(tmp_path / "again", 2)
    for part in ("out", "study/plans"):
        assert hash_folder(tmp_path / "again" / part) == hash_folder(tmp_path / "calm" / part)
