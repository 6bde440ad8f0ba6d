"""Everything that can be known to be wrong before anything is started, found in one go (UX 3.4).

The file by itself, its parts against each other, and the file against the data. What only a stage can find out
(leakage, a class with one row) is told by that stage, in the same form. Nothing is trained and nothing is written.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.core.errors import Mistake, UserMistake, did_you_mean
from components.core.files import read_json
from components.core.specs import Spec
from components.data.split_facts import HOLDS
from components.project.check_boosting import judge_boosting
from components.project.check_training import judge_learned_target, judge_precision, judge_training
from components.project.documents import Document, Place
from components.project.kinds import step
from components.project.params import TopSpec, placed, read_document, read_section, read_top
from components.project.reading import Reader
from components.project.sections import SECTIONS
from components.project.space import space_of
from components.project.written import left_out

BRANCHES = ("search", "boosting", "bagging")


def find_mistakes(root: Path, *, with_data: bool = True) -> list[Mistake]:
    """Return all mistakes and doubts in the order of the file; without data, the source is not opened.

    Raises `Mistakes` alone when the file is no YAML, `UserMistake` when there is none.
    """
    document, reader = read_document(root), Reader()
    top = read_top(document, reader)
    sections = {word: settings for word in SECTIONS if (settings := read_section(document, word, reader)) is not None}
    if top is not None:
        _judge_seconds(top, document, sections, reader)
        _judge_metric(top, sections, reader)
    _judge_search(sections, reader)
    _judge_split(sections, reader)
    _judge_augment(sections, reader)
    judge_training(document, sections, reader)
    judge_learned_target(document, sections, reader)
    judge_precision(document, sections, reader)
    judge_boosting(sections, reader)
    if with_data and "ingest" in sections:
        _judge_against_data(root, document, sections, reader)
    return placed(document, reader)


def layout(mistakes: Sequence[Mistake], file: str, *, started: bool = False) -> str:
    """Return mistakes as a person reads them: line numbers at the left, the way out below each."""
    wrong = [one for one in mistakes if not one.doubt]
    doubts = [one for one in mistakes if one.doubt]
    lines = []
    if wrong:
        count = "1 mistake" if len(wrong) == 1 else f"{len(wrong)} mistakes"
        lines += [f"{file} has {count}." + ("" if started else " Nothing was started, nothing was changed."), ""]
        lines += _entries(wrong, mistakes)
    if doubts:
        count = "1 doubt, which stops" if len(doubts) == 1 else f"{len(doubts)} doubts, which stop"
        lines += ["", f"  and {count} nothing:"] if wrong else [f"{file}: {count} nothing:", ""]
        lines += _entries(doubts, mistakes)
    return "\n".join(lines)


def _entries(mistakes: Iterable[Mistake], every: Iterable[Mistake]) -> list[str]:
    width = max((len(str(one.line)) for one in every if one.line is not None), default=1)
    lines: list[str] = []
    for one in mistakes:
        head = f"  line {one.line:>{width}}  " if one.line is not None else " " * (9 + width)
        room = 96 - len(head)
        told = _wrapped(f"{one.place} {one.problem}".strip(), room) + _wrapped(one.way_out, room)
        lines += [(head if number == 0 else " " * len(head)) + line for number, line in enumerate(told)]
    return lines


def _wrapped(text: str, room: int) -> list[str]:
    return [part for line in text.splitlines() for part in (textwrap.wrap(line, room) or [""])]


def _judge_seconds(top: Any, document: Document, sections: Mapping[str, Spec], reader: Reader) -> None:
    assert isinstance(top, TopSpec)
    fixed = {
        word: float(seconds)
        for word in BRANCHES
        if (seconds := getattr(sections.get(word), "seconds", "none")) != "none"
    }
    if top.seconds == "none":
        for word in BRANCHES:
            if getattr(sections.get(word), "trials", None) == "auto" and word not in fixed:
                problem = "is auto while seconds is none: nothing would end it."
                cure = f"Write {word}.trials: 40, or give the tree seconds."
                reader.wrong((word, "trials"), (word, "trials"), problem, cure)
    elif sum(fixed.values()) > top.seconds:
        parts = " + ".join(f"{word}.seconds" for word in fixed)
        problem = f"is {top.seconds:g}, less than its parts {parts} = {sum(fixed.values()):g}."
        reader.wrong(("seconds",), ("seconds",), problem, "Raise it, or take one of the parts out.")


def _judge_metric(top: Any, sections: Mapping[str, Spec], reader: Reader) -> None:
    if top.metric == "auto":
        return
    from components.metrics.registry import METRICS, optimisable

    way_out = "All names: espalier explain metric"
    task: Any = getattr(sections.get("validate"), "task", "auto")
    if top.metric not in METRICS:
        near = did_you_mean(top.metric, METRICS)
        reader.wrong(
            ("metric",), ("metric",), f"is '{top.metric}', not the name of a metric.", f"{near}  {way_out}".strip()
        )
    elif task != "auto" and top.metric not in optimisable(task):
        problem = f"is {top.metric}, which does not score a {task} task."
        reader.wrong(("metric",), ("metric",), problem, f"Write auto, or one of {', '.join(optimisable(task))}.")


def _judge_search(sections: Mapping[str, Spec], reader: Reader) -> None:
    """The sampler can model the space, the pruner has what it needs, and the user's own start points lie in it."""
    search: Any = sections.get("search")
    if search is None:
        return
    from components.search.refusals import refusals

    split: Any = sections.get("split")
    for one in refusals(space_of(search), search, None if split is None else max(1, split.folds)):
        reader.wrong(("search", one.key), ("search", one.key), one.problem, one.way_out)
    start = getattr(sections.get("search"), "start", "none")
    if not isinstance(start, Sequence) or isinstance(start, str):
        return
    from components.search.start import fit

    space = space_of(sections["search"])
    for position, point in enumerate(start):
        for misfit in fit(space, point)[1]:
            place, _, problem = misfit.partition(" ")
            names = ("search", "start", str(position + 1), *place.split("."))
            reader.wrong(("search", "start", position), names, problem, "Widen the space, or change the point.")


