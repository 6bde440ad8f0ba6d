"""Drive one search: plan, hand out, record, prune, keep. It can be killed at any moment and called again.

`Evaluate` (networks or boosters; passed in, so that nothing here knows what is trained) pulls generations of candidates
and yields outcomes. Each outcome is written to the study's files before anything else is done with it; a second call
finds them, hands out only what is missing, and ends with the same bytes. Nothing that is measured in seconds decides
anything but where the search ends: at the longest run of numbers 0..N-1 that `trials: N` would have trained.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.core.contracts import JSON, Evaluate, Fold
from components.core.deadlines import NEVER, Deadline
from components.core.errors import EspalierError, UserMistake
from components.core.ranges import Group
from components.search.generations import Planner
from components.search.judging import Judge, Times, no_cycles
from components.search.keeping import Keeper, chosen
from components.search.objectives import front
from components.search.result import Kept, ReportProgress, SearchResult, Trial, silent
from components.search.spec import SearchSettings
from components.search.start import fitted
from components.search.study import Study
from components.search.trials import Trials

RESERVED_FOR_THE_KEPT = 0.6  # of the time, when the kept lack folds: eight on four folds cost as much as 32 trials
KEEPING_AGAIN = 1.0  # what a further keeping may cost, of what the longest did: some of the best stay
LEAST_TRIALS = 0.33  # of the time left, in a further round
LEAST_LEFT = 0.03  # of the seconds of the longest keeping: of 0.25 as much as 2.7 of 120 s were left over
CLOSING_SECONDS, CLOSING_SHARE = 0.7, 0.05  # for the workers' last words and for writing the out


def run_search(
    *,
    space: Group,
    settings: SearchSettings,
    evaluate: Evaluate,
    folds: Sequence[Fold],
    num_rows: int,
    study: Path,
    seed: int,
    greater_is_better: bool,
    structure: Callable[[JSON], str],
    steps: int = 0,
    times: Times = no_cycles,
    start: Sequence[JSON] = (),
    report_progress: ReportProgress = silent,
    deadline: Deadline = NEVER,
    guarded: Collection[int] = (),
) -> SearchResult:
    """Search the space until the trials are done, the clock ends it, or the user stops it.

    `study`: its own folder (`study_key`); `structure`: what may share a population; `steps`, `times`: `judging.py`;
    `guarded`: trials of an earlier result of this study, whose weights must stay.
    Raises UserMistake when nothing would end the search, EspalierError when every trial fails.
    """
    _refuse_no_end(settings, deadline)
    num_trials = None if settings.trials == "auto" else settings.trials
    files = Study(study, generation=settings.generation, num_trials=num_trials, peers_matter=settings.pruner != "none")
    planner = Planner(
        files,
        space,
        sampler=settings.sampler,
        start=fitted(space, start),
        seed=seed,
        greater_is_better=greater_is_better,
        objectives=settings.objectives,
    )
    num_score_folds = settings.num_score_folds(len(folds), num_rows)
    rows = min(len(fold.fit_rows) for fold in folds)
    counts = {"steps": steps, "rows": rows, "num_score_folds": num_score_folds, "num_folds": len(folds)}
    judge = Judge(settings.pruner, times=times, greater_is_better=greater_is_better, **counts)
    search = Trials(files, planner, space, settings, structure, judge, greater_is_better, report_progress, guarded)

    def keep(trials: Sequence[Trial], until: Deadline) -> list[Kept]:
        _refuse_failure(trials, until)
        ranked, count = chosen(trials, settings, greater_is_better=greater_is_better)
        structures = {trial.number: structure(trial.spec) for trial in ranked}
        return Keeper(files, evaluate, folds, num_score_folds, structures).keep(ranked, count, until)

    best, deadline = _in_rounds(search, evaluate, keep, folds, num_score_folds, deadline)
    outcomes = [it.outcome for it in best.trials]
    return SearchResult(
        trials=tuple(best.trials),
        kept=tuple(sorted(best.kept, key=lambda it: (-it.score if greater_is_better else it.score, it.number))),
        ended_by=search.ended_by(deadline),
        repeatable=best.repeatable,
        num_score_folds=num_score_folds,
        greater_is_better=greater_is_better,
        closed=tuple(files.closed(math.ceil(len(best.trials) / settings.generation))),
        front=tuple(front(outcomes, settings.objectives, greater_is_better=greater_is_better)),
    )


@dataclass(frozen=True, kw_only=True)
class _Round:
    """Trials, and the best of them on all folds: a result."""

    trials: Sequence[Trial]
    kept: Sequence[Kept]
    whole: int  # of the kept, that have all folds
    repeatable: bool


def _in_rounds(
    search: Trials,
    evaluate: Evaluate,
    keep: Callable[[Sequence[Trial], Deadline], list[Kept]],
    folds: Sequence[Fold],
    num_score_folds: int,
    deadline: Deadline,
) -> tuple[_Round, Deadline]:
    """Search and keep; again with the time that is left. A round whose newcomers the clock cuts off does not count."""
    last_call, deadline = _ends(deadline, reserve=num_score_folds < len(folds))
    best: _Round | None = None
    longest = 0.0
    while True:
        trials, repeatable = _searched(search, evaluate, folds[:num_score_folds], last_call, deadline)
        before = deadline.left()
        kept = keep(trials, deadline)
        whole = sum(len(it.fold_scores_S) == len(folds) for it in kept)
        if best is not None and whole < best.whole:
            return best, deadline
        best = _Round(trials=trials, kept=kept, whole=whole, repeatable=repeatable and whole == len(kept))
        longest = max(longest, before - deadline.left())
        last_call = _another_call(last_call, deadline, longest)
        if last_call.over() or search.ended_by(deadline) != "seconds":
            return best, deadline
        search.guarded.update(it.number for it in kept)


def _refuse_no_end(settings: SearchSettings, deadline: Deadline) -> None:
    if settings.trials == "auto" and deadline.at == math.inf and settings.sampler != "grid":
        raise UserMistake("Nothing would end the search: trials is auto and there are no seconds. Set one of them.")


def _ends(deadline: Deadline, *, reserve: bool) -> tuple[Deadline, Deadline]:
    """Return when the trials end, and when the search does; time is reserved where the kept lack folds."""
    if deadline.at == math.inf:
        return deadline, deadline
    end = replace(deadline, at=deadline.at - min(CLOSING_SECONDS, CLOSING_SHARE * deadline.left()))
    return (replace(end, at=end.at - RESERVED_FOR_THE_KEPT * end.left()) if reserve else end), end


def _another_call(last_call: Deadline, deadline: Deadline, keeping_seconds: float) -> Deadline:
    """Return when a further round of trials would end: some who are kept may change once more.

    Where the time left does not do for another whole keeping, most of it is for those of the newcomers for whom it
    does: a round that ends too late does not count, and nothing else would be done with these seconds.
    """
    left = deadline.left()
    if last_call.at == deadline.at or left < LEAST_LEFT * keeping_seconds:  # nothing was reserved, or little is left
        return replace(deadline, at=-math.inf)
    again = min(KEEPING_AGAIN * keeping_seconds or RESERVED_FOR_THE_KEPT * left, (1 - LEAST_TRIALS) * left)
    return replace(deadline, at=deadline.at - again)


def _searched(
    search: Trials, evaluate: Evaluate, folds: Sequence[Fold], last_call: Deadline, deadline: Deadline
) -> tuple[Sequence[Trial], bool]:
    """Search until the last call, or to the end while nobody is there for whom time was reserved."""
    search.run(evaluate, folds, last_call)
    trials, repeatable = search.result()
    if not any(trial.score is not None for trial in trials) and not deadline.over():
        search.run(evaluate, folds, deadline)
        trials, repeatable = search.result()
    return trials, repeatable


def _refuse_failure(trials: Sequence[Trial], deadline: Deadline) -> None:
    if trials and all(trial.outcome.state == "failed" for trial in trials) and not deadline.over():
        raise EspalierError(_all_failed(trials))


def _all_failed(trials: Sequence[Trial]) -> str:
    causes = [trial.outcome.cause or "unknown" for trial in trials]  # with their messages: there is nothing else
    counted = sorted({(-causes.count(cause), cause) for cause in causes})
    listed = ", ".join(f"{cause} ({-count})" for count, cause in counted[:5])
    who = "the only trial" if len(trials) == 1 else f"all {len(trials)} trials"
    return f"{who} failed: {listed}. Narrow the space where they fail, or let it try more."
