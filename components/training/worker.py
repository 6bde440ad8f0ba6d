"""What a worker process does for the search: takes a candidate, trains it up to an epoch, says what became of it."""

from collections.abc import Callable

import torch

from components.core.errors import EspalierError
from components.metrics import get
from components.training.candidate_run import CandidateRun, Settings
from components.training.prepared import Preparer
from components.training.tasks import Answer, Task, Work, failure, resting_file


def make(work: Work) -> Callable[[Task], Answer]:
    """Return the function that answers tasks. What goes wrong in a candidate's training is an answer, no crash."""
    torch.set_num_threads(1)
    metric = get(work.metric)
    preparer = Preparer(work.table, work.folds, work.seed, torch.device(work.device))

    def answer(task: Task) -> Answer:
        try:
            return train(task)
        except EspalierError:
            raise
        except (MemoryError, torch.OutOfMemoryError):
            cause = "out_of_memory"
        except (RuntimeError, ValueError, ArithmeticError) as error:  # what torch, numpy and pydantic raise
            no_room = "can't allocate memory" in str(error)
            cause = "out_of_memory" if no_room else f"error: {(str(error).strip() or repr(error)).splitlines()[0]}"
        return Answer(outcome=failure(task.candidate.number, cause))

    def train(task: Task) -> Answer:
        settings = Settings.of(task.candidate)
        prepared = preparer.prepare(settings.preprocess)
        run = CandidateRun(task.candidate, settings, prepared, work.table.schema, metric, work.seed)
        resting = resting_file(work.resting, task.candidate.number)
        if task.resume:
            run.resume(resting)
        if not run.train(task.until, work.deadline.over):
            return Answer(outcome=None)
        if not run.ended:
            run.rest(resting)
        return Answer(outcome=run.outcome(work.checkpoint), rests=not run.ended)

    return answer
