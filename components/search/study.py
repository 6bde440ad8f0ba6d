"""The files of one search: its plans and its outcomes are the truth, everything else can be made again from them.

    plans/00003.json            generation 3: the parameters of its trials
    outcomes/00048.json         what became of trial 48 on the folds that judge
    outcomes-first-4/00048.json the same, when a pruner judged only the first 4 of its generation (the last one)
    completed/00048.json        what became of it on the folds it lacked
    members/00048/              its weights, while it is one of the best
    journal.log                 Optuna's mirror (`journal.py`)

Each file is written whole or not at all, so a kill at any moment leaves a study from which the search goes on. The
folder lies outside the outs of the stages, and is named by `study_key`. (Why plans can be trusted: `generations.py`.)
"""

import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from components.core.contracts import JSON, Outcome
from components.core.files import hash_json, read_json, write_json
from components.search.closing import Closed
from components.search.space import Value


def study_key(word: str, parts: Mapping[str, Any]) -> str:
    """Return the name of a study's folder: the stage's word, and a hash of all that decides its trials."""
    return f"{word}-{hash_json(parts)}"


class Study:
    """Reads and writes the files of one search.

    `num_trials` is what the user asked for (None: the clock decides). It only matters for a last generation that is not
    trained whole while `peers_matter`: a pruner's decision among 4 is another than among 16.
    """

    def __init__(self, folder: Path, *, generation: int, num_trials: int | None, peers_matter: bool) -> None:
        self.folder = folder
        self.generation = generation
        self.num_trials = num_trials
        self.members = folder / "members"
        self.journal = folder / "journal.log"
        self._peers_matter = peers_matter
        self._outcomes: dict[Path, Outcome] = {}
        self.members.mkdir(parents=True, exist_ok=True)
        for left_by_a_kill in folder.rglob(".*.tmp"):
            if left_by_a_kill.is_dir():
                shutil.rmtree(left_by_a_kill, ignore_errors=True)
            else:
                left_by_a_kill.unlink(missing_ok=True)

    def plan(self, generation: int) -> list[dict[str, Value]] | None:
        """Return the parameters of a generation's trials, or None when it has not been planned."""
        path = self._plan_path(generation)
        return read_json(path)["params"] if path.exists() else None

    def write_plan(self, generation: int, params: Iterable[Mapping[str, Value]], closed: Iterable[Closed] = ()) -> None:
        """Write a plan, once and for all, with the branches that it left out."""
        plan = {
            "generation": generation,
            "params": [dict(point) for point in params],
            "closed": [asdict(one) for one in closed],
        }
        write_json(self._plan_path(generation), plan)

    def closed(self, num_generations: int) -> list[Closed]:
        """Return the branches that the latest of the first so many generations was planned without."""
        path = self._plan_path(num_generations - 1)
        return [Closed(**one) for one in read_json(path)["closed"]] if path.exists() else []

    def outcome(self, number: int) -> Outcome | None:
        """Return what became of a trial on the folds that judge, or None."""
        return self._read(self._outcome_path(number))

    def record(self, outcome: Outcome, spec: JSON | None = None) -> None:
        """Write what became of a trial, and of which settings; its weights are on disk by now."""
        self._write(self._outcome_path(outcome.number), outcome, {} if spec is None else {"spec": spec})

    def completed(self, number: int) -> Outcome | None:
        """Return what became of a trial on the folds that it lacked, or None."""
        return self._read(self._completed_path(number))

    def record_completed(self, outcome: Outcome) -> None:
        """Write what became of a trial on the folds that it lacked."""
        self._write(self._completed_path(outcome.number), outcome)

    def member(self, number: int) -> Path:
        """Return the folder of a trial's weights, which may be absent."""
        return self.members / f"{number:05d}"

    def has_member(self, number: int) -> bool:
        """Whether the weights of a finished trial are still there."""
        return (self.member(number) / "member.json").exists()

    def member_numbers(self) -> list[int]:
        """Return the trials whose weights are on disk."""
        return sorted(int(path.name) for path in self.members.iterdir() if path.name.isdecimal())

    def remove_member(self, number: int) -> None:
        """Delete weights: renamed first, so that no half of a member is ever taken for one."""
        found = self.completed(number)
        if found is not None and found.state == "complete":  # that it failed there is still worth knowing
            self._completed_path(number).unlink()
            del self._outcomes[self._completed_path(number)]
        doomed = self.members / f".{number:05d}.tmp"
        if self.member(number).exists():
            self.member(number).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def _plan_path(self, generation: int) -> Path:
        return self.folder / "plans" / f"{generation:05d}.json"

    def _completed_path(self, number: int) -> Path:
        return self.folder / "completed" / f"{number:05d}.json"

    def _outcome_path(self, number: int) -> Path:
        first = number // self.generation * self.generation
        trained = self.generation if self.num_trials is None else self.num_trials - first
        whole = trained >= self.generation or trained <= 0 or not self._peers_matter
        return self.folder / ("outcomes" if whole else f"outcomes-first-{trained}") / f"{number:05d}.json"

    def _read(self, path: Path) -> Outcome | None:
        if path not in self._outcomes and path.exists():
            self._outcomes[path] = from_json(read_json(path))
        return self._outcomes.get(path)

    def _write(self, path: Path, outcome: Outcome, more: JSON = MappingProxyType({})) -> None:
        write_json(path, {**to_json(outcome), **more}, indent=None)
        self._outcomes[path] = from_json(read_json(path))  # what a later run will see


def finished(folder: Path) -> list[Outcome]:
    """Return what a study has finished so far, in order of number; for those who only look at it."""
    paths = sorted(folder.glob("outcomes*/*.json"), key=lambda path: (path.name, path.parent.name), reverse=True)
    whole_first = {path.name: path for path in paths}  # "outcomes" comes last in this order, and stays
    return [from_json(read_json(whole_first[name])) for name in sorted(whole_first)]


def spec_of(folder: Path, number: int) -> JSON | None:
    """Return the settled settings of a finished trial of a study, or None when they were not written down."""
    paths = sorted(folder.glob(f"outcomes*/{number:05d}.json"))
    return read_json(paths[0]).get("spec") if paths else None


def to_json(outcome: Outcome) -> JSON:
    """Return plain JSON without the folder; what is no number becomes null."""
    return {
        "number": outcome.number,
        "state": outcome.state,
        "cause": outcome.cause,
        "fold_scores": list(outcome.fold_scores_S),
        "curves": {
            name: [_or_null(value) for value in np.asarray(curve).tolist()] for name, curve in outcome.curves.items()
        },
        "rungs": {str(step): _or_null(float(score)) for step, score in outcome.rungs.items()},
        "facts": dict(outcome.facts),
        "notes": dict(outcome.notes),
    }


def from_json(value: JSON) -> Outcome:
    """Read what `to_json` returned."""
    return Outcome(
        number=value["number"],
        state=value["state"],
        cause=value["cause"],
        fold_scores_S=tuple(value["fold_scores"]),
        curves={
            name: np.array([math.nan if item is None else item for item in curve], dtype=np.float32)
            for name, curve in value["curves"].items()
        },
        rungs={int(step): math.nan if score is None else score for step, score in value["rungs"].items()},
        folder=None,
        facts=value["facts"],
        notes=value["notes"],
    )


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None
