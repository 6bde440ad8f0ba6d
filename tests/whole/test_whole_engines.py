"""Both engines grow the same tree from the real stages, to the same bytes; a change reruns what stands on it."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML
from whole_project import SOURCE, TARGET, Project, alive, children, events, wait_for

from pipelines.engine.dvc_yaml import TREE

AFTER_BOOSTING = ("boosting", "stacking", "evaluate", "export")
SKIPPED = "didn't change, skipping"
LEARNT = ("trials.parquet", "curves.parquet", ".safetensors", ".gz")
RESTORED = "is cached - skipping run, checking out outputs"


def test_after_espalier_run_dvc_finds_nothing_to_do(grown: Project) -> None:
    assert "Ten stages" in grown.said
    assert "metric auto   seed 0" in grown.said  # nobody knows the task yet
    assert "  3 classes   178 rows   log_loss\n" in grown.said
    assert grown.do("dvc", "repro").count(SKIPPED) == 10
    assert "Data and pipelines are up to date" in grown.do("dvc", "status")


def test_after_dvc_repro_espalier_finds_nothing_to_do(grown_by_dvc: Project) -> None:
    assert "Ten stages kept; nothing has changed since" in grown_by_dvc.do("espalier", "run")


def test_two_clean_runs_by_two_engines_are_the_same_bytes(grown: Project, grown_by_dvc: Project) -> None:
    assert differing(grown, grown_by_dvc) == []
    names = set(grown.files())
    assert {"data/search/trials.parquet", "data/evaluate/metrics.json", "data/export/bundle.json"} <= names
    weights = [name for name in names if name.endswith((".safetensors", ".gz"))]
    stages = {name.split("/")[1] for name in weights}
    assert stages == {"search", "boosting", "bagging", "stacking", "export"}


def test_no_out_knows_where_or_when_it_was_made(grown: Project) -> None:
    year = time.strftime("%Y-").encode()
    home = str(grown.root).encode()
    for name, content in grown.files().items():
        assert home not in content, name
        assert year not in content, name


def test_more_boosters_rerun_what_stands_on_them(more_boosters: Project) -> None:
    assert more_boosters.ran == AFTER_BOOSTING
    assert "Four stages, 6 kept" in more_boosters.said
    assert f"{SOURCE} -> {TARGET}   3 classes   178 rows   log_loss   seed 0" in more_boosters.said


@pytest.mark.slow  # quickly, with stand-ins for the stages: tests/engine/test_two_engines.py
def test_more_boosters_by_dvc_are_the_same(more_boosters: Project, more_boosters_by_dvc: Project) -> None:
    assert more_boosters_by_dvc.ran == AFTER_BOOSTING
    assert more_boosters_by_dvc.said.count(SKIPPED) == 6
    assert differing(more_boosters, more_boosters_by_dvc) == []


def test_changed_back_is_restored_by_espalier(more_boosters: Project, grown: Project, tmp_path: Path) -> None:
    project = more_boosters.copy(tmp_path / "wine")
    project.look("set", "boosting.trials=2")
    assert project.do("espalier", "run").count("restored") == 4
    assert project.grew() == []
    assert differing(project, grown) == []
    assert project.do("dvc", "repro").count(SKIPPED) == 10


def test_changed_back_is_restored_by_dvc(more_boosters: Project, grown: Project, tmp_path: Path) -> None:
    project = more_boosters.copy(tmp_path / "wine")
    project.look("set", "boosting.trials=2")
    assert project.do("dvc", "repro").count(RESTORED) == 4
    assert project.grew() == []
    assert differing(project, grown) == []
    assert "Ten stages kept" in project.do("espalier", "run")


def test_one_changed_cell_of_a_test_row_reruns_everything_and_teaches_nothing(
    grown_by_dvc: Project, tmp_path: Path
) -> None:
    project = grown_by_dvc.copy(tmp_path / "wine")
    project.grew()
    before = project.files()
    change_a_test_row(project)
    dry = project.do("espalier", "run", "--dry")
    assert dry.count("would run") == 10
    assert f"{SOURCE} is modified" in dry
    project.do("dvc", "repro", "evaluate")
    tree = [word for word in TREE if word != "export"]
    assert project.grew() == tree  # although no row came or went: the hash of the table told them
    after = project.files()
    learnt = [name for name in before if name.endswith(LEARNT) and name.split("/")[1] in tree]
    assert len(learnt) > 15
    assert [name for name in learnt if before[name] != after[name]] == []
    assert before["data/split/rows.parquet"] == after["data/split/rows.parquet"]
    assert before["data/evaluate/metrics.json"] != after["data/evaluate/metrics.json"]


def test_kill_9_in_the_search_repeats_no_finished_trial(project: Project, grown: Project) -> None:
    shutil.rmtree(project.root / ".espalier" / "studies")
    forget_in_cache(project, "search")
    run = project.start("espalier", "run", "--stage", "search", "--force")
    wait_for(lambda: len(outcomes(project)) >= 2)
    search = next(event["pid"] for event in events(project) if event["kind"] == "begun" and event["stage"] == "search")
    family = [search, *children(search)]
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_for(lambda: not any(alive(pid) for pid in family))
    finished = outcomes(project)
    assert 2 <= len(finished) < 6, "it was killed too late to prove anything"
    assert not (project.root / "data" / "search").exists()
    said = project.do("espalier", "run")
    assert re.search(
        rf"Going on where it stopped: {len(finished)} of {len(finished)} networks found again, \d:\d\d spent\.", said
    )
    assert project.grew() == ["search"]  # the same bytes again: nothing after it had to run
    found = outcomes(project)
    assert len(found) == 6
    assert {name: found[name] for name in finished} == finished
    assert differing(project, grown) == []
    assert project.do("dvc", "repro").count(SKIPPED) == 10


def test_ctrl_c_once_ends_the_search_with_what_there_is(project: Project) -> None:
    project.look("set", "search.trials=400")
    run = project.start("espalier", "run", "--stage", "search")
    wait_for(lambda: len(outcomes(project)) >= 8)  # six were found, in the same study
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 3, out + err
    facts = json.loads((project.root / "data" / "search" / "search.json").read_text())
    assert 6 <= facts["trials"] < 400
    assert "search     would run" in project.do("espalier", "run", "--dry")


def test_pin_after_a_clock_grows_the_same_search_without_training(project: Project) -> None:
    shutil.rmtree(project.root / ".dvc" / "cache" / "runs")  # it may end where a run before it ended
    project.look("set", "search.trials=auto", "search.seconds=3")
    project.do("dvc", "repro", "search")
    by_clock, trained = project.files("data/search"), outcomes(project)
    said = project.look("pin")
    trials = json.loads((project.root / "data" / "search" / "search.json").read_text())["trials"]
    assert f"trials: {trials} " in said
    project.grew()
    project.do("dvc", "repro", "search")
    assert project.grew() == ["search"]
    assert project.files("data/search") == by_clock
    assert outcomes(project) == trained


def differing(one: Project, other: Project) -> list[str]:
    """Return the names of outs whose bytes differ, or that only one project has."""
    mine, theirs = one.files(), other.files()
    return sorted(name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name))


def change_a_test_row(project: Project) -> None:
    """Take two per cent of alcohol out of a wine that `split` dealt to the test rows: another answer, for this one."""
    rows = pq.read_table(project.root / "data" / "split" / "rows.parquet").to_pydict()
    row = next(row for row, part in zip(rows["row"], rows["part"], strict=True) if part == 1)
    table = project.root / SOURCE
    lines = table.read_text().splitlines()
    alcohol, *others = lines[row + 1].split(",")
    lines[row + 1] = ",".join([str(float(alcohol) - 2.0), *others])
    table.write_text("\n".join(lines) + "\n")


def forget_in_cache(project: Project, word: str) -> None:
    """Take what DVC could restore a stage from out of its cache."""
    lock = YAML(typ="safe").load(project.root / "dvc.lock")
    name = lock["stages"][word]["outs"][0]["md5"]
    (project.root / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]).unlink()
    shutil.rmtree(project.root / ".dvc" / "cache" / "runs")


def outcomes(project: Project) -> dict[str, tuple[int, bytes]]:
    """Return the finished trials of the search, each with the moment at which it was written."""
    folder = project.root / ".espalier" / "studies"
    found = folder.glob("search-*/outcomes*/[0-9]*.json")
    return {path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}
