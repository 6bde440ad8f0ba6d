"""Some candidates of one structure, trained together: their folds are the rows of populations of at most K rows.

Nothing a candidate becomes depends on who else is in its group (tests/training): the group is there for speed, and may
be another after every rung, on another worker, or after a crash.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from components.training.candidate_run import CandidateRun
from components.training.paused import State, packed, restore, state_of, unpacked
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

    def rest(self, run: CandidateRun, path: Path) -> None:
        """Write all of a run that has changed to a file."""
        from safetensors.torch import save_file

        tensors = packed([state_of(self._at[model.row.candidate, model.row.fold][0], model) for model in run.models])
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary)
        temporary.replace(path)  # not waited for until it is on the disk: a new call begins without resting files

    def _resume(self, resting: Sequence[Path]) -> None:
        from safetensors.torch import load_file

        states: dict[tuple[int, int], State] = {}
        for run, path in zip(self.runs, resting, strict=True):
            found = unpacked(load_file(path))
            states |= {(row.candidate, row.fold): state for row, state in zip(run.rows, found, strict=True)}
        for population in self._populations:
            restore(population, [states[model.row.candidate, model.row.fold] for model in population.began])
