"""A search whose scores are a formula: cheap, checkable by hand, and killable.

`python analytic_case.py FOLDER KILLS` runs it in child processes that are killed with SIGKILL at random moments, until
one comes to its end.
"""

import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from components.core.contracts import Fold, Outcome
from components.core.deadlines import NEVER, Deadline
from components.core.files import atomic_folder, read_json, write_json
from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange
from components.search.driver import run_search
from components.search.outcome_tables import write_search_out
from components.search.spec import SearchSettings

EPOCHS = 16
SPACE = Group(
    fields={
        "network": Group(
            kind="mlp",
            fields={
                "layers": IntRange(low=2, high=4),
                "dropout": Choice(options=(Fixed(value=0.0), FloatRange(low=0.1, high=0.5))),
            },
        ),
        "training": Group(
            fields={
                "epochs": Fixed(value=EPOCHS),
                "optimizer": Branches(
                    groups={
                        "adam": Group(kind="adam", fields={"lr": FloatRange(low=1e-4, high=0.1, log=True)}),
                        "sgd": Group(
                            kind="sgd",
                            fields={"lr": FloatRange(low=1e-3, high=1.0, log=True), "nesterov": Fixed(value=True)},
                        ),
                    }
                ),
            }
        ),
    }
)


def folds(count):
    """Folds of 10 rows each."""
    rows = np.arange(10 * count)
    return [Fold(number=s, fit_rows=rows[rows // 10 != s], score_rows=rows[rows // 10 == s]) for s in range(count)]


def loss(spec, fold, step):
    """Smallest (about 0) for adam, lr 0.01, 3 layers, no dropout; falls with the steps."""
    optimizer, network = spec["training"]["optimizer"], spec["network"]
    far = abs(np.log10(optimizer["lr"]) + 2) + abs(network["layers"] - 3) + network["dropout"]
    return float(far + (optimizer["kind"] == "sgd") + 0.01 * fold + 1.0 / step)


@dataclass(frozen=True, kw_only=True)
class Ticking(Deadline):
    """A deadline on a clock that only moves when a trial is trained, so that nothing depends on this machine."""

    now: list[float] = field(default_factory=lambda: [0.0])

    def left(self):
        return 0.0 if self.stopped() else max(0.0, self.at - self.now[0])


class AnalyticEvaluate:
    """An `Evaluate` that trains nothing. `handed_out` and `calls` tell what it was asked for."""

    def __init__(self, *, race=False, greater_is_better=False, seconds_a_trial=0.0, order=0, fails_on_fold=()):
        self.race = race  # rungs are counts of folds
        self.sign = -1.0 if greater_is_better else 1.0
        self.seconds_a_trial = seconds_a_trial
        self.order = order
        self.fails_on_fold = fails_on_fold
        self.handed_out = []
        self.calls = 0

    def __call__(self, generations, folds, *, report, deadline, checkpoint):
        self.calls += 1
        for candidates in generations:
            self.handed_out += [candidate.number for candidate in candidates]
            for candidate in candidates:
                done = checkpoint.parent / "outcomes" / f"{candidate.number:05d}.json"
                if folds[0].number == 0 and done.exists() and (checkpoint.parent / "watched").exists():
                    (checkpoint.parent / "a finished trial was repeated").touch()
            if self.order is not None:
                random.Random(self.order).shuffle(candidates := list(candidates))
            yield from self._generation(candidates, folds, report, deadline, checkpoint)

    def _generation(self, candidates, folds, report, deadline, checkpoint):
        alive = {candidate.number: candidate for candidate in candidates}
        reported = {number: {} for number in alive}
        for candidate in candidates:
            if candidate.spec["training"]["optimizer"]["lr"] > 0.5:
                del alive[candidate.number]
                yield self._outcome(candidate.number, "failed", (), {}, cause="diverged")
        for step in sorted({step for candidate in candidates for step in candidate.rungs}):
            scores = {n: self._at_rung(c, folds, step) for n, c in alive.items() if step in c.rungs}
            for number, score in scores.items():
                reported[number][step] = score
            for number in report(step, scores) if scores else ():
                del alive[number]
                yield self._outcome(number, "pruned", (), reported[number])
        for number, candidate in alive.items():
            if deadline.over():
                return
            if isinstance(deadline, Ticking):
                deadline.now[0] += self.seconds_a_trial * len(folds)
            else:
                time.sleep(self.seconds_a_trial)
            if any((number, fold.number) in self.fails_on_fold for fold in folds):
                yield self._outcome(number, "failed", (), {}, cause="diverged")
                continue
            self._write_member(candidate, folds, checkpoint)
            scores = tuple(self._score(candidate, fold, EPOCHS) for fold in folds)
            yield self._outcome(number, "complete", scores, reported[number], candidate=candidate)

    def _at_rung(self, candidate, folds, step):
        if self.race:
            return self._score(candidate, folds[step - 1], EPOCHS)
        return float(np.mean([self._score(candidate, fold, candidate.rungs[step]) for fold in folds]))

    def _score(self, candidate, fold, step):
        return self.sign * loss(candidate.spec, fold.number, step)

    def _outcome(self, number, state, scores, reported, cause=None, candidate=None):
        steps = range(1, EPOCHS + 1) if candidate else ()
        curve = np.array([loss(candidate.spec, 0, step) for step in steps], dtype=np.float32)
        return Outcome(
            number=number,
            state=state,
            cause=cause,
            fold_scores_S=scores,
            curves={"train": curve, "validation": curve + 1} if candidate else {},
            rungs=reported,
            folder=None,
            facts={"epochs": EPOCHS, "parameters": 100 * candidate.spec["network"]["layers"]} if candidate else {},
        )

    def _write_member(self, candidate, folds, checkpoint):
        folder = checkpoint / f"{candidate.number:05d}"
        known = read_json(folder / "member.json")["scores"] if (folder / "member.json").exists() else {}
        scores = known | {str(fold.number): self._score(candidate, fold, EPOCHS) for fold in folds}
        with atomic_folder(folder) as new:
            for fold in scores:
                (new / f"fold-{fold}.bin").write_bytes(repr((candidate.number, fold)).encode())
            write_json(new / "member.json", {"name": f"mlp-{candidate.number}", "scores": dict(sorted(scores.items()))})


def search(
    study,
    evaluate=None,
    *,
    space=SPACE,
    num_folds=3,
    num_rows=100,
    start=(),
    deadline=NEVER,
    seed=0,
    greater=False,
    cycle_ends=None,
    **words,
):
    """Run the analytic search; `words` are settings."""
    settings = SearchSettings(**{"trials": 20, "generation": 8, "pruner": "none", "keep": 3, **words})
    if evaluate is None:
        evaluate = AnalyticEvaluate(race=settings.pruner == "racing", greater_is_better=greater)
    return run_search(
        space=space,
        settings=settings,
        evaluate=evaluate,
        folds=folds(num_folds),
        num_rows=num_rows,
        study=study,
        seed=seed,
        greater_is_better=greater,
        structure=lambda spec: spec["network"]["kind"],
        steps=EPOCHS,
        times=lambda spec: (EPOCHS, cycle_ends),
        start=start,
        deadline=deadline,
    )


KILLED = {"trials": 44, "generation": 8, "pruner": "halving", "sampler": "tpe", "score_folds": 2}


def grow(folder, order=0):
    """The search of the kill test, and its out."""
    evaluate = AnalyticEvaluate(seconds_a_trial=0.004, order=order)
    result = search(folder / "study", evaluate, **KILLED)
    with atomic_folder(folder / "out") as out:
        settings = SearchSettings(**KILLED)
        write_search_out(out, "search", result, space=SPACE, settings=settings, table="sha256:0", metric="log_loss")


def grow_under_fire(folder, kills, seed):
    """Grow in children; kill -9 each after a random moment, until one comes to its end. Return how many died."""
    import optuna  # noqa: F401 - once, in the parent

    moments = random.Random(seed)
    (folder / "study").mkdir(parents=True)
    (folder / "study" / "watched").touch()
    died = 0
    while True:
        child = os.fork()
        if child == 0:
            grow(folder, order=died)
            os._exit(0)
        if died < kills:
            time.sleep(moments.uniform(0.01, 0.25))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            died += 1
            continue
        assert os.WEXITSTATUS(status) == 0
        return died


if __name__ == "__main__":
    print(grow_under_fire(Path(sys.argv[1]), int(sys.argv[2]), seed=1))
