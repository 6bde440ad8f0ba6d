"""The whole tree, from command to prompt: read this first.

    ingest -> validate -> split -> augment -+-> search ----+
                                            +-> boosting --+-> stacking -> evaluate -> export
                                            +-> bagging ---+

Three engines, one job each. DVC says what is up to date, restores what it has seen before, and starts each stage's
own command (`python -P -m pipelines <stage>`, see `engine/runner.py`). Prefect runs them: order, branches side by
side, history. Optuna chooses, inside the stages. The DAG is read from dvc.yaml and not repeated here.

`grow` asks DVC first: when nothing is to do there is no server and no flow. Otherwise the first stages begin at once,
one after another, while Prefect's server starts beside them; then the flow takes over and finds them done. If no
server comes up, the tree grows without it. `espalier run` and the schedules of `espalier up` both end here.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.files import write_json
from components.project.params import Params, read_params
from pipelines.engine import dry
from pipelines.engine.budget import auto_parallel
from pipelines.engine.growing import Grower, Result
from pipelines.engine.locks import num_cores, run_lock
from pipelines.engine.plan import Plan, make_plan
from pipelines.engine.processes import Surroundings
from pipelines.engine.run_folders import new_run_folder
from pipelines.engine.terminal import Terminal

if TYPE_CHECKING:
    from pipelines.engine.prefect_server import Server

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
    recorded: bool = True  # in Prefect's history; if not, its threads may outlive the run: see watched_flow.py


def grow(root: Path, wish: Wish, *, began: float | None = None) -> Grown:
    """Bring the tree up to date. `began` (seconds since 1970) is when the command, and so the budget, began.

    Raises:
        UserMistake: params.yaml or dvc.yaml cannot be read, or another run of this project is going on.
    """
    began = time.time() if began is None else began
    with run_lock(root, "espalier run"):
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
        grower.listeners.append(terminal.show)
        with terminal, _ctrl_c(grower, terminal):
            terminal.say(_headline(params, cores))
            recorded = _grow_all(grower, terminal)
        return Grown(
            plan=plan,
            results=grower.results(),
            seconds=time.time() - began,
            status=_status(grower),
            recorded=recorded,
        )


def _headline(params: Params, cores: int) -> str:
    """Return what is wanted, in one line: `customers.csv -> churned   metric auto   seed 0   2 cores   600 s`."""
    source, target = (params.values.get(word) or {} for word in ("ingest", "validate"))
    budget = "no limit" if params.seconds is None else f"{params.seconds:g} s"
    wanted = f"{source.get('source', '')} -> {target.get('target', '')}"
    of = f"{cores} cores" if cores > 1 else "1 core"
    return f"{wanted}   metric {params.top.metric}   seed {params.top.seed}   {of}   {budget}"


def _grow_all(grower: Grower, terminal: Terminal) -> bool:
    """Grow by the flow as soon as there is a server, without it before that; return whether all is in its history."""
    from pipelines.engine import history, prefect_server

    with prefect_server.using(grower.root) as server:
        handed_over = threading.Event()
        ahead = threading.Thread(target=_grow_ahead, args=(grower, handed_over), name="ahead", daemon=True)
        ahead.start()
        os.environ.update(prefect_server.environment(grower.root, server.url))
        from pipelines.engine import flows, watched_flow  # two seconds, beside the first stage

        recorded = False
        if _wait_for(server, grower):
            terminal.say(f"Prefect {server.url.removesuffix('/api')}   Ctrl-C once: finish with what there is")
            history.sweep(grower.root, server.url, spare=flows.own_run())
            handed_over.set()
            recorded = watched_flow.run_watched(grower, server)
        handed_over.set()
        if not recorded:
            _grow_without_prefect(grower)
        ahead.join()
    return recorded


def _all_good(grower: Grower) -> bool:
    return all(result.good for result in grower.results().values())


def _wait_for(server: "Server", grower: Grower) -> bool:
    """Wait for the server, while the first stages grow beside; not when one of them has failed, nor for ever."""
    end = time.monotonic() + SERVER_SECONDS
    while not server.wait(0.5):
        if not _all_good(grower) or time.monotonic() > end or server.gone():
            return False
    return True


def _grow_ahead(grower: Grower, handed_over: threading.Event) -> None:
    """Grow stage after stage until the flow takes over."""
    for word in grower.plan.words:
        if handed_over.is_set() or not grower.grow(word).good:
            return


def _grow_without_prefect(grower: Grower) -> None:
    """Do what the flow would do: every stage as soon as what it waits for is grown."""
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
