"""What a run tells at the moment it is known: the task, what an earlier attempt has left, and since when it is usable.

Usable means that Ctrl-C would now end in a model: the first trial has its score, or the bagged members are grown. The
same facts stand in `espalier run --json`.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.project.params import Params
from pipelines.engine import ledger
from pipelines.engine.budget import SHARES
from pipelines.engine.events import Event
from pipelines.engine.headline import data_line, task_is_open
from pipelines.engine.plan import Plan
from pipelines.engine.stage import Progress
from pipelines.engine.terminal import Terminal, minutes


@dataclass(frozen=True, kw_only=True)
class FoundAgain:
    """What a branch found of an attempt that Ctrl-C, a kill or a crash had ended."""

    found: int
    of: int  # trials that it had finished
    noun: str  # networks, boosters
    spent_seconds: float  # by the tree so far: the stages that are kept, and this one's earlier attempts

    def sentence(self, budget_seconds: float | None) -> str:
        """Write `Going on where it stopped: 268 of 268 networks found again, 3:02 of 10:00 spent.`."""
        of = "" if budget_seconds is None else f" of {minutes(budget_seconds)}"
        again = f"{self.found} of {self.of} {self.noun} found again"
        return f"Going on where it stopped: {again}, {minutes(self.spent_seconds)}{of} spent."


class Milestones:
    """Listens to the events of one run."""

    def __init__(self, root: Path, params: Params, plan: Plan, began: float, terminal: Terminal) -> None:
        self.usable_since: float | None = None  # seconds after the run's start
        self.found_again: dict[str, FoundAgain] = {}
        self._root = root
        self._params = params
        self._plan = plan
        self._began = began
        self._terminal = terminal
        self._spent: dict[str, float] = {}  # by earlier attempts of a branch
        if any(word in SHARES and word not in plan.pending for word in plan.words):
            self.usable_since = 0.0  # there is a model from before

    def listen(self, event: Event) -> None:
        """Take one event in; say what is new."""
        if event.stage == "validate" and event.kind in ("done", "restored") and task_is_open(self._plan):
            self._say_the_task()
        if event.stage not in SHARES:
            return
        if event.kind == "begun":
            self._spent[event.stage] = event.seconds
        progress = Progress(**(event.progress or {}))
        if progress.found is not None and self._spent.get(event.stage):
            self._find(event.stage, progress)
        if progress.best is not None or event.kind in ("done", "stopped", "restored"):
            self._usable(event.at)

    def facts(self) -> dict[str, Any]:
        """Return the same as plain JSON."""
        found = {word: asdict(one) for word, one in self.found_again.items()}
        return {"usable_since_seconds": self.usable_since, "found_again": found}

    def _say_the_task(self) -> None:
        if line := data_line(self._root, self._params):
            self._terminal.say(line)

    def _find(self, word: str, progress: Progress) -> None:
        assert progress.found is not None
        last = ledger.last_by_stage(self._root)
        kept = sum(line.seconds for name, line in last.items() if name not in self._plan.pending)
        found = FoundAgain(
            found=progress.found,
            of=progress.total or progress.found,
            noun=progress.noun,
            spent_seconds=kept + self._spent[word],
        )
        self.found_again[word] = found
        self._terminal.say(found.sentence(self._params.seconds))

    def _usable(self, at: float) -> None:
        if self.usable_since is None:
            self.usable_since = max(0.0, at - self._began)
            self._terminal.usable(self.usable_since, time.localtime(at))
