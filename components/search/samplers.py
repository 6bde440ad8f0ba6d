"""Samplers: who proposes the next trials. Each is a pure function of what has been finished, and of a seed.

* random: Bergstra and Bengio 2012. * tpe: Bergstra 2011, multivariate, with `group=True` so that the leaves of a branch
are modelled together, and running trials counted as bad ones (constant liar). * grid: `grid.py`, no Optuna.

Optuna's samplers are used in a study in memory that lives for one generation: their own state is nowhere stored, so
nothing of it can be lost.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from components.core.contracts import Outcome
from components.core.lazy import lazy
from components.core.ranges import Group
from components.search.space import Value, ask_trial, distribution, parameters_of

if TYPE_CHECKING:
    import optuna
else:
    optuna = lazy("optuna")

MODELLED_TRIALS = 400  # an ask costs 27-60 ms at 1000-2000 trials


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial as a sampler sees it: running while `outcome` is None."""

    params: Mapping[str, Value]
    outcome: Outcome | None


def propose(
    sampler: Literal["random", "tpe"],
    space: Group,
    past: Sequence[Past],
    start: Sequence[Mapping[str, Value]],
    count: int,
    *,
    seed: int,
    greater_is_better: bool,
) -> list[dict[str, Value]]:
    """Return the parameters of `count` new trials; the first ones are `start`, completed by the sampler."""
    study = _study_in_memory(sampler, seed % 2**32, greater_is_better)
    worst = _worst_score(past, greater_is_better)
    for trial in _modelled(past, greater_is_better):
        study.add_trial(_frozen(space, trial, worst))
    for point in start[:count]:
        study.enqueue_trial(dict(point))
    return [ask_trial(space, study.ask()) for _ in range(count)]


def score_of(outcome: Outcome) -> float | None:
    """Return the mean over folds, or None unless the trial is complete."""
    return math.fsum(outcome.fold_scores_S) / len(outcome.fold_scores_S) if outcome.state == "complete" else None


def _study_in_memory(sampler: str, seed: int, greater_is_better: bool) -> "optuna.Study":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        chosen: optuna.samplers.BaseSampler
        if sampler == "tpe":
            chosen = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
        else:
            chosen = optuna.samplers.RandomSampler(seed=seed)
    return optuna.create_study(sampler=chosen, direction="maximize" if greater_is_better else "minimize")


def _frozen(space: Group, trial: Past, worst: float | None) -> "optuna.trial.FrozenTrial":
    """Return Optuna's form. A failure counts as the worst score so far: whoever ignores it proposes it again."""
    state, value, rungs = optuna.trial.TrialState.RUNNING, None, {}
    if trial.outcome is not None:
        rungs = {step: score for step, score in trial.outcome.rungs.items() if not math.isnan(score)}
        value = score_of(trial.outcome)
        state = optuna.trial.TrialState.COMPLETE
        if trial.outcome.state == "pruned" and rungs:
            state = optuna.trial.TrialState.PRUNED
        elif value is None:
            value, rungs = worst, {}
            state = optuna.trial.TrialState.FAIL if worst is None else state
    return optuna.trial.create_trial(
        state=state,
        value=value,
        params=dict(trial.params),
        distributions={path: distribution(found) for path, found in parameters_of(space, trial.params).items()},
        intermediate_values=rungs,
    )


def _worst_score(past: Sequence[Past], greater_is_better: bool) -> float | None:
    scores = [score for trial in past if trial.outcome and (score := score_of(trial.outcome)) is not None]
    return (min if greater_is_better else max)(scores) if scores else None


def _modelled(past: Sequence[Past], greater_is_better: bool) -> list[Past]:
    """Of a long past take the best, and the latest; in order of number."""
    if len(past) <= MODELLED_TRIALS:
        return list(past)
    half = MODELLED_TRIALS // 2
    running = sum(trial.outcome is None for trial in past)
    latest = range(len(past) - max(half, running), len(past))
    scored = [
        (-score if greater_is_better else score, number)
        for number, trial in enumerate(past)
        if trial.outcome and (score := score_of(trial.outcome)) is not None
    ]
    best = [number for _, number in sorted(scored)[:half]]
    return [past[number] for number in sorted({*best, *latest})]
