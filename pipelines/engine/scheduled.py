"""The flow that a schedule starts: `espalier run --frozen`, in a process that Prefect made for it."""

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.states import Completed, Failed


@flow(name="espalier on schedule")
def run_on_schedule(root: str) -> Any:
    """Bring the tree of the project at `root` up to date."""
    from components.core.errors import EspalierError
    from pipelines.automl import Wish, grow
    from pipelines.engine import installed

    try:
        installed.renew(Path(root), frozen=True)
        grown = grow(Path(root), Wish())
    except EspalierError as error:
        return Failed(message=str(error))
    failed = [result for result in grown.results.values() if result.state == "failed"]
    for result in failed:
        get_run_logger().error(result.text)
    if grown.status:
        return Failed(message=f"exit status {grown.status}")
    grew = [word for word, result in grown.results.items() if result.state in ("done", "restored")]
    return Completed(message=", ".join(grew) if grew else "nothing to do")
