"""What `search` drives when it tunes boosters: candidates in, outcomes out, one fold of one candidate per core.

The libraries let go of Python's lock while they grow, so plain threads keep the cores busy, each model with one thread
of its own: measured faster than one model on all cores, and the bytes do not depend on how many cores there are.
Boosters are not cut short at rungs: early stopping ends each one by itself. A thread cannot be killed: the clock is
asked after every round (`boosting_fit.py`), and what it cuts off has no outcome, as everywhere. So that a large table
has a finished booster early, the first start points there are grown on a part of the rows (`sample_of`).

A candidate is {"trees": settings of `TreesSpec`, with the library as `kind`; none is XGBoost, "preprocess": ...}.

Legend: S folds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Candidate, Evaluate, Features, Fold, Metric, Outcome, Report, failure
from components.core.deadlines import Deadline
from components.core.files import atomic_folder
from components.core.seeds import derive, generator
from components.core.table import Table
from components.data.preprocessing.pipeline import load
from components.data.preprocessing.spec import TreePreprocess
from components.data.preprocessing.target import TargetScaler
from components.ensembles.boosting import BoosterStopping, Direction
from components.ensembles.boosting_fit import Asked, CutOff, Part, drawn
from components.ensembles.boosting_libraries import LIBRARIES, asked_of
from components.ensembles.boosting_member import BoosterModel, load_booster
from components.ensembles.fold_member import FoldPart, LoadPreprocessor, make_member
from components.ensembles.prepared import AnyPreprocess, Prepared, judged, prepare


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """One fold of one candidate."""

    part: FoldPart
    curves: Mapping[str, NDArray[np.float32]]


@dataclass(kw_only=True)
class _Growing:
    """A candidate some of whose folds are still growing."""

    candidate: Candidate
    left: int  # folds
    fitted: list[_Fitted] = field(default_factory=list)
    cause: str | None = None


def _as_written(candidate: JSON) -> AnyPreprocess:
    return TreePreprocess.model_validate(candidate["preprocess"])


class BoosterEvaluate:
    """A `components.core.contracts.Evaluate` of candidates {"trees": TreesSpec, ...}.

    `cores` models grow at a time; `stopping` is the section's `early_stopping`, `preprocess_of` says what a candidate
    wants its rows to be, `monotone` which numeric columns the answer may only rise or fall with, `device` (cpu or cuda)
    where XGBoost grows, `load_preprocessor` how folds that an earlier call has left are read again.
    """

    def __init__(
        self,
        *,
        table: Table,
        metric: Metric,
        seed: int,
        cores: int,
        stopping: BoosterStopping,
        preprocess_of: Callable[[JSON], AnyPreprocess] = _as_written,
        monotone: Mapping[str, Direction] = MappingProxyType({}),
        device: str = "cpu",
        load_preprocessor: LoadPreprocessor = load,
    ) -> None:
        self.table = table
        self.metric = metric
        self.seed = seed
        self.cores = cores
        self.stopping = stopping
        self.preprocess_of = preprocess_of
        self.monotone = monotone
        self.device = device
        self.load_preprocessor = load_preprocessor

    def __call__(
        self,
        generations: Iterator[Sequence[Candidate]],
        folds: Sequence[Fold],
        *,
        report: Report,
        deadline: Deadline,
        checkpoint: Path,
    ) -> Iterator[Outcome]:
        """Yield each outcome when all its folds are grown; what the deadline cuts off has none."""
        closed = Event()  # the caller wants no more: what grows stops at its next round
        prepared: dict[AnyPreprocess, list[Prepared]] = {}

        def cut_off() -> bool:
            return closed.is_set() or deadline.over()

        with ThreadPoolExecutor(self.cores, thread_name_prefix="booster") as pool:
            try:
                for candidates in generations:
                    jobs: dict[Future[_Fitted | None], _Growing] = {}
                    for candidate in candidates:
                        growing = _Growing(candidate=candidate, left=len(folds))
                        for one in self._prepare(prepared, candidate.spec, folds):
                            jobs[pool.submit(self._fit, candidate, one, cut_off)] = growing
                    for job in as_completed(jobs):
                        growing = jobs[job]
                        _collect(growing, job)
                        if not growing.left and (growing.cause or len(growing.fitted) == len(folds)):
                            yield self._finish(growing, checkpoint)
                    if deadline.over():
                        return
            finally:
                closed.set()

    def _prepare(
        self, known: dict[AnyPreprocess, list[Prepared]], candidate: JSON, folds: Sequence[Fold]
    ) -> list[Prepared]:
        """Prepare the folds once for all candidates with the same preprocessing."""
        spec = self.preprocess_of(candidate)
        if spec not in known:
            known[spec] = prepare(spec, self.table, folds, self.seed)
        return known[spec]

    def _fit(self, candidate: Candidate, prepared: Prepared, cut_off: CutOff) -> _Fitted | None:
        """Grow one fold in a thread of the pool; None when it was cut off."""
        if cut_off():
            return None
        seed = derive(self.seed, "boosting", candidate.number, "fold", prepared.fold.number)
        found = self.grow(candidate.spec, seed, prepared, cut_off)
        return None if found is None else _Fitted(part=judged(prepared, found[0], self.metric), curves=found[1])

    def grow(
        self, spec: JSON, seed: int, prepared: Prepared, cut_off: CutOff, rounds: int | None = None
    ) -> tuple[BoosterModel, Mapping[str, NDArray[np.float32]]] | None:
        """Grow one booster, and its losses round by round; `rounds`: so many, whatever the scored part says."""
        schema = self.table.schema
        library, trees = asked_of(spec)
        fit, scored, scaler = self._parts(prepared, spec)
        if not isinstance(trees.rows, str):
            fit = drawn(fit, trees.rows, generator(self.seed, "boosting", "rows", "fold", prepared.fold.number))
        asked = Asked(
            trees=trees if rounds is None else trees.model_copy(update={"rounds": rounds}),
            task=schema.task,
            num_outputs=schema.num_outputs,
            seed=seed,
            patience=self.stopping.patience,
            signs=self._signs(prepared.fit),
            device=self.device,
        )
        grown = LIBRARIES[library].grow(asked, fit, scored if rounds is None else None, cut_off)
        if grown is None:
            return None
        model = BoosterModel(
            library=library,
            content=grown.content,
            task=schema.task,
            num_outputs=schema.num_outputs,
            trees=grown.rounds * (schema.num_outputs if schema.task == "multiclass" else 1),
            depth=grown.levels,
            scaler=scaler,
        )
        return model, grown.curves

    def _parts(self, prepared: Prepared, candidate: JSON) -> tuple[Part, Part, TargetScaler | None]:
        """Return fit and scored part with the target as it is learned, and the scale of a regression's."""
        fit_target, score_target = prepared.fit_target, prepared.score_target
        if self.table.schema.task != "regression":
            return (prepared.fit, fit_target), (prepared.scored, score_target), None
        preprocess = self.preprocess_of(candidate)
        scaler = TargetScaler.fit(fit_target, preprocess.target if isinstance(preprocess, TreePreprocess) else "none")
        return (prepared.fit, scaler.transform(fit_target)), (prepared.scored, scaler.transform(score_target)), scaler

    def _signs(self, features: Features) -> tuple[int, ...]:
        """Return 1, -1 or 0 for each column that a booster sees."""
        signs = {name: 1 if direction == "rising" else -1 for name, direction in self.monotone.items()}
        return (*(signs.get(name, 0) for name in features.names_F), *(0 for _ in features.names_G))

    def _finish(self, growing: _Growing, checkpoint: Path) -> Outcome:
        """Write the member, with the folds that an earlier call left in its folder, and say what became of it."""
        candidate = growing.candidate
        now = sorted(growing.fitted, key=lambda one: one.part.number)
        scores = tuple(one.part.score for one in now)
        if growing.cause is None and not np.isfinite(scores).all():
            growing.cause = "error: the predictions have no score"
        if growing.cause is not None:
            return failure(candidate.number, growing.cause)
        folder = checkpoint / f"{candidate.number:05d}"
        earlier = load_booster(folder, self.load_preprocessor).parts if (folder / "member.json").exists() else ()
        fresh = {one.part.number: one.part for one in now}
        parts = list(({part.number: part for part in earlier} | fresh).values())
        member = make_member(
            name=f"{asked_of(candidate.spec)[0]}-{candidate.number}",
            family="boosting",
            spec=candidate.spec,
            table=self.table.schema.table,
            facts=_facts(parts),
            parts=parts,
        )
        with atomic_folder(folder) as new:
            member.save(new)
        return Outcome(
            number=candidate.number,
            state="complete",
            cause=None,
            fold_scores_S=scores,
            curves={part: mean_curve([one.curves[part] for one in now]) for part in ("train", "validation")},
            rungs={},
            folder=folder,
            facts=_facts([one.part for one in now]),
        )


def _collect(growing: _Growing, job: Future[_Fitted | None]) -> None:
    """Take one fold's result. A candidate that its library refuses or that needs too much memory is data, no crash."""
    growing.left -= 1
    try:
        fitted = job.result()
    except MemoryError:
        growing.cause = "out_of_memory"
    except ValueError as error:  # what a library refuses
        growing.cause = f"error: {str(error).strip().splitlines()[-1]}"
    else:
        growing.fitted += [] if fitted is None else [fitted]


def _facts(parts: Sequence[FoldPart]) -> dict[str, float]:
    """Return how many trees a fold needed, on average."""
    return {"trees": round(float(np.mean([part.model.saved().json["trees"] for part in parts])), 1)}


def mean_curve(curves: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the mean over folds, up to the round that all of them reached."""
    shortest = min(len(curve) for curve in curves)
    curves_St = np.stack([curve[:shortest] for curve in curves])
    return curves_St.mean(axis=0, dtype=np.float64).astype(np.float32)


_: type[Evaluate] = BoosterEvaluate
