"""What the report shows beside scores.json: rows, curves, times. Made once by the stage, used by every section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.table import IMAGE, Table
from components.evaluation.judge import Case, values_of
from components.evaluation.layout import Scores
from components.evaluation.material import Material
from components.evaluation.report.charts import SPARK_BINS
from components.evaluation.report.contact_sheet import Sheet

MOST_COLUMNS = 60
MOST_WORST = 20
WORST_COLUMNS = 6


@dataclass(frozen=True, kw_only=True)
class View:
    """All that the page is made of."""

    scores: Scores
    material: Material
    truth_n: NDArray[Any]  # of the judged rows
    values_nC: NDArray[np.float32]  # the ensemble's answers
    histograms: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # column -> [classes or 1, bins], train rows
    missing: Mapping[str, int] = field(default_factory=dict)  # column -> missing values among the train rows
    parts: Sequence[tuple[str, int, Sequence[int]]] = ()  # test and folds: name, rows, rows by class
    worst: Sequence[Mapping[str, str]] = ()  # rows with the largest errors, as text
    alike: tuple[tuple[str, ...], NDArray[np.float64]] | None = None  # members, correlation of their errors
    sheet: Sheet | None = None  # of pictures: what they are augmented to
    ms_per_row: float | None = None  # measured here and now; in the page alone
    ms_of_members: Mapping[str, float | None] = field(default_factory=dict)  # measured while the test was answered
    times: Sequence[tuple[str, float]] = ()  # stage -> seconds, from the ledger
    grown: str = ""  # "20 Nov 2026 14:37"
    cores: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def histograms_of(case: Case) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """Count the train rows of each feature in 16 bins (or levels) by class, and its missing values."""
    table, rows = case.table, case.train_rows
    schema = table.schema
    truth_n = table.target()[rows] if schema.task != "regression" else np.zeros(len(rows), dtype=np.int64)
    num_classes = max(1, len(schema.classes))
    counts: dict[str, NDArray[Any]] = {}
    missing: dict[str, int] = {}
    for column in [column for column in schema.features if column.kind != IMAGE][:MOST_COLUMNS]:
        place_n, num_bins, absent_n = _binned(table, column.name, column.kind, rows)
        missing[column.name] = int(absent_n.sum())
        flat = np.bincount((truth_n * num_bins + place_n)[~absent_n], minlength=num_classes * num_bins)
        counts[column.name] = flat.reshape(num_classes, num_bins)
    return counts, missing


def _binned(
    table: Table, name: str, kind: str, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int, NDArray[np.bool_]]:
    values = table.column(name)[rows]
    if kind == "text":  # a histogram of how long they are
        values = np.array([np.nan if text is None else len(text) for text in values])
    if kind == "categorical":
        num_levels = max(1, min(len(table.schema.column(name).levels or ()), SPARK_BINS))
        return np.clip(values, 0, num_levels - 1).astype(np.int64), num_levels, values < 0
    absent = ~np.isfinite(values)
    if absent.all():
        return np.zeros(len(values), dtype=np.int64), 1, absent
    known = values[~absent]
    low, high = np.quantile(known, [0.01, 0.99]) if len(known) > 100 else (known.min(), known.max())
    share = (np.where(absent, low, values) - low) / ((high - low) or 1.0)
    return np.clip((share * SPARK_BINS).astype(np.int64), 0, SPARK_BINS - 1), SPARK_BINS, absent


def parts_of(case: Case) -> list[tuple[str, int, list[int]]]:
    """Count the rows of the test part and of each fold, by class."""
    named = [("test", case.test_rows)] if len(case.test_rows) else []
    named += [("train", case.train_rows), *((f"fold {fold.number}", fold.score_rows) for fold in case.folds)]
    classes = len(case.table.schema.classes)
    truth = case.table.target()
    return [
        (name, len(rows), np.bincount(truth[rows], minlength=classes).tolist() if classes else [])
        for name, rows in named
    ]


def worst_rows(case: Case) -> list[dict[str, str]]:
    """Return the judged rows that the ensemble gets most wrong: row, truth, answer, and its most important columns."""
    truth_n, values_nC = case.judged.truth_n, case.judged.values_KnC[0]
    schema = case.table.schema
    if schema.task == "regression":
        error_n = np.abs(truth_n - values_nC[:, 0])
    else:
        error_n = 1.0 - values_nC[np.arange(len(truth_n)), truth_n]
    called_n = case.judged.called()[0].argmax(axis=1)
    order = np.argsort(-error_n, kind="stable")[:MOST_WORST]
    names = [column.name for column in schema.features[:WORST_COLUMNS]]
    frame = case.table.raw(case.rows[order], names)
    found = []
    for place, n in enumerate(order):
        if schema.task == "regression":
            truth, answer = f"{truth_n[n]:.5g}", f"{values_nC[n, 0]:.5g}"
        else:
            called = int(called_n[n])
            truth, answer = schema.classes[truth_n[n]], f"{schema.classes[called]} ({values_nC[n, called]:.2f})"
        shown = {name: _cell(frame[name].iloc[place]) for name in names}
        found.append({"row": str(case.rows[n]), "truth": truth, "answer": answer, **shown})
    return found


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.5g}" if isinstance(value, float | np.floating) else str(value)


def errors_alike(case: Case) -> tuple[tuple[str, ...], NDArray[np.float64]] | None:
    """Return the correlation of the members' errors on their out-of-fold rows; None for fewer than two members."""
    if len(case.members) < 2:
        return None
    rows_n = case.ensemble.oof.rows_n
    truth_n = case.table.target()[rows_n]
    errors = []
    for member in case.members.values():
        values_nC = values_of(member.oof, rows_n)
        wrong = truth_n - values_nC[:, 0] if case.table.schema.task == "regression" else _missed(values_nC, truth_n)
        errors.append(wrong)
    with np.errstate(invalid="ignore", divide="ignore"):
        alike_MM = np.corrcoef(np.stack(errors))
    alike_MM = np.nan_to_num(alike_MM)  # errors that are all the same go with nobody's
    np.fill_diagonal(alike_MM, 1.0)
    return tuple(case.members), alike_MM


def _missed(values_nC: NDArray[np.float32], truth_n: NDArray[Any]) -> NDArray[Any]:
    return 1.0 - values_nC[np.arange(len(truth_n)), truth_n]
