"""Worker processes: real ones, with cheap tasks. The functions are importable: children get our sys.path."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.errors import UserMistake
from components.core.workers import Broken, Lost, Workers, alive


def make(factor):
    def handle(task):
        if task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "mistake":
            raise UserMistake("the column is empty")
        if task == "bug":
            raise ZeroDivisionError("ours")
        if task == "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
        if task == "slow":
            for _ in range(12):
                time.sleep(0.2)
                alive()
            return "slow"
        if task == "pid":
            return os.getpid(), os.environ["OMP_NUM_THREADS"]
        return factor * task

    return handle


def all_answers(workers, count):
    found = {}
    while len(found) < count:
        found |= dict(workers.answers(10))
    return found


def test_tasks_are_answered_by_several_processes_with_one_thread():
    with Workers(2, make, 10) as workers:
        workers.give("a", "pid")
        workers.give("b", "pid")
        assert workers.num_idle == 0
        found = all_answers(workers, 2)
        assert len({pid for pid, _ in found.values()} - {os.getpid()}) == 2
        assert {threads for _, threads in found.values()} == {"1"}
        workers.give("c", 4)
        assert all_answers(workers, 1) == {"c": 40}
    for pid, _ in found.values():
        with pytest.raises(ProcessLookupError, match="No such process"):
            os.kill(pid, 0)


def test_a_worker_that_dies_loses_one_task():
    with Workers(1, make, 10) as workers:
        workers.give("a", "die")
        lost = all_answers(workers, 1)["a"]
        assert isinstance(lost, Lost)
        assert lost.killed
        workers.give("b", 1)
        assert all_answers(workers, 1) == {"b": 10}


def test_one_that_hangs_is_killed_and_one_that_is_slow_is_not():
    """A hanging worker ignores SIGTERM; a slow one takes longer than the limit, but says that it lives."""
    with Workers(2, make, 1, hang_seconds=1.5) as workers:
        workers.give("a", "pid")
        workers.give("b", "pid")
        all_answers(workers, 2)
        workers.give("hangs", "hang")
        workers.give("is slow", "slow")
        found = all_answers(workers, 2)
        assert found["is slow"] == "slow"
        assert found["hangs"].hung
        assert not found["hangs"].killed  # not by the system, for memory
        workers.give("c", 3)
        assert all_answers(workers, 1) == {"c": 3}


def test_a_worker_that_ignores_everything_ends_with_the_others():
    with Workers(1, make, 1) as workers:
        workers.give("a", "pid")
        pid = all_answers(workers, 1)["a"][0]
        workers.give("hangs", "hang")
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.kill(pid, 0)


def test_a_users_mistake_arrives_as_itself_and_ours_with_its_place():
    with Workers(1, make, 10) as workers:
        workers.give("a", "mistake")
        with pytest.raises(UserMistake, match="the column is empty"):
            all_answers(workers, 1)
        workers.give("b", "bug")
        broken = all_answers(workers, 1)["b"]
        assert isinstance(broken, Broken)
        assert broken.headline == "ZeroDivisionError: ours"
        assert "test_workers.py" in broken.trace


def test_nobody_is_waited_for_longer_than_wanted():
    with Workers(1, make, 1) as workers:
        assert list(workers.answers(0)) == []


PARENT = """
import sys, time
sys.path.insert(0, {tests!r})
from components.core.workers import Workers
from test_workers import make
with Workers(1, make, 1) as workers:
    workers.give(0, "pid")
    while not (found := dict(workers.answers(10))): pass
    print(found[0][0], flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends them on Linux")
def test_workers_end_with_a_parent_that_is_killed():
    code = PARENT.format(tests=str(Path(__file__).parent))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    raise AssertionError("the worker lives on")
