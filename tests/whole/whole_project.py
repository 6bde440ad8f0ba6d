"""A real project on a small table, and real commands in it: `espalier init`, `espalier set`, then either engine."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sklearn.datasets import load_wine

from pipelines.cli import main
from pipelines.engine.dvc_yaml import TREE

BINARIES = Path(sys.executable).parent
SOURCE = "wine.csv"
TARGET = "cultivar"
SETTINGS = (
    "split.folds=2",
    "search.trials=6",
    "search.generation=2",  # three generations: there is a middle to be killed in
    "search.keep=2",
    "search.training.epochs=6",
    "boosting.trials=2",
    "boosting.keep=1",
    "boosting.trees.rounds=20",
    "bagging.trees=20",
    "evaluate.resamples=100",
)
GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost")


@dataclass
class Project:
    """A project's folder, and what is done in it from outside."""

    root: Path
    seen: int = 0  # lines of the ledger that `grew` has reported
    said: str = ""  # by the run that grew it
    ran: tuple[str, ...] = ()  # the stages that it ran

    def start(self, *command: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen:
        """Start a command as a user's shell would, with the environment of the tests' interpreter activated."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "DVC", "ESPALIER"))
        }
        environment["PATH"] = os.pathsep.join([str(BINARIES), environment.get("PATH", os.defpath)])
        environment["DO_NOT_TRACK"] = environment["DVC_NO_ANALYTICS"] = "1"
        return subprocess.Popen(
            command,
            cwd=cwd or self.root,
            env=environment | variables,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def do(self, *command: str, status: int = 0, cwd: Path | None = None) -> str:
        """Run a command to its end; return all that it said, what it printed first."""
        return ended(self.start(*command, cwd=cwd), status=status)[0]

    def look(self, *words: str, status: int = 0) -> str:
        """Run an `espalier` command that only reads or writes params.yaml, inside this process: its start is spared."""
        said = io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            found = main(list(words))
        assert found == status, f"{words} ended with {found}:\n{said.getvalue()}"
        return said.getvalue()

    def json(self, *command: str) -> object:
        """Run a command that prints JSON and nothing else."""
        process = self.start(*command)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, f"{command} ended with {process.returncode}:\n{out}\n{err}"
        return json.loads(out)

    def grew(self) -> list[str]:
        """Return the stages whose function ran since the last look, in the order of the tree."""
        path = self.root / ".espalier" / "ledger.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        new, self.seen = lines[self.seen :], len(lines)
        return sorted((line["stage"] for line in new if line["state"] == "done"), key=list(TREE).index)

    def files(self, below: str = "data") -> dict[str, bytes]:
        """Return the bytes of all outs that are compared: the report shows times, and .gitignore is DVC's own."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted((self.root / below).rglob("*"))
            if path.is_file() and path.name not in ("report.html", ".gitignore")
        }

    def copy(self, root: Path) -> "Project":
        """Return a copy that a test may change. Nothing in it points back."""
        return Project(shutil.copytree(self.root, root, symlinks=True), self.seen)


Pair = tuple[Project, Project]  # grown by `espalier run`, grown by `dvc repro`


def ended(*processes: subprocess.Popen, status: int = 0) -> list[str]:
    """Wait for commands that run side by side; return all that each said, what it printed first."""
    said = [process.communicate(timeout=300) for process in processes]
    for process, (out, err) in zip(processes, said, strict=True):
        assert process.returncode == status, f"{process.args} ended with {process.returncode}:\n{out}\n{err}"
        assert "Traceback" not in err, err
    return [out + err for out, err in said]


def make_project(root: Path) -> Project:
    """Write the table, then do what a newcomer does, up to the first run."""
    root.mkdir(parents=True)
    wine = load_wine(as_frame=True)
    frame = wine.data.assign(**{TARGET: [f"class_{number}" for number in wine.target]})
    frame.to_csv(root / SOURCE, index=False)
    project = Project(root)
    project.do("espalier", "init", "--data", SOURCE, "--target", TARGET, "--seconds", "none")
    project.do("espalier", "set", *SETTINGS)
    return project


def commit(project: Project) -> None:
    """Commit what git sees: code and numbers, no data."""
    project.do(*GIT, "add", "--all")
    project.do(*GIT, "commit", "--quiet", "--message", "grown")


def events(project: Project) -> list[dict]:
    """Return what the stages of the newest run have told."""
    newest = max((project.root / ".espalier" / "runs").iterdir())
    lines = (newest / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
