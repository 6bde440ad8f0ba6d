"""Prefect's side: subflows and tasks are seen by REST after the run, and a schedule fires on a real server."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from engine_case import Project, events, make_project, running, wait_for

from pipelines.automl import SHORT_STAGES_SECONDS
from pipelines.engine import prefect_server
from pipelines.engine.dvc_yaml import TREE
from pipelines.engine.prefect_server import ask


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A fresh project with a schedule for every minute, and its server up."""
    project = make_project(tmp_path_factory.mktemp("scheduled") / "project")
    assert "served as soon as you say: espalier up" in project.do("espalier", "schedule", "--cron", "* * * * *")
    assert "* * * * *" in project.do("espalier", "up", "--port", "0")
    yield project
    project.do("espalier", "down")


def test_a_schedule_is_served(scheduled: Project) -> None:
    """The first half; the run that is due comes within the minute that the other tests take."""
    url = prefect_server.find(scheduled.root).url
    found = wait_for(lambda: ask(url, "/deployments/filter", {}))
    assert [one["name"] for one in found] == ["schedule"]
    assert found[0]["schedules"][0]["schedule"]["cron"] == "* * * * *"


def test_the_history_is_kept_after_the_run(grown: Project, copy_of: Callable[[Project], Project]) -> None:
    project = copy_of(grown)
    with prefect_server.using(project.root) as server:
        assert server.wait(120)
        flows = ask(server.url, "/flow_runs/filter", {})
        tasks = ask(server.url, "/task_runs/filter", {"limit": 100})
    states = {run["id"]: (run["name"], run["state_type"], run["state_name"]) for run in flows}
    (tree,) = [run for run in flows if run["parent_task_run_id"] is None]
    branches = [run for run in flows if run["parent_task_run_id"] is not None]
    assert states[tree["id"]][1] == "COMPLETED"
    assert sorted(states[run["id"]] for run in branches) == [
        (word, "COMPLETED", "done") for word in ("bagging", "boosting", "search")
    ]
    of_stages = {run["name"]: run for run in tasks if run["name"] in TREE and run["flow_run_id"] == tree["id"]}
    assert {word: run["state_name"] for word, run in of_stages.items()} == dict.fromkeys(TREE, "done")
    ran_in_order = sorted(TREE, key=lambda word: of_stages[word]["end_time"])
    assert ran_in_order.index("augment") < ran_in_order.index("search") < ran_in_order.index("stacking")
    begun = {event["stage"]: event["at"] for event in events(project) if event["kind"] == "begun"}
    first_branch = min(begun["ingest"] + SHORT_STAGES_SECONDS, begun["bagging"], begun["boosting"], begun["search"])
    assert first_branch < datetime.fromisoformat(tree["start_time"]).timestamp(), "it takes turns with DVC before"


def test_a_failed_stage_is_a_failed_run(project: Project) -> None:
    project.set("boosting", "{fail: mistake}")
    said = project.do("espalier", "run", status=2)
    assert "boosting does not like the data." in said
    runs = flow_runs(project)
    assert {run["state_type"] for run in runs if run["name"] == "boosting"} == {"FAILED"}
    assert [run["state_type"] for run in runs if run["parent_task_run_id"] is None] == ["FAILED"]


def test_flow_runs_of_a_killed_run_are_swept_by_the_next(project: Project) -> None:
    project.set("search", "{steps: 900, sleep: 0.1}")
    run = project.start("espalier", "run")
    wait_for(lambda: any(one["name"] == "search" and one["state_type"] == "RUNNING" for one in flow_runs(project)))
    assert wait_for(lambda: running(project, "search"))
    run.kill()
    run.communicate()
    project.set("search", "{steps: 1}")
    project.do("espalier", "run")
    states = sorted(run["state_type"] for run in flow_runs(project))
    assert states == ["COMPLETED", "COMPLETED", "CRASHED", "CRASHED"]


def test_the_schedule_has_fired(scheduled: Project) -> None:
    url = prefect_server.find(scheduled.root).url

    def fired() -> list:
        runs = ask(url, "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}) or []
        return [run for run in runs if run["deployment_id"] is not None]

    run = wait_for(fired, seconds=180)[0]
    assert run["auto_scheduled"]
    assert scheduled.calls() == list(TREE), (scheduled.root / ".espalier/prefect/schedules.log").read_text()
    scheduled.do("espalier", "down")  # or the run of the next minute may be going on
    assert "Ten stages kept" in scheduled.do("espalier", "run")
    assert json.loads((scheduled.root / ".espalier" / "schedule.json").read_text())["cron"] == "* * * * *"


def flow_runs(project: Project) -> list:
    wanted = {"flow_runs": {"tags": {"all_": [f"espalier {project.root}"]}}}
    return ask(project.server, "/flow_runs/filter", wanted)
