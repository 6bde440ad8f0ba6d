"""What Optuna costs a trial, in milliseconds, in a study of 2000: asked, recorded, mirrored, looked at."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from components.core.contracts import Outcome
from components.project.search_section import SearchSpec
from components.project.space import space_of
from components.search.journal import Journal
from components.search.past import Past
from components.search.samplers import propose
from components.search.study import Study, finished

GENERATION = 16


def costs(trials: int) -> dict[str, float]:
    """Fill a study with outcomes of the default space; return the cost of each part."""
    space = space_of(SearchSpec())
    points = propose("random", space, [], [], trials, seed=1, greater_is_better=False)
    outcomes = [_outcome(number) for number in range(trials)]
    found: dict[str, float] = {}
    for seen in (100, trials - GENERATION):
        past = [Past(space=space, params=points[number], outcome=outcomes[number]) for number in range(seen)]
        took = _ms(lambda past=past: propose("tpe", space, past, [], GENERATION, seed=0, greater_is_better=False))
        found[f"ask_after_{seen}"] = took / GENERATION
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study", generation=GENERATION, num_trials=None, peers_matter=False)
        for first in range(0, trials, GENERATION):
            study.write_plan(first // GENERATION, points[first : first + GENERATION])

        class Plans:
            def params(self, number: int) -> dict[str, object]:
                return points[number]

        journal = Journal(study, space, Plans(), greater_is_better=False)
        found["journal_planned"] = _ms(lambda: journal.planned(range(trials))) / trials
        found["record"] = _ms(lambda: [study.record(outcome) for outcome in outcomes]) / trials
        found["journal_finished"] = _ms(lambda: [journal.finished(outcome) for outcome in outcomes]) / trials
        found["journal_reopened_s"] = _ms(lambda: Journal(study, space, Plans(), greater_is_better=False)) / 1000
        found["leaderboard_s"] = _ms(lambda: finished(study.folder)) / 1000
        found["journal_megabytes"] = study.journal.stat().st_size / 1e6
    return found


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def _outcome(number: int) -> Outcome:
    draw = np.random.default_rng(number)
    return Outcome(
        number=number,
        state="complete",
        cause=None,
        fold_scores_S=tuple(draw.random(5).tolist()),
        curves={name: draw.random(64).astype(np.float32) for name in ("train", "validation")},
        rungs={16: 0.5, 32: 0.4},
        folder=None,
        facts={"inputs": 30, "parameters": 20_000, "epochs": 60.2, "best_epoch": 44.0},
    )
