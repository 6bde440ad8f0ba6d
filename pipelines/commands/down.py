"""`espalier down`: end what `espalier up` started; a run that is going on in a terminal keeps its server to its end."""

import contextlib
import time
from pathlib import Path

from components.core.errors import UserMistake
from pipelines.engine import history, prefect_server, schedules
from pipelines.engine.locks import run_lock

STOP_SECONDS = 45.0


def run(root: Path) -> int:
    """Stop the schedule at once, the server as soon as nobody uses it."""
    root = root.resolve()
    served = schedules.stop_serving(root)
    server = prefect_server.find(root)
    if served and server is not None:
        with contextlib.suppress(UserMistake), run_lock(root, "espalier down"):  # a run in a terminal lives on
            history.sweep(root, server.url)
    prefect_server.keep(root, on=False)
    end = time.monotonic() + STOP_SECONDS
    while prefect_server.find(root) is not None and not prefect_server.has_users(root) and time.monotonic() < end:
        time.sleep(0.2)
    if server is None:
        print("Nothing was up.")
    elif prefect_server.find(root) is not None:
        print("A run is using the server: it ends with the run." + (" The schedule has ended." if served else ""))
    else:
        print("Prefect's server has ended." + (" So has the schedule." if served else ""))
    return 0
