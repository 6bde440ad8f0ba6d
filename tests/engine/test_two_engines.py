"""`espalier run` and `dvc repro` grow the same tree: what one has done the other finds done. Real commands only."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from engine_case import Project, finish, running, wait_for

from components.core.cores import num_cores
from pipelines.engine.dvc_yaml import TREE

AFTER_BOOSTING = ["boosting", "stacking", "evaluate", "export"]


def test_after_espalier_run_dvc_finds_nothing_to_do(project: Project) -> None:
    said = project.do("dvc", "repro")
    assert said.count("didn't change, skipping") == 10
    assert project.calls() == []


def computed_seconds() -> float:
    """Return the CPU seconds of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_nothing_to_do_is_said_at_once_and_starts_no_server(project: Project) -> None:
    """And loads neither PyTorch nor Prefect: both together take longer than the whole command."""
    began = computed_seconds()
    said = project.do("espalier", "run")
    after = computed_seconds()
    subprocess.run([sys.executable, "-c", "import torch, prefect.flows"], check=True)
    assert "Ten stages kept; nothing has changed since" in said
    assert after - began < computed_seconds() - after
    assert not (project.root / ".espalier" / "prefect" / "server.json").exists()
    assert project.calls() == []


def test_what_comes_back_from_the_run_cache_needs_no_server(
    grown: Project, copy_of: Callable[[Project], Project]
) -> None:
    project = copy_of(grown)  # which would start a server of its own
    shutil.rmtree(project.root / "data")
    (project.root / "dvc.lock").unlink()
    began = time.time()
    said = project.do("espalier", "run")
    assert said.count("restored") == 10
    assert "Prefect" not in said
    assert (project.root / ".espalier" / "prefect" / "server.log").stat().st_mtime < began
    assert project.calls() == []
    assert project.data() == grown.data()


def test_after_dvc_repro_espalier_finds_nothing_and_the_bytes_are_the_same(project: Project) -> None:
    grown = project.data()
    project.do("dvc", "repro", "--force")
    assert project.calls() == list(TREE)
    assert project.data() == grown
    assert "Ten stages kept" in project.do("espalier", "run")


def test_a_changed_count_reruns_what_stands_on_it_in_either_engine(project: Project) -> None:
    project.set("boosting", "{trials: 3}")
    project.do("dvc", "repro")
    assert project.calls() == AFTER_BOOSTING
    project.set("boosting", "{trials: 4}")
    said = project.do("espalier", "run")
    assert project.calls() == AFTER_BOOSTING
    assert "Four stages, 6 kept" in said
    project.set("boosting", "{trials: 3}")
    said = project.do("espalier", "run")
    assert said.count("restored") == 4
    project.set("boosting", "{}")
    assert project.do("dvc", "repro").count("is cached - skipping run, checking out outputs") == 4
    assert project.calls() == []


def test_one_changed_cell_reruns_everything_although_no_row_came_or_went(project: Project) -> None:
    (project.root / "table.csv").write_text("a,b\n1,2\n3,5\n")
    dry = project.do("espalier", "run", "--dry")
    assert dry.count("would run") == 10
    assert "table.csv is modified" in dry
    project.do("espalier", "run")
    assert project.calls() == list(TREE)


def test_a_stage_and_what_it_stands_on(project: Project) -> None:
    project.set("split", "{by: group}")
    project.do("espalier", "run", "--stage", "augment")
    assert project.calls() == ["validate", "split", "augment"]  # validate knows the column that rows are split by
    project.do("espalier", "run", "--stage", "split", "--force")
    assert project.calls() == ["split"]


def test_branches_grow_side_by_side_each_on_its_cores(project: Project) -> None:
    for word in ("search", "boosting", "bagging"):
        project.set(word, "{steps: 10, sleep: 0.2}")
    project.do("espalier", "run", "--parallel", "2")
    lines = {line["stage"]: line for line in project.ledger()[-6:]}
    spans = {word: (lines[word]["began"], lines[word]["began"] + lines[word]["work_seconds"]) for word in lines}
    assert spans["search"][0] < spans["bagging"][1] or spans["search"][0] < spans["boosting"][1]  # beside one of them
    assert spans["boosting"][0] >= spans["bagging"][1]  # which share a lane
    assert lines["search"]["cores"] + lines["boosting"]["cores"] == num_cores()
    assert project.do("dvc", "repro").count("didn't change") == 10


def test_the_clock_ends_a_branch_in_either_engine(project: Project) -> None:
    path = project.root / "params.yaml"
    path.write_text(path.read_text().replace("seconds: none", "seconds: 12"))
    project.set("search", "{steps: 2000, sleep: 0.02}")
    project.do("dvc", "repro")
    (line,) = [line for line in project.ledger() if line["run"] == "dvc" and line["stage"] == "search"]
    assert 2.0 < line["work_seconds"] < 9.5  # 12 less 5 kept back, less what came before
    project.set("search", "{steps: 2001, sleep: 0.02}")
    project.do("espalier", "run")
    assert 0.5 < project.ledger()[-4]["work_seconds"] < 9.5


def test_a_second_run_says_so_and_harms_nothing(project: Project) -> None:
    project.set("search", "{held: true}")
    first = project.start("espalier", "run")
    wait_for(lambda: running(project, "search"))
    for command in (["espalier", "run"], ["espalier", "run", "--stage", "split", "--force"]):
        said = project.do(*command, status=2)
        assert "A run of this project is going on (espalier run, process" in said
    second = project.start("dvc", "repro")  # waits for no one: DVC itself or our stage refuses
    out, err = finish(second, 60)
    assert second.returncode != 0
    assert "is busy" in out + err or "is going on" in out + err
    (project.root / "go").touch()
    finish(first, 120)
    assert first.returncode == 0
    assert project.calls() == ["search", "stacking", "evaluate", "export"]
    assert "didn't change" in project.do("dvc", "repro")


def test_kill_9_leaves_no_orphan_and_the_next_run_goes_on(project: Project) -> None:
    project.set("search", "{steps: 900, sleep: 0.1}")
    run = project.start("espalier", "run")
    child = wait_for(lambda: running(project, "search"))
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_for(lambda: not alive(child))
    project.set("search", "{steps: 2}")
    project.do("espalier", "run")
    assert project.calls() == ["search", "stacking", "evaluate", "export"]
    assert project.do("dvc", "repro").count("didn't change") == 10


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
