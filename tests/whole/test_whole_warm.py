"""In a run of ours the stages are forked from a warm process; each still lives and dies with the command of DVC."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from test_whole_code import modules
from whole_project import Project, alive, children, events, wait_for

from pipelines.engine.ask_warm import SOCKET

AUDIT = Path(__file__).parent / "audit"
LOADED = "pipelines.engine.runner"  # by whoever runs a stage


def test_the_commands_that_dvc_starts_load_nothing(project: Project) -> None:
    audit = project.root / ".audit"
    audit.mkdir()
    run = project.start("espalier", "run", "--force", AUDIT_FOLDER=str(audit), PYTHONPATH=str(AUDIT))
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0, out + err
    asked = [path.name for path in audit.iterdir()]
    assert len(asked) == 10
    alone = [word for word in asked if LOADED in modules(project, word)]
    assert len(alone) <= 4, f"ingest may be too early; not {alone}"  # on a busy machine the next ones, too
    assert left_behind(project) == []


def test_a_killed_command_takes_its_stage_with_it(project: Project) -> None:
    with searching(project) as (run, stage):
        command = next(pid for pid in children(run.pid) if words(pid)[-2:] == ["pipelines", "search"])
        assert command != stage
        family = [stage, *children(stage)]
        os.kill(command, signal.SIGKILL)
        out, err = run.communicate(timeout=60)
        assert run.returncode == 1
        assert "ended by signal 9" in out + err
        wait_for(lambda: not any(alive(pid) for pid in family))
        assert left_behind(project) == []


def test_how_a_stage_died_reaches_the_run(project: Project) -> None:
    with searching(project) as (run, stage):
        os.kill(stage, signal.SIGTERM)
        out, err = run.communicate(timeout=60)
        assert run.returncode == 1
        assert "ended by signal 15" in out + err


def test_a_killed_run_leaves_no_process(project: Project) -> None:
    with searching(project) as (run, _):
        wait_for(lambda: len(forked(run.pid)) >= 3)  # two warm ones, and the stage
        family = [pid for pid in children(run.pid) if "pipelines.engine.prefect_server" not in words(pid)]
        run.send_signal(signal.SIGKILL)
        run.communicate()
        wait_for(lambda: not any(alive(pid) for pid in family))
        assert left_behind(project) != []
    project.look("set", "search.trials=6")
    project.do("espalier", "run", "--stage", "search")
    assert left_behind(project) == []


@contextlib.contextmanager
def searching(project: Project) -> Iterator[tuple[subprocess.Popen, int]]:
    """Give a run whose search is at work, forked, and the search's process."""
    runs = project.root / ".espalier" / "runs"
    shutil.rmtree(runs)
    shutil.rmtree(project.root / ".espalier" / "studies")
    project.look("set", "search.trials=400")
    run = project.start("espalier", "run", "--stage", "search")
    try:
        wait_for(lambda: any(runs.glob("*/events.jsonl")) and begun(project))
        (stage,) = begun(project)
        assert "pipelines.engine.warm" in words(stage)
        yield run, stage
    finally:
        run.kill()
        run.communicate()


def begun(project: Project) -> list[int]:
    """Return the search's process, once it has begun."""
    return [event["pid"] for event in events(project) if event["kind"] == "begun" and event["stage"] == "search"]


def forked(run: int) -> list[int]:
    """Return the warm processes of a run, and the stages forked from them."""
    return [pid for pid in children(run) if "pipelines.engine.warm" in words(pid)]


def words(pid: int) -> list[str]:
    """Return the command of a process; nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def left_behind(project: Project) -> list[str]:
    """Return what lies where the warm processes have their sockets."""
    return [path.name for path in (project.root / SOCKET).parent.glob("warm*")]
