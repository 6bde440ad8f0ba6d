"""Evaluate candidates of a search: networks, trained on worker processes, compared at rungs.

A task is some candidates of one structure up to their next rung; there each rests in a file of its own, until all of
its generation have reported, and they are grouped anew. So neither a worker nor a group is bound to a candidate, and
neither the number of workers nor their speed changes a result: seeds come from numbers, decisions from the scores of
whole generations, in order of number.

Who is trained next is decided in `turns.py`; what a worker does is in `worker.py`, the training in `population.py`.
"""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from components.core.contracts import Candidate, Evaluate, Fold, Metric, Outcome, Report
from components.core.deadlines import Deadline
from components.core.table import Table
from components.core.workers import Workers
from components.training.device import MOST_ON_CUDA, choose
from components.training.tasks import Answers, Task, Work
from components.training.turns import FIRST_ROWS, Turns


def begin(work: Work) -> Callable[[Task], Answers]:
    """Return the function that answers tasks; called once in each worker."""
    from components.training.worker import make

    return make(work)


class NetworkEvaluate:
    """`components.core.contracts.Evaluate` for candidates {"preprocess": ..., "network": ..., "training": ...}."""

    begin = staticmethod(begin)  # what makes a worker answer tasks

    def __init__(
        self,
        table: Table,
        metric: Metric,
        *,
        seed: int,
        cores: int = 1,
        device: str = "auto",
        race: bool = False,
        hang_seconds: float = math.inf,
        precisions: Sequence[str] = (),
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`precisions`: those that candidates may have, for `line`; `tell` hears it again when it has changed.
        `cores`: worker processes on CPU. `race`: rungs are counts of folds, which are trained one after the other.
        `hang_seconds`: a worker that is silent for so long is killed, and its trial fails of `deadline`."""
        self._table = table
        self._metric = metric
        self._seed = seed
        self._cores = cores
        self._place = choose(device)
        self._precisions = precisions
        self._tell = tell
        self._not_captured: str | None = None
        self._race = race
        self._hang_seconds = hang_seconds
        self._workers: Workers | None = None

    @property
    def line(self) -> str:
        """Where networks are trained, why there, and how."""
        return self._place.line(self._precisions, self._not_captured)

    def __call__(
        self,
        generations: Iterator[Sequence[Candidate]],
        folds: Sequence[Fold],
        *,
        report: Report,
        deadline: Deadline,
        checkpoint: Path,
    ) -> Iterator[Outcome]:
        """See `Evaluate`. A candidate that ends before a rung counts there with the score it ended with."""
        resting = checkpoint / ".resting"
        shutil.rmtree(resting, ignore_errors=True)
        resting.mkdir(parents=True)
        device = self._place.device
        work = Work(
            table=self._table,
            folds=tuple(folds),
            metric=self._metric.name,
            seed=self._seed,
            device=device,
            deadline=deadline,
            checkpoint=checkpoint,
            resting=resting,
        )
        try:
            count, first_rows = (self._cores, FIRST_ROWS) if device == "cpu" else (1, MOST_ON_CUDA)
            with Workers(count, self.begin, work, hang_seconds=self._hang_seconds) as self._workers:
                yield from Turns(
                    self._workers,
                    generations,
                    report,
                    deadline,
                    resting,
                    len(folds),
                    race=self._race,
                    first_rows=first_rows,
                    not_captured=self._hear,
                ).outcomes()
        finally:
            shutil.rmtree(resting, ignore_errors=True)

    def _hear(self, not_captured: str) -> None:
        if not_captured != self._not_captured:
            self._not_captured = not_captured
            self._tell(self.line)

    def close(self) -> None:
        """End the workers of a call that was not read to its end; they also end with this process."""
        if self._workers is not None:
            self._workers.__exit__(None, None, None)


_: type[Evaluate] = NetworkEvaluate
