"""Mirror a study into an Optuna journal, which the Optuna dashboard opens.

Optuna never decides from it: `study.py`'s files are the truth, are written first, and the mirror follows. A journal
that a kill left unreadable, or that tells another story than the files, is written anew from them.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.contracts import Outcome
from components.core.lazy import lazy
from components.core.ranges import Group
from components.search.failures import message_of, word_of
from components.search.generations import Planner
from components.search.journal_file import backend
from components.search.learning_note import learning_note
from components.search.objectives import SCORE_ALONE, Objective, directions, values_of
from components.search.space import distribution, parameters_of
from components.search.study import Study

if TYPE_CHECKING:
    import optuna
else:
    optuna = lazy("optuna")


class Journal:
    """The mirror of one study. Trials are numbered as in the files."""

    def __init__(
        self,
        study: Study,
        space: Group,
        planner: Planner,
        *,
        greater_is_better: bool,
        objectives: Sequence[Objective] = SCORE_ALONE,
    ) -> None:
        self._files = study
        self._space = space
        self._planner = planner
        self._objectives = tuple(objectives)
        self._directions = directions(objectives, greater_is_better=greater_is_better)
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
            trial = self._study.get_trials(deepcopy=False)[number]
            if trial.state == optuna.trial.TrialState.WAITING:
                self._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.RUNNING)

    def left(self) -> None:
        """Show what was begun and has no outcome as waiting: nobody trains it until the next run."""
        for trial in self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
            self._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.WAITING)

    def finished(self, outcome: Outcome) -> None:
        """Show what became of a trial."""
        self.planned([outcome.number])
        trial = self._study.get_trials(deepcopy=False)[outcome.number]
        if trial.state.is_finished():
            return
        with self._backend.together():  # a dozen lines, written and synced once
            for step, score in outcome.rungs.items():
                if not math.isnan(score):
                    self._storage.set_trial_intermediate_value(trial._trial_id, step, score)
            for name, value in _attributes(outcome).items():
                self._storage.set_trial_user_attr(trial._trial_id, name, value)
            self._write_note(trial._trial_id, outcome)
        self._study.tell(outcome.number, values_of(outcome, self._objectives), _state(outcome))

    def _open(self, path: Path) -> None:
        self._backend = backend(path)
        self._storage = optuna.storages.JournalStorage(self._backend)
        self._study = optuna.create_study(
            study_name=self._files.folder.name,
            storage=self._storage,
            directions=self._directions,
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
            values = values_of(outcome, self._objectives)
            if values is not None and tuple(trial.values) != values:
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
                values=None if outcome is None else values_of(outcome, self._objectives),
                params=params,
                distributions={path: distribution(it) for path, it in parameters_of(self._space, params).items()},
                intermediate_values=rungs,
                user_attrs={} if outcome is None else _attributes(outcome),
            )
        )
        if outcome is not None:
            self._write_note(self._study.get_trials(deepcopy=False)[number]._trial_id, outcome)

    def _write_note(self, trial_id: int, outcome: Outcome) -> None:
        """Leave the learning curve where the dashboard shows the notes of a trial.

        The keys are those of `optuna_dashboard.save_note`, whose import costs two seconds.
        """
        study_id, place = self._study._study_id, f"dashboard:{trial_id}:"
        self._storage.set_study_system_attr(study_id, f"{place}note_str:0", learning_note(outcome))
        self._storage.set_study_system_attr(study_id, f"{place}note_ver", 1)


def _is_torn(journal: Path) -> bool:
    """Whether the last line is half a line: Optuna would write the next one behind it, and read neither."""
    text = journal.read_bytes() if journal.exists() else b""
    return bool(text) and not text.endswith(b"\n")


def _state(outcome: Outcome) -> "optuna.trial.TrialState":
    states = optuna.trial.TrialState
    return {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[outcome.state]


def _attributes(outcome: Outcome) -> dict[str, object]:
    shown: dict[str, object] = {"fold_scores": list(outcome.fold_scores_S)} if outcome.fold_scores_S else {}
    if outcome.cause:
        shown |= {"cause": word_of(outcome.cause)}
        shown |= {"message": message} if (message := message_of(outcome.cause)) else {}
    return shown | dict(outcome.facts) | dict(outcome.notes)
