"""`espalier schedule` and what `espalier up` serves: one deployment of the whole tree, on Prefect's own scheduler.

The wish lies in `.espalier/schedule.json`; a process of ours (`python -P -m pipelines.engine.schedules ROOT`) serves
it while `up` lasts, and Prefect starts one more process for each run that is due. A run by schedule is `espalier run
--frozen`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.core.errors import UserMistake
from pipelines.engine.history import tag_of
from pipelines.engine.prefect_server import environment, find
from pipelines.engine.processes import is_alive

DEPLOYMENT = "schedule"
STOP_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When the project is to run."""

    cron: str
    timezone: str


def read_schedule(root: Path) -> Schedule | None:
    """Return the project's schedule."""
    try:
        return Schedule(**json.loads(_path(root).read_text()))
    except FileNotFoundError:
        return None


def write_schedule(root: Path, cron: str) -> Schedule:
    """Set the schedule, in this machine's time zone.

    Raises:
        UserMistake: the expression is none.
    """
    from prefect.schedules import Cron

    schedule = Schedule(cron=cron, timezone=local_timezone())
    try:
        Cron(schedule.cron, timezone=schedule.timezone)
    except ValueError:
        raise UserMistake(
            f"--cron '{cron}' is no time: write minute, hour, day, month, weekday, "
            'such as "0 2 * * *" for every night at two.'
        ) from None
    _path(root).parent.mkdir(exist_ok=True)
    _path(root).write_text(json.dumps(asdict(schedule)))
    return schedule


def remove_schedule(root: Path) -> bool:
    """Take the schedule away; return whether there was one."""
    there = _path(root).exists()
    _path(root).unlink(missing_ok=True)
    return there


def local_timezone() -> str:
    """Return this machine's time zone by its name, such as Europe/Zurich; UTC when it has none."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    name = str(Path("/etc/localtime").resolve())
    return name.partition("/zoneinfo/")[2] or "UTC"


def start_serving(root: Path, url: str) -> None:
    """Start the process that serves the schedule; does nothing when there is no schedule."""
    if read_schedule(root) is None:
        return
    with (root / ".espalier" / "prefect" / "schedules.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.engine.schedules", str(root)],
            env={**os.environ, **environment(root, url), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=root,
            start_new_session=True,
        )
    _process_path(root).write_text(json.dumps({"pid": process.pid}))


def stop_serving(root: Path) -> bool:
    """Stop serving, and the run by schedule that is going on; return whether there was something to stop."""
    try:
        pid = int(json.loads(_process_path(root).read_text())["pid"])
    except (OSError, ValueError):
        return False
    _process_path(root).unlink(missing_ok=True)
    if not is_alive(pid):
        return False
    os.killpg(pid, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.2)
    if is_alive(pid):
        os.killpg(pid, signal.SIGKILL)
    return True


def serve(root: Path) -> None:
    """Serve the deployment until the end of the server or of this process."""
    schedule = read_schedule(root)
    server = find(root)
    assert schedule is not None
    assert server is not None
    assert server.keeper is not None
    threading.Thread(target=_end_with, args=(server.keeper,), daemon=True).start()
    from prefect.schedules import Cron

    from pipelines.engine.scheduled import run_on_schedule

    run_on_schedule.serve(
        name=DEPLOYMENT,
        schedule=Cron(schedule.cron, timezone=schedule.timezone),
        parameters={"root": str(root)},
        tags=[tag_of(root)],
        limit=1,
        print_starting_message=False,
    )


def _end_with(keeper: int) -> None:
    """End this process when the server has gone, which it would ask for ever."""
    while is_alive(keeper):
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def _path(root: Path) -> Path:
    return root / ".espalier" / "schedule.json"


def _process_path(root: Path) -> Path:
    return root / ".espalier" / "prefect" / "schedules.json"


def main(arguments: list[str]) -> Any:
    """Serve the schedule of a project."""
    serve(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
