"""What `init` sees in a table: its size, its target, columns that only name the rows, what is missing."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core.errors import UserMistake, did_you_mean
from components.ensembles.boosting import BoostingSettings
from components.project.first_look import FirstLook, searched_epochs, shares

if TYPE_CHECKING:
    import pandas as pd

    from components.data.describe import SourceFacts

LOOKED_AT_ROWS = 20_000
MOST_CLASSES = 20  # different whole numbers: more of them are numbers to be predicted
COUNTS = {"search": 32, "boosting": 16}
MOST_EPOCHS, LEAST_EPOCHS = 128, 8
SHARE_OF_SEARCH = 0.45  # of the clock, on each core
NETWORKS = 3  # so many shall be finished on all folds by each core
ROWS_A_SECOND = 70_000  # that a network of middle cost trains on, on one core; the start points: 85 000 on a quiet Xeon
CATBOOST_CELLS = 3000  # rows x columns x folds that it can go over in a second of the clock, and leave others time
FOLDS = 5
FEW_FOLDS, ROWS_FOR_FEW = 3, 250  # so many rows a second of the clock: five folds would leave time for one booster
ONE_PART, ROWS_FOR_ONE = 1, 1000


def look(root: Path, data: str, target: str, seconds: float | None) -> FirstLook:
    """Open the source; an example has a target of its own. Raises UserMistake."""
    from components.data.describe import describe_source, read_rows
    from components.data.examples import PREFIX, TARGETS

    facts = describe_source(root, data)
    target = target or (TARGETS[data.removeprefix(PREFIX)] if facts.format == "example" else "")
    if not target:
        raise UserMistake(f"Say what to predict:  --target COLUMN, one of {', '.join(facts.columns)}")
    if target not in facts.columns:
        near = did_you_mean(target, facts.columns) or f"Its columns are {', '.join(facts.columns)}."
        raise UserMistake(f"{target} is not a column of {data}. {near}")
    frame = read_rows(root, data, LOOKED_AT_ROWS, bad_rows="skip")
    lines = [(data, _size(facts)), (target, _target(frame[target]))]
    drop, kinds = _columns(facts, frame, target, lines)
    reasons = set(drop.values())
    values: dict[str, dict[str, Any]] = {"validate": {"target": target, "drop": list(drop)}}
    if seconds is not None:
        folds = _folds(seconds, facts.rows)
        if folds < FOLDS:
            values["split"] = {"folds": folds}
            lines.append(("folds", f"{folds}, because {facts.rows} rows are many for {seconds:g} seconds"))
        epochs = _epochs(seconds, facts.rows, folds)
        values["search"] = {"training": {"epochs": searched_epochs(epochs)}}
        if _has_time_for_catboost(seconds, facts.rows * folds, kinds, frame[target]):
            values["boosting"] = {"library": [*BoostingSettings().libraries, "catboost"]}
            lines.append(("boosting", "CatBoost too: it is installed, and there is time for it"))
        lines.append(("epochs", f"{epochs} at most, so that each core finishes about {NETWORKS} networks"))
    return FirstLook(
        lines=tuple(lines),
        values=values,
        notes={("validate", "drop"): reasons.pop()} if len(reasons) == 1 else {},
        counts=COUNTS,
    )


def _folds(seconds: float, rows: int) -> int:
    """Return how many folds leave time for more than one model of a kind."""
    if rows > ROWS_FOR_ONE * seconds:
        return ONE_PART
    return FEW_FOLDS if rows > ROWS_FOR_FEW * seconds else FOLDS


def _epochs(seconds: float, rows: int, folds: int) -> int:
    """Return how often a network can go over its rows so that some are finished on all folds."""
    a_network = SHARE_OF_SEARCH * seconds / NETWORKS * ROWS_A_SECOND
    trained = 0.8 * rows * (folds - 1 if folds > 1 else 0.8)
    return max(LEAST_EPOCHS, min(MOST_EPOCHS, int(a_network / max(1.0, trained))))


def _has_time_for_catboost(seconds: float, rows: int, kinds: Sequence[str], target: "pd.Series[Any]") -> bool:
    """Return whether its first model takes a part of the clock alone: it is strong, and slow on many rows.

    Measured on six development tables: a column of levels costs as much as three of numbers, a class as half a model.
    """
    if importlib.util.find_spec("catboost") is None:
        return False
    columns = sum(1 if kind in ("numeric", "boolean", "datetime") else 3 for kind in kinds)
    classes = target.nunique() if target.dtype.kind not in "fi" or target.nunique() <= MOST_CLASSES else 1
    return rows * columns * max(1.0, classes / 2) <= CATBOOST_CELLS * seconds


def _size(facts: "SourceFacts") -> str:
    about = "" if facts.rows_exact else "about "
    size = [f"{facts.size_bytes / 1e6:.1f} MB"] if facts.size_bytes else []
    more = [*size, *(word for word in (facts.separator, facts.encoding) if word)]
    return ", ".join([f"{about}{facts.rows} rows, {len(facts.columns)} columns", *more])


def _columns(
    facts: "SourceFacts", frame: "pd.DataFrame", target: str, lines: list[tuple[str, str]]
) -> tuple[dict[str, str], list[str]]:
    """Add what was seen to the lines; return those to be left out, each with the reason, and the others' kinds."""
    from components.data.schema_inference import look_at

    drop: dict[str, str] = {}
    kinds: list[str] = []
    for name in facts.columns:
        found = look_at(frame[name], name)
        if name == target:
            continue
        if found.kind == "id":
            drop[name] = found.why
            lines.append((name, f"{found.why}: left out"))
        elif found.num_odd:
            words = ", ".join(repr(word) for word in found.odd)
            lines.append((name, f"{found.why} ({words}): {found.num_odd} read as missing"))
        elif found.num_missing:
            of = f"of the first {len(frame)} " if len(frame) < facts.rows else ""
            lines.append((name, f"nothing in {found.num_missing} {of}rows: missing"))
        if found.kind != "id":
            kinds.append(found.kind)
    return drop, kinds


def _target(column: Any) -> str:
    """Say what the target holds."""
    from components.data.schema_inference import look_at, sort_words

    found = look_at(column, str(column.name))
    if found.kind == "numeric" and found.num_distinct > MOST_CLASSES:
        return f"numbers from {column.min():g} to {column.max():g}"
    counts = column.dropna().astype(str).value_counts()
    return shares({word: int(counts[word]) for word in sort_words(list(counts.index))})
