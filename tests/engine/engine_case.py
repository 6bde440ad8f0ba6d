"""A project of stand-in stages (see `stand_in.py`), and real commands in it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.engine.dvc_yaml import TREE, render

HERE = Path(__file__).parent
BINARIES = Path(sys.executable).parent
PARAMS = """\
seconds: none
seed: 0
metric: auto
ingest:
  source: table.csv
"""


@dataclass(frozen=True)
class Project:
    """A project's folder, and what is done in it from outside."""

    root: Path
    espalier: tuple[str, ...] = (sys.executable, str(HERE / "espalier_here.py"))  # the command's beginning
    server: str | None = None  # a Prefect server that is up already; None: the project's own

    def start(self, *command: str) -> subprocess.Popen:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "DVC"))}
        environment["PATH"] = os.pathsep.join([str(BINARIES), environment.get("PATH", "")])
        environment["DO_NOT_TRACK"] = environment["DVC_NO_ANALYTICS"] = environment["PYTHONFAULTHANDLER"] = "1"
        if self.server is not None:
            environment["PREFECT_API_URL"] = self.server
        words = (*self.espalier, *command[1:]) if command[0] == "espalier" else command
        return subprocess.Popen(
            words,
            cwd=self.root,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a group of its own, as in a terminal: `press_ctrl_c`
        )

    def do(self, *command: str, status: int = 0) -> str:
        """Run a command to its end; return all that it said."""
        process = self.start(*command)
        out, err = finish(process)
        assert process.returncode == status, f"{command} ended with {process.returncode}:\n{out}\n{err}"
        return out + err

    def calls(self) -> list[str]:
        """Return the stages whose function was called since the last look, in order of the tree."""
        path = self.root / ".espalier" / "calls.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted((line.split()[0] for line in lines), key=list(TREE).index)

    def set(self, word: str, value: str) -> None:
        """Write one section of params.yaml."""
        path = self.root / "params.yaml"
        lines = [f"{word}: {value}" if line.startswith(f"{word}:") else line for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")

    def data(self) -> dict[str, bytes]:
        """Return the bytes of all outs."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted((self.root / "data").rglob("*"))
            if path.is_file() and path.name != ".gitignore"
        }

    def ledger(self) -> list[dict]:
        path = self.root / ".espalier" / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def press_ctrl_c(process: subprocess.Popen) -> None:
    """Interrupt the command and all that it started, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


def finish(process: subprocess.Popen, seconds: float = 120.0) -> tuple[str, str]:
    """Wait for the end and return both outputs; a process that hangs shows where."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # PYTHONFAULTHANDLER prints all stacks
        raise AssertionError("it hangs:\n" + "\n".join(process.communicate())) from None


def run_quietly(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def make_project(root: Path, source: str = "table.csv") -> Project:
    """Write a project of stand-ins, under git and DVC. Its code is nobody's dependency."""
    root.mkdir(parents=True)
    (root / "table.csv").write_text("a,b\n1,2\n3,4\n")
    (root / "params.yaml").write_text(PARAMS + "".join(f"{word}: {{}}\n" for word in TREE if word != "ingest"))
    lines = render("project", source).splitlines(keepends=True)
    text = "".join(line for line in lines if "espalier.lock" not in line)
    stand_in = f"{sys.executable} {HERE / 'stand_in.py'}"
    (root / "dvc.yaml").write_text(text.replace("python -P -m pipelines", stand_in))
    (root / ".gitignore").write_text(
        "/data/*\n!/data/evaluate/\n/data/evaluate/*\n!/data/evaluate/metrics.json\n/.espalier/\n"
    )
    (root / ".dvcignore").write_text("__pycache__\n.espalier\n")
    run_quietly(root, "git", "init", "-q")
    run_quietly(root, str(BINARIES / "dvc"), "init", "-q")
    run_quietly(root, str(BINARIES / "dvc"), "config", "core.analytics", "false")
    return Project(root)


def wait_for(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Return what the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found


def running(project: Project, word: str) -> int:
    """Return the process of a stage that has begun in the newest run and told no end; 0 when there is none."""
    here = [event for event in events(project) if event["stage"] == word and event["kind"] != "progress"]
    return here[0]["pid"] if len(here) == 1 and here[0]["kind"] == "begun" else 0


def events(project: Project) -> list[dict[str, Any]]:
    """Return what the stages of the newest run have told."""
    folders = sorted((project.root / ".espalier" / "runs").iterdir())
    path = folders[-1] / "events.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]
