"""Prefect's server, one for each project, on loopback: started beside the first stage, stopped after the last.

Without a server of its own a flow would start a temporary one, which loses most of its history when the process ends.
Ours keeps it in `.espalier/prefect/home/`. A small process, the keeper (`python -P -m
pipelines.engine.prefect_server`), starts the server, waits until nobody uses it any more and it has digested its
events, and stops it. `espalier up` makes the keeper stay. A set PREFECT_API_URL is used instead, and nothing is
started.

Nothing here imports Prefect: the keeper is small, and the run's process reads `environment` before its first import.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.engine import prefect_database
from pipelines.engine.processes import HOST, die_with_parent, free_port, is_alive

POLL_SECONDS = 0.25
DIGEST_SECONDS = 30.0  # at most; the events of a run take about two
STOP_SECONDS = 15.0
SERVER_NICENESS = 5  # the stages come first where cores are few; more, and it could starve beside them
_STARTED: dict[int, subprocess.Popen[bytes]] = {}  # keepers that this process has started and may have to bury


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that is running, or on its way."""

    url: str  # http://127.0.0.1:4211/api
    keeper: int | None  # process that holds it; None: the user's own server

    def ready(self) -> bool:
        """Whether it answers."""
        return ask(self.url, "/health") is True

    def gone(self) -> bool:
        """Whether it has died before it could answer."""
        return self.keeper is not None and not _lives(self.keeper)

    def wait(self, seconds: float) -> bool:
        """Wait until it answers; False when it does not in time, or has died."""
        end = time.monotonic() + seconds
        while not self.ready():
            if time.monotonic() > end or self.gone():
                return False
            time.sleep(POLL_SECONDS)
        return True


def ask(url: str, path: str, body: Any = None) -> Any:
    """Ask the REST API without any proxy; None when it does not answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, headers={"content-type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return json.loads(answer.read() or b"null")
    except (OSError, ValueError):
        return None


def environment(root: Path, url: str) -> dict[str, str]:
    """Return Prefect's settings for clients and server: its home in the project, no telemetry, no voice."""
    around = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    no_proxy = ",".join(part for part in (around, HOST, "localhost") if part)
    return {
        "PREFECT_HOME": str(root / ".espalier" / "prefect" / "home"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_API_REQUEST_TIMEOUT": "15",  # a server that does not answer does not hold the run up
        "PREFECT_CLIENT_MAX_RETRIES": "2",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


@contextlib.contextmanager
def using(root: Path, port: int = 0) -> Iterator[Server]:
    """Use the project's server while the block runs; start it when there is none. It may not answer yet."""
    own = os.environ.get("PREFECT_API_URL")
    if own:
        yield Server(url=own.rstrip("/"), keeper=None)
        return
    server = start(root, port)
    try:
        yield server
    finally:
        (_folder(root) / "users" / str(os.getpid())).unlink(missing_ok=True)


def start(root: Path, port: int = 0) -> Server:
    """Find the project's server or start a keeper for it, and enter this process as its user."""
    with _locked(root) as folder:
        (folder / "users").mkdir(exist_ok=True)
        (folder / "users" / str(os.getpid())).touch()
        found = find(root)
        if found is not None:
            return found
        port = free_port(port)
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipelines.engine.prefect_server", str(root), str(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=root,
                start_new_session=True,  # Ctrl-C is not its business
            )
        (folder / "server.json").write_text(json.dumps({"pid": process.pid, "port": port}))
        _STARTED[process.pid] = process
    return Server(url=_url(port), keeper=process.pid)


def find(root: Path) -> Server | None:
    """Return the project's own server if it runs."""
    try:
        known = json.loads((_folder(root) / "server.json").read_text())
    except (OSError, ValueError):
        return None
    return Server(url=_url(known["port"]), keeper=known["pid"]) if _lives(known["pid"]) else None


def _lives(keeper: int) -> bool:
    """Whether a keeper lives; one that this process started and that has ended is buried."""
    return _STARTED[keeper].poll() is None if keeper in _STARTED else is_alive(keeper)


def keep(root: Path, *, on: bool) -> None:
    """Make the keeper stay without users, or let it go."""
    with _locked(root) as folder:
        if on:
            (folder / "keep").touch()
        else:
            (folder / "keep").unlink(missing_ok=True)


def is_kept(root: Path) -> bool:
    """Whether `espalier up` asked for it to stay."""
    return (_folder(root) / "keep").exists()


def has_users(root: Path) -> bool:
    """Whether a process other than this one uses the server."""
    return is_kept(root) or _has_users(_folder(root))


def _url(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def _folder(root: Path) -> Path:
    return root / ".espalier" / "prefect"


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[Path]:
    """Hold the lock under which servers are found, started and given up."""
    folder = _folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def _has_users(folder: Path) -> bool:
    users = [path for path in (folder / "users").glob("*") if path.name.isdigit()]
    return (folder / "keep").exists() or any(is_alive(int(path.name)) for path in users)


def _digested(url: str) -> bool:
    """Whether no task of a run that has ended is still unfinished to the server: events arrive after the end."""
    unfinished = {"state": {"name": {"any_": ["Running", "Pending"]}}}  # "NotReady" is for ever
    ended = {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}}
    return not ask(url, "/task_runs/filter", {"task_runs": unfinished, "flow_runs": ended, "limit": 1})


def keeper(root: Path, port: int) -> None:
    """Run the server until it has no user left. The body of the keeper's process."""
    folder, url = _folder(root), _url(port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with (folder / "database.lock").open("a") as database:
        fcntl.flock(database, fcntl.LOCK_EX)  # the server before us may still be closing its database
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.engine.prefect_server", "serve", str(port), str(os.getpid())],
            env={**os.environ, **environment(root, url)},
        )
        try:
            idle_since = None
            while server.poll() is None:
                time.sleep(POLL_SECONDS)
                if _has_users(folder):
                    idle_since = None
                    continue
                idle_since = idle_since or time.monotonic()
                idle = time.monotonic() - idle_since
                if idle > DIGEST_SECONDS or (idle > 2.0 and _digested(url)):
                    with _locked(root):
                        if not _has_users(folder):
                            (folder / "server.json").unlink(missing_ok=True)
                            return
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)
            server.kill()


def serve(port: int, parent: int) -> None:
    """Become Prefect's server; it dies with its keeper."""
    die_with_parent(parent)
    os.nice(SERVER_NICENESS)
    prefect_database.prepare(Path(os.environ["PREFECT_HOME"]))
    from prefect.cli import app

    sys.argv = ["prefect", "server", "start", "--host", HOST, "--port", str(port)]
    app()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), int(sys.argv[3]))
    else:
        keeper(Path(sys.argv[1]), int(sys.argv[2]))
