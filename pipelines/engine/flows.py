"""The thin flow around the stages: a task for each, a subflow for each branch that computes. The work is elsewhere.

Only words pass between tasks; paths and hashes are in the project. The subflows live in this process, around the
child that DVC starts: the child imports no Prefect (2 s each), and killing it leaves no flow run behind. Heartbeats
are off, because ending one costs a second a flow; flow runs of a killed run are swept by the next one (`sweep`),
which holds the run's lock.

Import this module only after `prefect_server.environment` is in os.environ.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
from prefect import flow, get_run_logger, tags, task
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from pipelines.engine.budget import SHARES
from pipelines.engine.events import Event, progress_text
from pipelines.engine.growing import Grower, Result
from pipelines.engine.history import tag_of
from pipelines.engine.stage import Progress

LOG_EVERY_SECONDS = 5.0


def run_tree(grower: Grower, name: str) -> None:
    """Run the tree as a flow; results are in `grower`. A failed stage is a Failed run, not an exception."""
    words = grower.plan.words

    def branch(word: str) -> Any:
        """Grow a branch, and log how far it is."""
        with _logged(grower, word):
            return _state(grower.grow(word))

    def stage(word: str) -> Any:
        """Grow one stage; a branch that may have to grow becomes a subflow."""
        if word in SHARES and word in grower.plan.pending:
            subflow = flow(name=word, flow_run_name=word)(branch)
            subflow(word, return_state=True)
        return _state(grower.grow(word))

    def tree() -> Any:
        """Hand every stage to a task that waits for what it stands on."""
        futures: dict[str, Any] = {}
        for word in words:
            before = [futures[name] for name in grower.plan.after[word] if name in futures]
            futures[word] = task(name=word, task_run_name=word)(stage).submit(word, wait_for=before, return_state=False)
        for future in futures.values():
            future.wait()
        bad = [result.word for result in grower.results().values() if not result.good]
        return Failed(message=f"failed: {', '.join(bad)}") if bad else Completed(message=f"{len(words)} stages")

    runner: Any = ThreadPoolTaskRunner(max_workers=len(words))
    with (
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
        tags(tag_of(grower.root)),
        contextlib.suppress(httpx.HTTPError, PrefectException),  # the server is gone; `watched_flow` goes on
    ):
        flow(name="espalier", flow_run_name=name, task_runner=runner)(tree)(return_state=True)


@contextlib.contextmanager
def _logged(grower: Grower, word: str) -> Iterator[None]:
    logger, told = get_run_logger(), [0.0]

    def listener(event: Event) -> None:
        if event.stage != word:
            return
        if event.kind == "progress" and event.progress and event.at - told[0] >= LOG_EVERY_SECONDS:
            told[0] = event.at
            logger.info(progress_text(Progress(**event.progress)))
        elif event.kind in ("done", "stopped", "failed"):
            logger.info("%s: %s", event.kind, event.text)

    grower.listeners.append(listener)
    try:
        yield
    finally:
        grower.listeners.remove(listener)


def _state(result: Result) -> Any:
    """Say it in Prefect's words; the name of a state is one of our six."""
    message = f"{result.text} ({result.seconds:.1f} s)" if result.state != "kept" else "up to date"
    if not result.good:
        return Failed(name=result.state, message=message)
    return Completed(name="done" if result.state == "stopped" else result.state, message=message)


def own_run() -> str | None:
    """Return the id of the flow run that this process is inside of: a schedule's."""
    context = FlowRunContext.get()
    return None if context is None or context.flow_run is None else str(context.flow_run.id)
