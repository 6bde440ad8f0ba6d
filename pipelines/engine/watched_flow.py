"""Run the flow beside, and watch: a server that dies, or does not answer, never holds the tree up.

The flow has a thread of its own. When its server is gone, or the flow does not come to its end after all stages have,
it is left behind, and the caller grows what is missing: each stage grows once, whoever asks for it. A flow left
behind would hold the process at its end (it tries to get rid of its events), so such a run ends by `os._exit`.
"""

import contextvars
import logging
import threading
import time

from pipelines.engine.growing import Grower
from pipelines.engine.prefect_server import Server

SILENT_SECONDS = 180.0  # a busy machine: its work comes last; right after an installation 60 were not enough
END_SECONDS = 20.0
LOOK_SECONDS = 5.0


def run_watched(grower: Grower, server: Server) -> bool:
    """Run the tree's flow; return whether it came to its end. If not, stages may be missing."""
    from pipelines.engine import flows

    context = contextvars.copy_context()  # inside of a schedule's run, that is the flow above
    name = grower.around.run or ""
    thread = threading.Thread(target=context.run, args=(flows.run_tree, grower, name), name="flow", daemon=True)
    thread.start()
    heard = looked = time.monotonic()
    settled = 0.0
    while thread.is_alive():
        thread.join(0.1)
        now = time.monotonic()
        if now - looked > LOOK_SECONDS:
            heard = now if server.ready() else heard
            looked = time.monotonic()
        if grower.settled:
            settled = settled or now
        if server.gone() or now - heard > SILENT_SECONDS or (settled and now - settled > END_SECONDS):
            logging.disable(logging.CRITICAL)  # Prefect would go on telling that nobody answers
            return False
    return grower.settled
