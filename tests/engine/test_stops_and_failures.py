"""Ctrl-C, mistakes, faults, a full disk: one message, the exit status that says whose it is, nothing half-written."""

import os
import signal
from collections.abc import Callable

from engine_case import Project, finish, press_ctrl_c, running, wait_for

from pipelines.engine import prefect_server


def test_ctrl_c_once_finishes_with_what_there_is_and_the_next_run_goes_on(project: Project) -> None:
    project.set("search", "{steps: 25, sleep: 0.2}")
    run = project.start("espalier", "run")
    wait_for(lambda: running(project, "search"))
    press_ctrl_c(run)
    out, err = finish(run, 120)
    assert run.returncode == 3, out + err
    assert "Finishing with what there is. Ctrl-C again stops at once." in err
    assert project.calls() == ["search", "stacking", "evaluate", "export"]
    assert [line["state"] for line in project.ledger() if line["stage"] == "search"] == ["done", "stopped"]
    assert "Ctrl-C ended it early" in project.do("espalier", "run", "--dry")
    project.do("espalier", "run")
    assert project.calls() == ["search"]


def test_ctrl_c_twice_stops_at_once(project: Project) -> None:
    project.set("boosting", "{steps: 2, sleep: 30}")
    run = project.start("espalier", "run")
    child = wait_for(lambda: running(project, "boosting"))
    press_ctrl_c(run)
    wait_for(lambda: (sorted((project.root / ".espalier" / "runs").iterdir())[-1] / "stop").exists())
    press_ctrl_c(run)
    out, err = finish(run, 25)
    assert run.returncode == 130, out + err
    assert "Stopped at once." in err
    assert "Traceback" not in err
    assert project.calls() == []
    assert (project.root / "data" / "boosting" / "out.json").exists()
    assert child


def test_ctrl_c_under_dvc_ends_the_stage_with_what_there_is(project: Project) -> None:
    project.set("export", "{steps: 60, sleep: 0.1}")
    project.set("search", "{steps: 60, sleep: 0.2}")
    repro = project.start("dvc", "repro", "search")
    clock = project.root / ".espalier" / "clock" / "search.json"
    wait_for(clock.exists)
    press_ctrl_c(repro)
    out, err = finish(repro, 60)
    assert repro.returncode == 0, out + err
    assert "Finishing with what there is." in out + err
    assert project.calls() == ["search"]


def test_a_mistake_ends_with_2_one_message_and_the_last_good_outs(project: Project) -> None:
    before = project.data()
    project.set("evaluate", "{fail: mistake}")
    said = project.do("espalier", "run", status=2)
    assert said.count("evaluate does not like the data.") == 1
    assert "Traceback" not in said
    assert "Your last model in data/export is as it was." in said
    assert project.data() == before
    project.set("evaluate", "{}")
    assert "9 kept" in project.do("espalier", "run")  # export, which reads the section too, comes back from the cache
    assert project.data() == before
    project.set("validate", "{fail: mistake}")
    said = project.do("dvc", "repro", status=255)
    assert "validate does not like the data." in said
    assert "Traceback" not in said
    assert not list((project.root / "data").glob(".*tmp"))


def test_a_full_disk_is_nobodys_mistake(project: Project) -> None:
    before = project.data()
    project.set("export", "{fail: disk}")
    said = project.do("espalier", "run", status=1)
    assert "disk full:" in said
    assert "Free some space" in said
    assert "Traceback" not in said
    assert project.data() == before


def test_a_fault_of_ours_is_in_the_log_and_not_on_the_screen(project: Project) -> None:
    project.set("bagging", "{fail: bug}")
    said = project.do("espalier", "run", status=1)
    assert "A fault of Espalier's own, exit status 1: RuntimeError: a fault of ours" in said
    assert "Traceback" not in said
    log = sorted((project.root / ".espalier" / "runs").iterdir())[-1] / "bagging.log"
    assert "Traceback" in log.read_text()


def test_a_child_that_the_system_kills_is_told_apart(project: Project) -> None:
    project.set("search", "{steps: 2, sleep: 30}")
    run = project.start("espalier", "run")
    os.kill(wait_for(lambda: running(project, "search")), signal.SIGKILL)
    out, err = finish(run, 60)
    assert run.returncode == 1, out + err
    assert "ended by signal 9. Most often the system does that when memory runs out." in err


def test_params_that_change_under_a_running_stage_are_refused(project: Project) -> None:
    project.set("search", "{held: true}")
    run = project.start("espalier", "run")
    wait_for(lambda: running(project, "search"))
    project.set("search", "{steps: 2}")
    (project.root / "go").touch()
    out, err = finish(run)
    assert run.returncode == 2, out + err
    assert "params.yaml was changed while search ran with the old one" in err
    project.do("espalier", "run")
    assert project.do("dvc", "repro").count("didn't change") == 10


def test_a_stale_ancestor_is_never_read(project: Project) -> None:
    project.set("split", "{by: group}")
    project.do("dvc", "repro", "--single-item", "split")
    said = project.do("dvc", "repro", "--single-item", "--force", "evaluate", status=255)
    assert "was made from another data/split than the one that lies there" in said


def test_the_tree_grows_on_when_prefect_dies(grown: Project, copy_of: Callable[[Project], Project]) -> None:
    project = copy_of(grown)  # with a server of its own
    project.set("search", "{held: true}")  # a server may take longer to come than any sleep
    run = project.start("espalier", "run")
    wait_for(lambda: flow_is_running(project, "search"))
    os.kill(prefect_server.find(project.root).keeper, signal.SIGKILL)
    (project.root / "go").touch()
    out, err = finish(run)
    assert run.returncode == 0, out + err
    assert project.calls() == ["search", "stacking", "evaluate", "export"]
    assert "Prefect's server did not answer: its history of this run has gaps." in err


def flow_is_running(project: Project, name: str) -> bool:
    server = prefect_server.find(project.root)
    if server is None:
        return False
    running_runs = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
    return any(run["name"] == name for run in prefect_server.ask(server.url, "/flow_runs/filter", running_runs) or [])
