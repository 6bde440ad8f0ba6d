"""Prefect's history of a project, through the REST API: which flow runs are its own, and which of them are dead.

A flow run whose process was killed stays Running for ever. Whoever holds the project's run lock knows that no other run
lives, and marks them.
"""

from pathlib import Path

from pipelines.engine.prefect_server import ask


def tag_of(root: Path) -> str:
    """Return the tag of all flow runs of a project."""
    return f"espalier {root}"


def sweep(root: Path, url: str, *, spare: str | None = None) -> int:
    """Mark the project's unfinished flow runs as Crashed, but the one with the id `spare`; return how many there were.

    Call it with the run's lock held.
    """
    unfinished = {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}, "tags": {"all_": [tag_of(root)]}}
    found = ask(url, "/flow_runs/filter", {"flow_runs": unfinished}) or []
    crashed = {"type": "CRASHED", "name": "Crashed", "message": "its process was killed; this was found out later"}
    left = [run["id"] for run in found if run["id"] != spare]
    for run in left:
        ask(url, f"/flow_runs/{run}/set_state", {"state": crashed, "force": True})
    return len(left)
