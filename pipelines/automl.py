"""The whole tree, from command to prompt: read this first.

    ingest -> validate -> split -> augment -+-> search ----+
                                            +-> boosting --+-> stacking -> evaluate -> export
                                            +-> bagging ---+

Three engines, one job each. DVC says what is up to date, restores what it has seen before, and starts each stage's
own command (`python -P -m pipelines <stage>`, see `engine/runner.py`; in a run it is forked, see `engine/warm.py`).
Prefect runs them: order, branches side by side, history. Optuna chooses, inside the stages. The DAG is read from
dvc.yaml and not repeated here.

`grow` asks DVC first: when nothing is to do there is no server and no flow. Otherwise every stage begins as soon as
what it waits for is grown, whoever sees that first: the flow's task, or `_grow_in_order`, which needs no server and
never waits for one (`Grower` grows each stage once). The server starts beside the first branch: beside the short stages
it would take turns with DVC. A tree that only comes back from DVC's run-cache needs none. `espalier run` and the
schedules of `espalier up` both end here.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.cores import num_cores
from components.core.files import write_json
from components.project.params import read_params
from pipelines.engine import dry, warm
from pipelines.engine.budget import auto_parallel
from pipelines.engine.growing import Grower, Result
from pipelines.engine.headline import headline
from pipelines.engine.locks import run_lock
from pipelines.engine.milestones import Milestones
from pipelines.engine.plan import Plan, make_plan
from pipelines.engine.processes import Surroundings
from pipelines.engine.run_folders import new_run_folder
from pipelines.engine.terminal import Terminal
from pipelines.engine.words import BRANCHES

if TYPE_CHECKING:
    from pipelines.engine.prefect_server import Server

LOOK_SECONDS = 0.05
SHORT_STAGES_SECONDS = 10.0  # so long the server waits for a branch: of a small table they take four, with DVC between
SERVER_SECONDS = 90.0  # so long may a first start take on a slow machine (it makes its database)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the user asked for, beside params.yaml."""

    stage: str = ""  # this one and what it stands on; empty: all
    force: bool = False
    parallel: int | None = None  # branches side by side; None: one for every four cores


@dataclass(frozen=True, kw_only=True)
class Grown:
    """What became of the run."""

    plan: Plan
    results: dict[str, Result]
    seconds: float
    status: int  # exit status: 0, 1, 2, 3 or 130
    milestones: Mapping[str, Any] = field(default_factory=dict)  # as JSON
    recorded: bool = True  # in Prefect's history; if not, its threads may outlive the run: see watched_flow.py


def grow(root: Path, wish: Wish, *, began: float | None = None) -> Grown:
    """Bring the tree up to date. `began` (seconds since 1970) is when the command, and so the budget, began.

    Raises:
        UserMistake: params.yaml or dvc.yaml cannot be read, or another run of this project is going on.
    """
    began = time.time() if began is None else began
    with run_lock(root, "espalier run"), warm.process(root):
        cores = num_cores()
        parallel = auto_parallel(cores) if wish.parallel is None else wish.parallel
        plan = make_plan(root, stage=wish.stage, force=wish.force, parallel=parallel, total_cores=cores)
        if not plan.pending:
            return Grown(plan=plan, results={}, seconds=time.time() - began, status=0)
        params = read_params(root)
        seconds = params.seconds
        around = Surroundings(
            run=(folder := new_run_folder(root)).name,
            folder=folder,
            cores=cores,
            total_cores=cores,
            ends=None if seconds is None else began + seconds,
            parent=os.getpid(),
        )
        write_json(folder / "why.json", {step.word: dry.why(root, step, plan) for step in plan.steps})
        grower = Grower(root, plan, around)
        terminal = Terminal(plan.words, grower.listen, budget_seconds=seconds)
        milestones = Milestones(root, params, plan, began, terminal)
        grower.listeners += [terminal.show, milestones.listen]
        with terminal, _ctrl_c(grower, terminal):
            terminal.say(headline(root, params, plan, cores))
            recorded = _grow_all(grower, terminal)
        return Grown(
            plan=plan,
            results=grower.results(),
            seconds=time.time() - began,
            status=_status(grower),
            recorded=recorded,
            milestones=milestones.facts(),
        )


