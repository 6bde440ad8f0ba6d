"""Mirror a study into an Optuna journal, which the Optuna dashboard opens.

Optuna never decides from it: `study.py`'s files are the truth, are written first, and the mirror follows. A journal
that a kill left unreadable, or that tells another story than the files, is written anew from them.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from components.core.contracts import Outcome
from components.core.lazy import lazy
from components.core.ranges import Group
from components.search.generations import Planner
from components.search.samplers import score_of
from components.search.space import distribution, parameters_of
from components.search.study import Study

if TYPE_CHECKING:
    import optuna
else:
    optuna = lazy("optuna")


class Journal:
    """The mirror of one study. Trials are numbered as in the files."""

    def __init__(self, study: Study, space: Group, planner: Planner, *, greater_is_better: bool) -> None:
        self._files = study
        self._space = space
        self._planner = planner
        self._direction: Literal["maximize", "minimize"] = "maximize" if greater_is_better else "minimize"
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study.journal.with_name(study.journal.name + ".lock").unlink(missing_ok=True)  # left by a kill: we run alone
        if _is_torn(study.journal):
            study.journal.unlink()
        self._open(study.journal)
        if not self._agrees():
            study.journal.unlink()
            self._open(study.journal)

    def planned(self, numbers: Iterable[int]) -> None:
        """Show these trials as running, or as what became of them."""
        for number in sorted(numbers):
            while (following := self._num_trials()) <= number:
                self._add(following)

    def finished(self, outcome: Outcome) -> None:
        """Show what became of a trial."""
        self.planned([outcome.number])
        trial = self._study.get_trials(deepcopy=False)[outcome.number]
        if trial.state.is_finished():
            return
        for step, score in outcome.rungs.items():
            if not math.isnan(score):
                self._storage.set_trial_intermediate_value(trial._trial_id, step, score)
        for name, value in _attributes(outcome).items():
            self._storage.set_trial_user_attr(trial._trial_id, name, value)
        self._study.tell(outcome.number, score_of(outcome), _state(outcome))

    def _open(self, path: Path) -> None:
        from optuna.storages.journal import JournalFileBackend

        self._storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        self._study = optuna.create_study(
            study_name=self._files.folder.name,
            storage=self._storage,
            direction=self._direction,
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),  # never asked
        )

    def _num_trials(self) -> int:
        return len(self._study.get_trials(deepcopy=False))

    def _agrees(self) -> bool:
        """Whether every trial is the one that the files plan under its number, and ended as they say."""
        for trial in self._study.get_trials(deepcopy=False):
            if self._files.plan(trial.number // self._files.generation) is None:
                return False
            if trial.params != self._planner.params(trial.number):
                return False
            outcome = self._files.outcome(trial.number)
            if not trial.state.is_finished():
                continue
            if outcome is None or trial.state != _state(outcome):
                return False
            if outcome.state == "complete" and trial.value != score_of(outcome):
                return False
        return True

    def _add(self, number: int) -> None:
        """Add a trial in one line of the journal, finished or running."""
        params = self._planner.params(number)
        outcome = self._files.outcome(number)
        rungs = {} if outcome is None else {step: value for step, value in outcome.rungs.items() if value == value}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING if outcome is None else _state(outcome),
                value=None if outcome is None else score_of(outcome),
                params=params,
                distributions={path: distribution(it) for path, it in parameters_of(self._space, params).items()},
                intermediate_values=rungs,
                user_attrs={} if outcome is None else _attributes(outcome),
            )
        )


def _is_torn(journal: Path) -> bool:
    """Whether the last line is half a line: Optuna would write the next one behind it, and read neither."""
    text = journal.read_bytes() if journal.exists() else b""
    return bool(text) and not text.endswith(b"\n")


def _state(outcome: Outcome) -> "optuna.trial.TrialState":
    states = optuna.trial.TrialState
    return {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[outcome.state]


def _attributes(outcome: Outcome) -> dict[str, object]:
    shown: dict[str, object] = {"fold_scores": list(outcome.fold_scores_S)} if outcome.fold_scores_S else {}
    return shown | ({"cause": outcome.cause} if outcome.cause else {}) | dict(outcome.facts)
