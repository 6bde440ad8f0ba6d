"""`espalier leaderboard`, from outs and from a study that is growing."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from analytic_case import SPACE, search

from components.core.errors import UserMistake
from components.core.files import read_json, write_json
from components.search.outcome_tables import note, write_search_out
from components.search.spec import SearchSettings
from pipelines.commands import leaderboard


def grow(root, word, *, done, trials=12):
    studies = root / ".espalier" / "studies"
    result = search(studies / f"{word}-1", trials=trials, keep=2)
    note(studies, word, studies / f"{word}-1", metric="rmse", greater_is_better=False, result=result if done else None)
    if done:
        out = root / "data" / word
        write_search_out(out, word, result, space=SPACE, settings=SearchSettings(), table="sha256:0", metric="rmse")
        for kept in result.kept:
            member = out / "members" / f"mlp-{kept.number}" / "member.json"
            write_json(member, {**read_json(member), "fold_scores": list(kept.fold_scores_S)})
    return result


def test_nothing_has_grown(tmp_path):
    with pytest.raises(UserMistake, match="Grow it:  espalier run"):
        leaderboard.run(tmp_path)


def test_members_and_trials_in_order_with_weights_and_errors(tmp_path, capsys):
    result = grow(tmp_path, "search", done=True)
    best, second = result.kept
    stacking = {
        "fold_scores": [0.1, 0.2, 0.3],
        "members": [{"name": f"mlp-{best.number}", "weight": 0.75}, {"name": f"mlp-{second.number}", "weight": 0.0}],
    }
    write_json(tmp_path / "data" / "stacking" / "stacking.json", stacking)
    leaderboard.run(tmp_path, limit=4)
    head, *lines = capsys.readouterr().out.splitlines()
    assert "rmse, folds" in head
    names = [line.split("  ")[1].strip() for line in lines[:4]]
    assert [line.split()[1] for line in lines[:3]] == ["ensemble", f"mlp-{best.number}", f"mlp-{second.number}"], names
    assert "0.200 ±0.058" in lines[0]  # the standard deviation of 0.1, 0.2, 0.3 over the root of 3
    assert lines[1].split()[-2:] == ["0.75", "search"]
    assert lines[2].split()[-2:] == ["-", "search"]
    assert lines[3].split()[1] == "trial"
    num_rows = 1 + result.count("complete")
    assert lines[4].strip() == f"and {num_rows - 4} more: espalier leaderboard --limit {num_rows}"
    assert max(len(line) for line in lines) <= 80


def test_a_growing_search_is_read_from_its_study(tmp_path, capsys):
    result = grow(tmp_path, "boosting", done=False)
    leaderboard.run(tmp_path)
    text = capsys.readouterr().out
    failed = f", {result.count('failed')} failed" if result.count("failed") else ""
    assert f"Still growing, or stopped on the way: boosting ({result.count('complete')} done{failed})" in text
    assert text.count("trial ") == result.count("complete")


GROWS = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from analytic_case import AnalyticEvaluate, search
from components.search.outcome_tables import note
studies = Path({root!r}) / ".espalier" / "studies"
note(studies, "search", studies / "search-1", metric="rmse", greater_is_better=False, result=None)
search(studies / "search-1", AnalyticEvaluate(seconds_a_trial=0.05), trials=4000)
"""


def test_a_second_terminal_sees_the_trials_of_a_search_that_is_growing(tmp_path):
    """Two looks while another process searches: the second one sees more."""
    code = GROWS.format(tests=str(Path(__file__).parent), root=str(tmp_path))
    command = [sys.executable, "-m", "pipelines", "leaderboard", "--json", "--limit", "5000"]
    outcomes = tmp_path / ".espalier" / "studies" / "search-1" / "outcomes"
    seen = []
    with subprocess.Popen([sys.executable, "-c", code]) as search_process:
        try:
            while len(seen) < 2:
                enough = 8 * (1 + 2 * len(seen))
                while len(list(outcomes.glob("*.json"))) < enough:
                    assert search_process.poll() is None
                    time.sleep(0.05)
                looked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
                seen.append(json.loads(looked.stdout)["rows"])
            assert search_process.poll() is None
        finally:
            search_process.kill()
    first, second = ({row["name"]: row["score"] for row in rows} for rows in seen)
    assert first.items() < second.items()


def test_json_has_the_same_facts(tmp_path, capsys):
    result = grow(tmp_path, "search", done=True)
    leaderboard.run(tmp_path, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["metric"], found["greater_is_better"]) == ("rmse", False)
    scores = [row["score"] for row in found["rows"]]
    assert scores == sorted(scores)
    assert scores[0] == pytest.approx(np.mean(result.kept[0].fold_scores_S))
    assert found["rows"][0]["kept"] is True
