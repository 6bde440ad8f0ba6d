"""`espalier schedule`: run this project at set times, served by `espalier up`."""

from pathlib import Path

from components.core.errors import UserMistake
from pipelines.engine import prefect_server, schedules


def run(root: Path, *, cron: str, remove: bool) -> int:
    """Set, remove or tell the schedule. A server that is up takes the change in at once."""
    root = root.resolve()
    if cron and remove:
        raise UserMistake("--cron sets a schedule, --remove takes it away: one of them.")
    if remove:
        print("The schedule is gone." if schedules.remove_schedule(root) else "There was no schedule.")
        schedules.stop_serving(root)
        return 0
    found = schedules.write_schedule(root, cron) if cron else schedules.read_schedule(root)
    if found is None:
        print('There is no schedule. Every night at two:  espalier schedule --cron "0 2 * * *"')
        return 0
    server = prefect_server.find(root) if prefect_server.is_kept(root) else None
    if cron and server is not None:
        schedules.stop_serving(root)
        schedules.start_serving(root, server.url)
    served = "served now" if server is not None else "served as soon as you say: espalier up"
    print(f"{found.cron} ({found.timezone}), {served}")
    return 0
