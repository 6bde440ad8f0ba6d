"""The warm process alone: who asks it gets its own folder, environment and output, or does it alone."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.engine import warm
from pipelines.engine.ask_warm import LOADING_SECONDS, SOCKET
from pipelines.engine.processes import Surroundings

ROOT = Path(__file__).parents[2]
ASK = "import sys; from pipelines.engine.ask_warm import ask; print(ask(sys.argv[1]), flush=True)"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder without params.yaml, in which a warm process answers: each stage of it ends with status 2."""
    with warm.process(tmp_path):
        wait_for_answers(tmp_path)
        yield tmp_path


def wait_for_answers(folder: Path) -> None:
    end = time.monotonic() + 60
    while not (folder / SOCKET).exists():
        assert time.monotonic() < end, "it does not answer"
        time.sleep(0.05)


def ask(folder: Path, word: str, python: str = sys.executable, **variables: str) -> tuple[list[str], list[dict]]:
    """Ask from a process of its own; return what was printed, and what the stage told."""
    run = folder / ".espalier" / "runs" / "one"
    run.mkdir(parents=True, exist_ok=True)
    around = Surroundings(run="one", folder=run, parent=os.getpid()).environment()
    environment = {**os.environ, **around, **variables}
    done = subprocess.run([python, "-P", "-c", ASK, word], cwd=folder, env=environment, capture_output=True, text=True)
    events = run / "events.jsonl"
    told = events.read_text().splitlines() if events.exists() else []
    return done.stdout.splitlines() + done.stderr.splitlines(), [json.loads(line) for line in told]


@pytest.mark.parametrize("word", ["ingest", "search"])  # of the light ones; and one that calls for the second process
def test_a_stage_ends_with_its_own_status_and_says_its_own_words(folder: Path, word: str) -> None:
    for _ in range(2):
        said, events = ask(folder, word)
        assert said[-1] == "2"
        assert events[-1]["stage"] == word
        assert "There is no params.yaml in" in events[-1]["text"]
        assert str(folder) in events[-1]["text"]
    assert len(events) == 2


def test_the_stage_has_the_environment_and_the_rights_of_who_asks(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    ask(folder, "split", ESPALIER_FOLDER=str(other))
    assert (other / "split.log").exists()  # its output goes where its environment says
    mask = os.umask(0o22)
    os.umask(mask)
    assert (other / "events.jsonl").stat().st_mode & 0o777 == 0o666 & ~mask
    assert (folder / SOCKET).stat().st_mode & 0o077 == 0  # nobody else may ask


def test_outside_of_a_run_and_without_a_warm_process_a_stage_runs_alone(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert ask(elsewhere, "split")[0] == ["None"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESPALIER")}
    command = [sys.executable, "-P", "-c", ASK, "split"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_another_interpreter_runs_its_stages_alone(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.symlink_to(Path(sys.executable).resolve())
    assert ask(folder, "split", str(other), PYTHONPATH=str(ROOT))[0] == ["None"]


def test_code_that_was_changed_meanwhile_is_not_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, project = tmp_path / "code", tmp_path / "project"
    project.mkdir()
    for name in ("components", "pipelines"):
        shutil.copytree(ROOT / name, code / name)
    monkeypatch.setenv("PYTHONPATH", str(code))
    with warm.process(project):
        wait_for_answers(project)
        assert ask(project, "split")[0][-1] == "2"
        (code / "components" / "core" / "table.py").touch()
        assert ask(project, "split")[0] == ["None"]


def test_libraries_are_loaded_when_there_is_time_for_them_and_once(folder: Path) -> None:
    """What grows trees beside the first stage; torch beside the first branch, on top of that. A branch waits."""
    assert loaded() == [set()]
    ask(folder, "ingest")
    ask(folder, "split")
    assert len(loaded()) == 2
    ask(folder, "bagging")
    assert loaded()[:2] == [set(), {"sklearn"}]
    ask(folder, "search")
    assert loaded() == [set(), {"sklearn"}, {"sklearn", "torch"}]


def test_a_branch_waits_for_nobody_who_was_killed(folder: Path) -> None:
    ask(folder, "ingest")
    _, loading = warm_ones()
    os.kill(loading, signal.SIGKILL)
    began = time.monotonic()
    assert ask(folder, "bagging")[0][-1] == "2"
    assert time.monotonic() - began < LOADING_SECONDS


def test_a_branch_that_comes_first_has_all_loaded_beside_it(folder: Path) -> None:
    ask(folder, "search")
    ask(folder, "stacking")
    assert loaded() == [set(), {"sklearn", "torch"}]


def loaded() -> list[set[str]]:
    """Return which of two large libraries each warm process has loaded, the first one first."""
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in warm_ones()]
    files = {"sklearn": "/sklearn/tree/", "torch": "/libtorch_cpu.so"}
    return [{name for name, file in files.items() if file in text} for text in maps]


def warm_ones() -> list[int]:
    """Return the warm processes that this one has started, and their forks, the first one first."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # of another test of this worker, ended
            found += [one.pid] if "pipelines.engine.warm" in one.cmdline() else []
    return sorted(found)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with warm.process(tmp_path):
        wait_for_answers(tmp_path)
        ask(tmp_path, "stacking")
    assert list((tmp_path / SOCKET).parent.glob("warm*")) == []