def _grow_all(grower: Grower, terminal: Terminal) -> bool:
    """Grow, and let the flow go along as soon as a stage had to be run; return whether all is in Prefect's history."""
    growing = threading.Thread(target=_grow_in_order, args=(grower,), name="growing", daemon=True)
    growing.start()
    recorded = not _something_runs(grower, growing) or _go_along(grower, terminal)
    growing.join()
    return recorded


def _something_runs(grower: Grower, growing: threading.Thread) -> bool:
    """Wait until a branch has begun, or some stage a while ago; False when all were kept or restored without one."""
    waits_for = {*BRANCHES} & {*grower.plan.pending} or grower.plan.words
    since: float | None = None  # when the first stage began
    while growing.is_alive() and not grower.has_begun(waits_for):
        if grower.has_begun():
            since = since or time.monotonic()
            if time.monotonic() - since > SHORT_STAGES_SECONDS:
                return True
        growing.join(LOOK_SECONDS)
    return grower.has_begun()


def _go_along(grower: Grower, terminal: Terminal) -> bool:
    """Start Prefect's server beside the stages, then run the flow; return whether it saw the tree to its end."""
    from pipelines.engine import history, prefect_server

    with prefect_server.using(grower.root) as server:
        if not _all_good(grower) and not server.ready():
            return False  # one of the first stages has failed: nobody waits for a start to be told
        os.environ.update(prefect_server.environment(grower.root, server.url))
        from pipelines.engine import flows, watched_flow  # two seconds, beside a stage that takes longer

        if not _wait_for(server, grower):
            return False
        terminal.say(f"Prefect {server.url.removesuffix('/api')}   Ctrl-C once: finish with what there is")
        history.sweep(grower.root, server.url, spare=flows.own_run())
        return watched_flow.run_watched(grower, server)


def _wait_for(server: "Server", grower: Grower) -> bool:
    """Wait for the server, while the first stages grow beside; not when one of them has failed, nor for ever."""
    end = time.monotonic() + SERVER_SECONDS
    while not server.wait(0.5):
        if not _all_good(grower) or time.monotonic() > end or server.gone():
            return False
    return True


def _all_good(grower: Grower) -> bool:
    return all(result.good for result in grower.results().values())


def _grow_in_order(grower: Grower) -> None:
    """Grow every stage as soon as what it waits for is grown."""
    with ThreadPoolExecutor(max_workers=len(grower.plan.words)) as pool:
        futures: dict[str, Future[bool]] = {}
        for word in grower.plan.words:
            before = [futures[name] for name in grower.plan.after[word] if name in futures]

            def one(word: str = word, before: list[Future[bool]] = before) -> bool:
                return all(future.result() for future in before) and grower.grow(word).good

            futures[word] = pool.submit(one)


@contextmanager
def _ctrl_c(grower: Grower, terminal: Terminal) -> Iterator[None]:
    """Ctrl-C once: finish with what there is. Twice: at once, and nothing that was finished is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    presses = 0

    def on_interrupt(*_: object) -> None:
        nonlocal presses
        presses += 1
        if presses == 1:
            grower.stop_file.touch()
            terminal.say("Finishing with what there is. Ctrl-C again stops at once.")
        elif presses == 2:
            threading.Thread(target=grower.cancel, name="cancel").start()
        else:
            os._exit(130)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        sys.stderr.flush()


def _status(grower: Grower) -> int:
    results = grower.results().values()
    if grower.cancelled:
        return 130
    bad = [result.status or 1 for result in results if not result.good]
    if bad:
        return max(bad)
    return 3 if any(result.state == "stopped" for result in results) else 0
