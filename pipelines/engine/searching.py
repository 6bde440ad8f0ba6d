"""What search and boosting share: drive one search in its study's folder, write the out."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from components.core.contracts import JSON, Evaluate, Metric
from components.core.deadlines import Deadline
from components.core.files import hash_folder, read_json, write_json
from components.core.ranges import Group
from components.core.refit import REFIT_SHARE
from components.search.driver import run_search
from components.search.first_point import write_first
from components.search.judging import Times, no_cycles
from components.search.offers import offers, write_about
from components.search.outcome_tables import note, summary, write_search_out
from components.search.refusals import refused
from components.search.result import SearchResult
from components.search.space_file import space_text
from components.search.spec import WITHOUT_EFFECT_ON_A_TRIAL, SearchSettings
from components.search.start import checked, fitted
from components.search.study import study_key
from pipelines.engine.stage import Progress, Stage
from pipelines.engine.train_rows import TrainRows

LEAST_SPARE = 0.1  # of the time kept back: of a half 51 of 600 s were left over

RefitSeconds = Callable[[SearchResult], float]
"""What a search has found -> seconds that growing the kept ones again will take."""


def grow_by_search(
    stage: Stage,
    train_rows: TrainRows,
    *,
    space: Group,
    settings: SearchSettings,
    evaluate: Evaluate,
    structure: Callable[[JSON], str],
    steps: int = 0,
    times: Times = no_cycles,
    portfolio: Sequence[JSON],
    noun: str,
    more: JSON = MappingProxyType({}),
    refit_seconds: RefitSeconds | None = None,
) -> str:
    """Search `space`, write the out, return the stage's line.

    `noun`: "network"; `portfolio`: known strong starts; `more`: what decides a trial beside what every search names;
    `refit_seconds`: where members are grown again, see `leaving_time_to_refit`.
    """
    refused(space, settings, stage.word, len(train_rows.folds))
    own = settings.start if isinstance(settings.start, list) else []
    checked(space, own, f"{stage.word}.start")
    study, metric = _study(stage, train_rows, space, settings, more), train_rows.metric
    start = portfolio if settings.start == "portfolio" else own
    offered = offers(study, space, fitted(space, start), greater_is_better=metric.greater_is_better)
    note_result = _noter(stage, study, metric, offered)
    note_result(result=None)
    if earlier := _num_finished(study):
        stage.tell(Progress(found=earlier, noun=f"{noun}s"))

    searched = partial(
        run_search,
        space=space,
        settings=settings,
        evaluate=evaluate,
        folds=train_rows.folds,
        num_rows=train_rows.num_real,
        study=study,
        seed=stage.seed,
        greater_is_better=metric.greater_is_better,
        structure=structure,
        steps=steps,
        times=times,
        start=start,
        report_progress=lambda **known: stage.tell(Progress(**known)),
    )
    result = leaving_time_to_refit(searched, stage.deadline, refit_seconds)
    names = write_search_out(
        stage.out,
        stage.word,
        result,
        space=space,
        settings=settings,
        table=train_rows.table.schema.table,
        metric=metric.name,
    )
    if start:
        write_first(stage.out, result, names, study / "members" / "00000", len(train_rows.folds))
    note_result(result=result)
    return summary(result, noun, len(offered))


def leaving_time_to_refit(
    searched: Callable[..., SearchResult], deadline: Deadline, refit_seconds: RefitSeconds | None
) -> SearchResult:
    """Search to a sooner end, for what is kept grows again in the rest; what that will not need is searched in, too.

    What was found before stands where newcomers were cut off on their way through the folds. `refit_seconds`
    says how long growing again takes, and can do so only when something is kept. None: nothing grows again.
    """
    if refit_seconds is None:
        return searched(deadline=deadline)
    result = searched(deadline=deadline.sooner((1 - REFIT_SHARE) * deadline.left()))
    left = deadline.left()
    spare = left - refit_seconds(result)
    if result.ended_by != "seconds" or spare <= LEAST_SPARE * left:
        return result
    longer = searched(deadline=deadline.sooner(spare), guarded=[kept.number for kept in result.kept])
    return max(result, longer, key=lambda one: (one.repeatable, _num_scores(one), one is longer))


def _num_scores(result: SearchResult) -> int:
    """Count the folds that the kept ones have been through."""
    return sum(len(kept.fold_scores_S) for kept in result.kept)


def to_refit(stage: Stage) -> list[Path]:
    """Return the folders of the kept members that `refit` names, the best first."""
    names = read_json(stage.out / f"{stage.word}.json")["members"]
    names = names if stage.spec.refit == "auto" else names[: stage.spec.refit]
    if names:
        stage.tell(Progress(text=f"growing again on all rows, the best of {len(names)} first"))
    return [stage.out / "members" / name for name in names]


def note_refit(stage: Stage, done: int) -> None:
    """Say, beside the study, how many members were grown again: the clock may have decided."""
    file = stage.studies / f"{stage.word}.json"
    write_json(file, {**read_json(file), "refit": done})


def _study(stage: Stage, train_rows: TrainRows, space: Group, settings: SearchSettings, more: JSON) -> Path:
    """Return the study's folder, in which is noted what its scores mean."""
    study = stage.studies / study_key(stage.word, {**_what_decides(stage, train_rows, space), **more})
    write_about(study, {"word": stage.word, "folds": settings.score_folds, **_rows_and_metric(stage, train_rows)})
    return study


def _noter(stage: Stage, study: Path, metric: Metric, offered: Sequence[Mapping[str, Any]]) -> Callable[..., None]:
    """Return what notes, for those who look on, which study this is and how it ended."""
    better = metric.greater_is_better
    return partial(
        note, stage.studies, stage.word, study, metric=metric.name, greater_is_better=better, offered=offered
    )


def _num_finished(study: Path) -> int:
    """Count the trials that an earlier attempt has finished, without reading them."""
    return len({path.name for path in study.glob("outcomes*/*.json")})


def _what_decides(stage: Stage, train_rows: TrainRows, space: Group) -> dict[str, object]:
    """Return all that decides a trial: how far the search goes is no part of it, nor on how many cores."""
    others = {*WITHOUT_EFFECT_ON_A_TRIAL, *space.fields}
    settings = stage.spec.model_dump(mode="json", exclude=others)
    return {
        **_rows_and_metric(stage, train_rows),
        "settings": settings,
        "space": space_text(space, ""),
        "seed": stage.seed,
        "code": stage.code,
    }


def _rows_and_metric(stage: Stage, train_rows: TrainRows) -> dict[str, object]:
    """Return what a score was measured on: trials of two studies with equal ones can be compared."""
    return {
        "metric": train_rows.metric.name,
        "table": train_rows.table.schema.table,
        "split": hash_folder(stage.input("split"), frozenset({"out.json"})),
        "augment": hash_folder(stage.input("augment"), frozenset({"out.json"})),
    }
