"""Samplers: who proposes the next trials. Each is a pure function of what has been finished, and of a seed.

* random: Bergstra and Bengio 2012. * tpe: Bergstra 2011, multivariate, with `group=True` so that the leaves of a branch
are modelled together, and running trials counted as bad ones (constant liar). * gp: a Gaussian process with the
logarithm of expected improvement (Optuna's GPSampler). * cmaes: `cma_es.py`. * qmc: `qmc.py`. * grid: `grid.py`.

Optuna's samplers are used in a study in memory that lives for one generation: their own state is nowhere stored, so
nothing of it can be lost. Which sampler can model which space is in `refusals.py`.
"""

import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from components.core.lazy import lazy
from components.core.ranges import Group
from components.core.workers import ONE_THREAD
from components.search.objectives import SCORE_ALONE, Objective, directions, front, values_of
from components.search.past import Past, score_of
from components.search.space import Open, Value, all_open, ask_trial, distribution

if TYPE_CHECKING:
    import optuna
else:
    optuna = lazy("optuna")

Sampler = Literal["grid", "random", "tpe", "gp", "cmaes", "qmc"]
OptunaSampler = Literal["random", "tpe", "gp"]
MODELLED_TRIALS = {"random": 0, "tpe": 300, "gp": 100}
"""So many finished trials are shown to a sampler: asking costs 15 to 20 ms with 300 (tpe) and 45 ms with 100 (gp), but
36 ms with 800 and 100 ms with 200."""


class GaveUp(Exception):
    """The time was over before a generation was planned; nothing of it is written."""


def propose(
    sampler: OptunaSampler,
    space: Group,
    past: Sequence[Past],
    start: Sequence[Mapping[str, Value]],
    count: int,
    *,
    seed: int,
    greater_is_better: bool,
    objectives: Sequence[Objective] = SCORE_ALONE,
    is_open: Open = all_open,
    give_up: Callable[[], bool] = lambda: False,
) -> list[dict[str, Value]]:
    """Return the parameters of `count` new trials; the first ones are `start`, completed by the sampler.

    Alternatives that are not `is_open` are not proposed. Raises GaveUp when `give_up` says so between two asks.
    """
    ways = directions(objectives, greater_is_better=greater_is_better)
    study = _study_in_memory(sampler, seed % 2**32, ways)
    worst = _worst_values(past, objectives, ways)
    known = [trial for trial in past if _is_reachable(trial, is_open)]
    for trial in modelled(known, MODELLED_TRIALS[sampler], objectives, greater_is_better=greater_is_better):
        study.add_trial(_frozen(trial, worst, objectives, is_open, sampler))
    for point in start[:count]:
        study.enqueue_trial(dict(point))
    points = []
    for _ in range(count):
        if give_up():
            raise GaveUp
        points.append(ask_trial(space, study.ask(), is_open))
    return points


def _study_in_memory(
    sampler: OptunaSampler, seed: int, ways: Sequence[Literal["maximize", "minimize"]]
) -> "optuna.Study":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        chosen: optuna.samplers.BaseSampler
        if sampler == "tpe":
            chosen = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
        elif sampler == "gp":
            os.environ.update(ONE_THREAD)  # read when torch is loaded: other threads would add in another order
            chosen = optuna.samplers.GPSampler(seed=seed)
        else:
            chosen = optuna.samplers.RandomSampler(seed=seed)
    return optuna.create_study(sampler=chosen, directions=list(ways))


def _is_reachable(trial: Past, is_open: Open) -> bool:
    """Whether no closed alternative is part of a trial: then it lies in the space that is still asked for."""
    return all(
        not isinstance(parameter, tuple) or trial.params[path] in is_open(path, parameter)
        for path, parameter in trial.asked.items()
    )


def _frozen(
    trial: Past,
    worst: list[float] | None,
    objectives: Sequence[Objective],
    is_open: Open,
    sampler: OptunaSampler,
) -> "optuna.trial.FrozenTrial":
    """Return Optuna's form. A failure counts as the worst score so far: whoever ignores it proposes it again."""
    states = optuna.trial.TrialState
    state, values, rungs = states.RUNNING, None, {}
    if trial.outcome is not None:
        rungs = {step: score for step, score in trial.outcome.rungs.items() if not math.isnan(score)}
        found = values_of(trial.outcome, objectives)
        state, values = states.COMPLETE, None if found is None else list(found)
        if trial.outcome.state == "pruned" and rungs:
            # the Gaussian process knows no cut trials: the score at the last rung is what is known of them
            state, values = (states.COMPLETE, [rungs[max(rungs)]]) if sampler == "gp" else (states.PRUNED, None)
        elif values is None:
            values, rungs = worst, {}
            state = states.FAIL if worst is None else state
    frozen = optuna.trial.create_trial(
        state=state,
        values=values,
        params=dict(trial.params),
        distributions={
            path: distribution(is_open(path, it) if isinstance(it, tuple) else it) for path, it in trial.asked.items()
        },
        intermediate_values=rungs,
    )
    # a study copies what it is given, to the last distribution: a tenth to a third of asking; none else holds it
    frozen.__deepcopy__ = lambda _: frozen  # type: ignore[attr-defined]
    return frozen


def _worst_values(
    past: Sequence[Past], objectives: Sequence[Objective], ways: Sequence[Literal["maximize", "minimize"]]
) -> list[float] | None:
    found = [values for trial in past if trial.outcome and (values := values_of(trial.outcome, objectives)) is not None]
    if not found:
        return None
    return [
        (min if way == "maximize" else max)(column) for way, column in zip(ways, zip(*found, strict=True), strict=True)
    ]


def modelled(
    past: Sequence[Past], most: int, objectives: Sequence[Objective], *, greater_is_better: bool
) -> list[Past]:
    """Of a long past take the best (with several objectives, first of all the front), and the latest; in order."""
    if len(past) <= most:
        return list(past)
    half = most // 2
    running = sum(trial.outcome is None for trial in past)
    latest = range(len(past) - max(min(half, len(past)), running), len(past))
    ended = {number: trial.outcome for number, trial in enumerate(past) if trial.outcome is not None}
    scored = [
        (-score if greater_is_better else score, number)
        for number, outcome in ended.items()
        if (score := score_of(outcome)) is not None
    ]
    best = [number for _, number in sorted(scored)]
    if len(objectives) > 1:
        places = {outcome.number: place for place, outcome in ended.items()}
        unbeaten = front(ended.values(), objectives, greater_is_better=greater_is_better)
        best = list(dict.fromkeys([*(places[number] for number in unbeaten), *best]))
    return [past[number] for number in sorted({*best[:half], *latest})]
