"""What a run says at the moment it is known, on the screen and as JSON; by the real command, around stand-in stages."""

import json
import re

from engine_case import Project, finish

from pipelines.engine.dvc_yaml import TREE


def as_json(project: Project, *words: str, status: int = 0) -> tuple[dict, str]:
    """Return the object on stdout, and what stands on stderr."""
    out, err = finish(run := project.start("espalier", "run", "--json", *words))
    assert run.returncode == status, out + err
    return json.loads(out), err


def test_since_when_it_is_usable_and_the_facts_as_one_object(project: Project) -> None:
    assert as_json(project, "--dry")[0] == {"would_run": [], "kept": 10}
    for word in ("bagging", "boosting", "search"):
        project.set(word, "{steps: 2}")
    plan, _ = as_json(project, "--dry")
    assert [one["stage"] for one in plan["would_run"]] == list(TREE)[4:]
    assert plan["would_run"][0]["why"] == ["bagging.steps  default -> 2  (params.yaml, line 9)"]
    found, said = as_json(project)
    assert re.search(r"^\d\d:\d\d:\d\d usable since \d:\d\d$", said, re.MULTILINE)
    assert 0 < found["usable_since_seconds"] < found["seconds"]
    states = {one["stage"]: one["state"] for one in found["stages"]}
    assert states == {word: "kept" if place < 4 else "done" for place, word in enumerate(TREE)}
    assert found["stages"][4]["text"] == "2 steps"
    assert found["status"] == 0
    assert found["budget_seconds"] is None
    assert found["metrics"] == json.loads((project.root / "data" / "evaluate" / "metrics.json").read_text())
    again, said = as_json(project)
    assert {one["state"] for one in again["stages"]} == {"kept"}
    assert "usable" not in said


def test_a_failure_as_json(project: Project) -> None:
    project.set("stacking", "{fail: mistake}")
    found, _ = as_json(project, status=2)
    states = {one["stage"]: one["state"] for one in found["stages"]}
    assert (found["status"], states["stacking"], states["export"]) == (2, "failed", "waiting")
    assert "stacking does not like the data." in found["stages"][7]["text"]
