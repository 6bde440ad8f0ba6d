"""Some candidates of one structure, trained together: their folds are the rows of populations of at most K rows.

Nothing a candidate becomes depends on who else is in its group (tests/training): the group is there for speed, and may
be another after every rung, on another worker, or after a crash.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from components.training import resting_files
from components.training.candidate_run import CandidateRun
from components.training.paused import State, restore, state_of
from components.training.population import Population, group
from components.training.scoring import Scoring


class GroupRun:
    """Trains runs; takes them up from files, and lays them down in files, each by itself."""

    def __init__(
        self,
        runs: Sequence[CandidateRun],
        scoring: Scoring,
        *,
        most_rows: int,
        parts: int = 1,
        resting: Sequence[Path] = (),
    ) -> None:
        """`most_rows`: K, at most. `parts`: pieces of a batch (`Stepper`). `resting`: where each run rests; none: all
        begin."""
        self.runs = runs
        first = runs[0]
        error = scoring.error if scoring.metric.needs == "label" else None
        resident = scoring.prepared.resident
        rows = [row for run in runs for row in run.rows]
        self._populations = [
            Population(first.network, part[start : start + most_rows], resident, first.loss, error, parts)
            for part in group(rows, resident)
            for start in range(0, len(part), most_rows)
        ]
        self._at = {
            (model.row.candidate, model.row.fold): (population, model)
            for population in self._populations
            for model in population.began
        }
        for run in runs:
            run.parts = parts
            at = [self._at[row.candidate, row.fold] for row in run.rows]
            run.models = [model for _, model in at]
            run.together = max(len(population.began) for population, _ in at)
        if resting:
            self._resume(resting)

    def train(self, until: int | None, cut_off: Callable[[], bool]) -> frozenset[int]:
        """Train up to an epoch (None: to the end). Returns the candidates that were cut off on the way."""
        lost: set[int] = set()
        cut: set[int] = set()
        for population in self._populations:
            population.drop(lost)
            longest = max(model.row.training.epochs for model in population.began)
            if cut or not population.train(longest if until is None else until, cut_off):
                cut |= {model.row.candidate for model in population.models}
            lost |= {model.row.candidate for model in population.began if model.diverged}
        return frozenset(cut)

    @property
    def not_captured(self) -> str | None:
        """Why steps on a GPU are no graphs; None: they are."""
        causes = (population.not_captured for population in self._populations)
        return next((cause for cause in causes if cause is not None), None)

    def rest(self, paths: Mapping[int, Path]) -> None:
        """Write all of these candidates that has changed."""
        state = {
            f"{number} {name}": part
            for number, population in enumerate(self._populations)
            if (models := [model for model in population.began if model.row.candidate in paths])
            for name, part in state_of(population, models).items()
        }
        if state:
            resting_files.write(state, list(paths.values()))

    def _resume(self, resting: Sequence[Path]) -> None:
        states: list[State] = []
        for found in resting_files.read(resting):
            of_population: dict[str, State] = {}
            for key, part in found.items():
                number, name = key.split()
                of_population.setdefault(number, {})[name] = part
            states += of_population.values()
        for population in self._populations:
            restore(population, states)
