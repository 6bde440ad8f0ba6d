"""A user's project, and real commands in it: what they say, how they end, and what they leave behind."""

import contextlib
import io
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli import main
from pipelines.engine.runner import run_stage

BINARIES = Path(sys.executable).parent
CHECK = ("espalier", "check")
RUN = ("espalier", "run")


PARAMS = """\
seconds: none
seed: 0
metric: auto
ingest: {source: t.csv}
validate: {target: y}
split: {folds: 2}
augment: {}
search: {trials: 1}
boosting: {trials: 1}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""
MOUNT = "mount -t tmpfs -o size={size} tmpfs {folder}"


def in_own_mounts(script: str) -> tuple[str, ...]:
    """A shell script that sees disks of its own, mounted by it and gone with it; no rights of the machine's needed."""
    return ("unshare", "-rm", "sh", "-c", script)


CAN_MOUNT = (
    shutil.which("unshare") is not None
    and subprocess.run(
        in_own_mounts(MOUNT.format(size="8k", folder="/mnt")), capture_output=True, check=False
    ).returncode
    == 0
)


def rows(number: int = 60) -> list[str]:
    """Lines of a good table: a number, a level, yes or no."""
    draw = random.Random(0)
    return [f"{draw.random():.4f},{draw.choice('uvw')},{draw.choice(['yes', 'no'])}" for _ in range(number)]


def table(*lines: str) -> str:
    return "\n".join(["a,b,y", *lines]) + "\n"


def stage(word: str) -> tuple[str, ...]:
    """The command that dvc.yaml has for a stage."""
    return ("python", "-P", "-m", "pipelines", word)


@dataclass(frozen=True)
class Said:
    """What a command said on both streams, and its exit status."""

    command: tuple[str, ...]
    status: int
    text: str

    @property
    def words(self) -> str:
        """The text on one line: `check` breaks sentences at the width of the terminal."""
        return " ".join(self.text.split())


@dataclass(frozen=True)
class Project:
    """A project's folder."""

    root: Path

    def say(self, *commands: tuple[str, ...]) -> list[Said]:
        """Run commands side by side, each as a user's shell would; none of them may show a stack trace."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "DVC", "ESPALIER"))
        }
        environment["PATH"] = os.pathsep.join([str(BINARIES), environment.get("PATH", os.defpath)])
        environment["DO_NOT_TRACK"] = environment["DVC_NO_ANALYTICS"] = environment["OMP_NUM_THREADS"] = "1"
        started = [
            subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for command in commands
        ]
        said = []
        for command, process in zip(commands, started, strict=True):
            text, _ = process.communicate(timeout=300)
            assert "Traceback" not in text, f"{command} ended with {process.returncode}:\n{text}"
            said.append(Said(command, process.returncode, text))
        return said

    def say_here(self, *commands: tuple[str, ...]) -> list[Said]:
        """The same inside this process, one after another: their starts, half a second and more each, are spared."""
        said = []
        for command in commands:
            told = io.StringIO()
            with contextlib.chdir(self.root), contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
                *_, word = command
                status = main([word]) if command[0] == "espalier" else run_stage(word, self.root)
            assert "Traceback" not in told.getvalue(), told.getvalue()
            said.append(Said(command, status, told.getvalue()))
        return said

    def refuse(self, *commands: tuple[str, ...], status: int = 2, here: bool = False) -> list[Said]:
        """Run commands that must all end with this status, and leave every out as it was; `here`: in this process."""
        before = self.outs()
        said = self.say_here(*commands) if here else self.say(*commands)
        for one in said:
            assert one.status == status, f"{one.command} ended with {one.status}:\n{one.text}"
        assert self.outs() == before
        return said

    def outs(self) -> dict[str, bytes]:
        """Return the bytes of everything below data/, torn folders and hidden files among it."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() if path.is_file() else b""
            for path in sorted((self.root / "data").rglob("*"))
            if path.name != ".gitignore"  # DVC's own
        }

    def write(self, content: bytes | str, name: str = "t.csv") -> None:
        """Write a file as a user would: under its name."""
        (self.root / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def set(self, **lines: str) -> None:
        """Replace whole sections (one line each) of params.yaml."""
        path = self.root / "params.yaml"
        text = "".join(
            f"{word}: {lines.get(word, value)}\n"
            for word, _, value in (line.partition(": ") for line in path.read_text().splitlines())
        )
        path.write_text(text)

    def copy(self, root: Path) -> "Project":
        """Return a copy that a test may change."""
        return Project(shutil.copytree(self.root, root, symlinks=True))
