"""`espalier up`: keep Prefect's server with its history, and serve the schedule, until `espalier down`."""

from pathlib import Path

from components.core.errors import EspalierError
from pipelines.engine import prefect_server, schedules

START_SECONDS = 90.0


def run(root: Path, *, port: int) -> int:
    """Start what is not running yet, and return."""
    root = root.resolve()
    prefect_server.keep(root, on=True)
    with prefect_server.using(root, port) as server:
        if not server.wait(START_SECONDS):
            prefect_server.keep(root, on=False)
            raise EspalierError("Prefect's server did not start. What it said is in .espalier/prefect/server.log")
        schedules.stop_serving(root)
        schedules.start_serving(root, server.url)
    print(f"  Prefect     {server.url.removesuffix('/api')}")
    schedule = schedules.read_schedule(root)
    print(
        f"  schedule    {schedule.cron} ({schedule.timezone})"
        if schedule
        else "  schedule    none: espalier schedule --cron EXPR"
    )
    print("  until       espalier down")
    return 0
