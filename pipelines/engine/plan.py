"""What a run has to do: the stages that are not up to date, in DVC's order, and what each waits for.

A stage that Ctrl-C ended early is up to date for DVC, which knows nothing of wishes; it is marked in
`.espalier/stopped.json`, and the next run grows it on.
"""

import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.engine import budget, dvc_graph
from pipelines.engine.dvc_graph import Step

_marking = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The stages of a run, in DVC's order."""

    steps: tuple[Step, ...]
    forced: frozenset[str]
    cores: Mapping[str, int]  # for each branch; the others have all
    after: Mapping[str, tuple[str, ...]]  # upstream, and for a branch the one before it in its lane

    @property
    def pending(self) -> tuple[str, ...]:
        """The stages that may have to grow: changed, forced, or standing on one of these."""
        found: list[str] = []
        for step in self.steps:
            if step.changes or step.word in self.forced or any(word in found for word in step.upstream):
                found.append(step.word)
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        """All stages of the run."""
        return tuple(step.word for step in self.steps)


def make_plan(root: Path, *, stage: str, force: bool, parallel: int, total_cores: int) -> Plan:
    """Ask DVC what has changed; keep `stage` and what it stands on, or everything when it is empty."""
    steps = dvc_graph.read_steps(root)
    if stage:
        wanted = {stage}
        for step in reversed(steps):
            if step.word in wanted:
                wanted.update(step.upstream)
        steps = [step for step in steps if step.word in wanted]
    words = [step.word for step in steps]
    forced = set(read_stopped(root)) & set(words)
    if force:
        forced |= {stage} if stage else set(words)
    after = {step.word: step.upstream for step in steps}
    cores = {}
    after_search = frozenset(step.word for step in steps if step.word in budget.SHARES and "search" in step.upstream)
    for lane, lane_cores in budget.lanes(parallel, total_cores, after_search):
        here = sorted((word for word in words if word in lane), key=after_search.__contains__)
        cores.update(dict.fromkeys(here, lane_cores))
        for before, word in itertools.pairwise(here):
            after[word] = (*after[word], before)
    return Plan(steps=tuple(steps), forced=frozenset(forced), cores=cores, after=after)


def read_stopped(root: Path) -> tuple[str, ...]:
    """Return the stages that ended early by Ctrl-C: up to date for DVC, but to be grown on by the next run."""
    try:
        return tuple(json.loads((root / ".espalier" / "stopped.json").read_text()))
    except (OSError, ValueError):
        return ()


def mark_stopped(root: Path, word: str, *, stopped: bool) -> None:
    """Note that Ctrl-C ended a stage early, or that it has since ended by itself."""
    with _marking:
        words = {*read_stopped(root), word} if stopped else {*read_stopped(root)} - {word}
        path = root / ".espalier" / "stopped.json"
        if words:
            path.write_text(json.dumps(sorted(words)))
        else:
            path.unlink(missing_ok=True)