def _judge_split(sections: Mapping[str, Spec], reader: Reader) -> None:
    """A split by a column needs one, and not the target."""
    split: Any = sections.get("split")
    if split is None or split.by not in HOLDS:
        return
    if split.column == "none":
        holds = HOLDS[split.by]
        problem = f"is {split.by}, but split.column is none."
        reader.wrong(("split", "by"), ("split", "by"), problem, f"Name the column that holds {holds}.")
    elif split.column == getattr(sections.get("validate"), "target", None):
        problem = f"is '{split.column}', which is the target."
        reader.wrong(("split", "column"), ("split", "column"), problem, "Name another column.")


def _judge_augment(sections: Mapping[str, Spec], reader: Reader) -> None:
    """Noise is added to copies: without copies nobody gets it."""
    augment = sections.get("augment")
    noise = getattr(augment, "noise", 0.0)
    if noise and not getattr(augment, "copies", 1):
        at = ("augment", "noise")
        reader.doubt(
            at, at, f"is {noise:g}, but augment.copies is 0: no row is made that could get it. Write copies: 1."
        )


def _judge_against_data(root: Path, document: Document, sections: Mapping[str, Spec], reader: Reader) -> None:
    ingest: Any = sections["ingest"]
    source = ingest.source
    try:
        columns, rows = _columns_and_rows(root, source, ingest.bad_rows, document.kind)
    except UserMistake as error:
        reader.wrong(("ingest", "source"), (), str(error))
        return
    for at, name in _named_columns(document, sections):
        if name not in columns:
            words = tuple(str(step) for step in at if isinstance(step, str))
            near = did_you_mean(name, columns) or f"Its columns begin with {', '.join(columns[:5])}."
            reader.wrong(at, words, f"is '{name}', not a column of {source}.", near)
    target = getattr(sections.get("validate"), "target", None)
    if target in getattr(sections.get("validate"), "drop", ()):
        reader.wrong(("validate", "drop"), ("validate", "drop"), f"leaves out the target '{target}'.", "Take it out.")
    if rows is not None:
        _judge_sizes(rows, document, sections, reader)


def _columns_and_rows(root: Path, source: str, bad_rows: str, kind: str) -> tuple[tuple[str, ...], int | None]:
    """Return the names of the columns, and the rows where they were counted.

    An example never changes, so what ingest wrote of it will do: a run with nothing to do imports no scikit-learn.
    """
    ingested = root / "data" / "ingest" / "ingest.json"
    if source.startswith("example:") and ingested.exists() and (facts := read_json(ingested))["source"] == source:
        return tuple(facts["columns"]), facts["rows"]
    found = step(kind, "describe")(root, source, bad_rows=bad_rows)
    return found.columns, found.rows if found.rows_exact else None


def _named_columns(document: Document, sections: Mapping[str, Spec]) -> Iterable[tuple[Place, str]]:
    """Yield the columns that the file names, with their places."""
    validate: Any = sections.get("validate")
    if validate is not None:
        yield ("validate", "target"), validate.target
        yield from (
            (("validate", "drop", position), name) for position, name in enumerate(getattr(validate, "drop", ()))
        )
        yield from ((("validate", "columns", name), name) for name in getattr(validate, "columns", ()))
    split: Any = sections.get("split")
    if split is not None and split.column != "none":
        yield ("split", "column"), split.column
    monotone = getattr(sections.get("boosting"), "monotone", {})
    yield from ((("boosting", "monotone", name), name) for name in monotone)


def _judge_sizes(rows: int, document: Document, sections: Mapping[str, Spec], reader: Reader) -> None:
    """Folds need rows; a batch larger than a fold is no mistake, but not what it looks like."""
    split: Any = sections.get("split")
    if split is None or split.by == "column":  # how many rows train, the column says
        return
    train = round(rows * (1 - split.test))
    if split.folds > 1 and train < 2 * split.folds:
        problem = f"is {split.folds}, but there are {train} train rows: two for each fold are the least."
        way_out = f"Write {train // 2} or less." if train > 1 else "Bring more rows."
        reader.wrong(("split", "folds"), ("split", "folds"), problem, way_out)
        return
    from components.training.spec import TrainingSpec

    fit = round(train * (1 - 1 / split.folds)) if split.folds > 1 else round(train * (1 - split.validation_share))
    at = ("search", "training", "batch_size")
    written = _at(document.values, at)
    sizes = _numbers(written)
    if sizes and max(sizes) > fit and written != left_out(TrainingSpec, "batch_size"):  # a wish, not our own default
        problem = f"goes up to {max(sizes):g}, but a fold trains on {fit} rows: {max(sizes):g} is full batch here."
        reader.doubt(at, at, problem)


def _at(values: Any, place: Sequence[str]) -> Any:
    for key in place:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _numbers(value: Any) -> list[float]:
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in _numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [float(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []
