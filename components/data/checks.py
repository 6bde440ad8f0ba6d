"""The checks of validate: each looks at the reports of all columns and returns findings. Nothing here changes a row."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text
from components.core.raw_rows import RawRows
from components.data.column_reports import ONE_VALUE, ColumnReport
from components.data.cures import yaml_word
from components.data.findings import Finding, Word, named
from components.data.schema_inference import WRITTEN
from components.data.target import Target

MUCH_MISSING = 0.3
RARE_ROWS = 10
RARE_SHARE = 0.05
HALF = 0.5


def check_target(target: Target) -> list[Finding]:
    """Rows without a target."""
    number = int(np.isnan(target.truth_N).sum())
    if number == 0:
        return []
    sentence = f"{target.name} is missing in {_rows(number)}. Left out."
    return [Finding(severity="warning", word="missing", columns=(target.name,), sentence=sentence)]


def check_missing(reports: Sequence[ColumnReport], raw: RawRows, num_rows: int) -> list[Finding]:
    """Values that are missing; what they go with, where that is plain."""
    reports = [report for report in reports if not report.unseen]
    some = [r for r in reports if r.look.num_missing and not r.left_out]
    found = []
    if len(some) > 3:
        some = sorted(some, key=lambda report: -report.look.num_missing)
        most = [f"{report.name} ({_percent(report.look.num_missing, num_rows)})" for report in some[:3]]
        sentence = f"{len(some)} columns have missing values, most {named(most)}. Kept, as missing."
        found.append(_missing(some, sentence, num_rows, False))
        some = []
    for report in some:
        num = report.look.num_missing
        with_what = _goes_with(report, [r for r in reports if not r.left_out and r is not report], raw)
        share = f" ({_percent(num, num_rows)})" if num >= 0.01 * num_rows else ""
        sentence = f"{report.name} is missing in {_rows(num)}{share}{with_what}. Kept, as missing."
        found.append(_missing([report], sentence, num_rows, bool(with_what)))
    return found


def check_kinds(reports: Sequence[ColumnReport]) -> list[Finding]:
    """Columns that models do not see, and numbers mixed with words."""
    found: list[Finding] = []
    reports = [report for report in reports if not report.unseen]
    for report in reports:
        look = report.look
        if look.num_odd:
            odd = ", ".join(f"'{word}'" for word in look.odd)
            found.append(
                Finding(
                    severity="warning",
                    word="mixed",
                    columns=(report.name,),
                    sentence=f"{report.name} holds {'numbers' if look.kind == 'numeric' else 'dates'}, "
                    f"but something else in {_rows(look.num_odd)} ({odd}). Read as missing.",
                    cures=(
                        (
                            "If these are answers of their own:",
                            f"validate.columns: {{{yaml_word(report.name)}: categorical}}",
                        ),
                    ),
                )
            )
        if look.num_distinct == 0 or report.num_infinite:
            continue
        if look.why.startswith(WRITTEN):
            sentence = f"{report.name} holds {look.why}. Left out: write plain numbers to make use of it."
            found.append(Finding(severity="warning", word="mixed", columns=(report.name,), sentence=sentence))
        elif look.kind == "id":
            found.append(_note("id", report, f"{report.name}: {look.why}. Left out.", "If it means something:"))
        elif look.kind == "text":
            found.append(_note("text", report, f"{report.name}: {look.why}. Its words count.", "If these are levels:"))
    return found + _constant([report.name for report in reports if report.left_out == ONE_VALUE])


def check_outliers(reports: Sequence[ColumnReport]) -> list[Finding]:
    """Numbers so far from all others that they may be typing errors, or signs for missing."""
    far = [report for report in reports if report.far and not report.left_out]
    if len(far) > 3:
        sentence = (
            f"{len(far)} columns have values far from all others: {named([report.name for report in far])}. Kept."
        )
        columns = tuple(report.name for report in far)
        return [Finding(severity="warning", word="outliers", columns=columns, sentence=sentence)]
    return [
        Finding(
            severity="warning",
            word="outliers",
            columns=(report.name,),
            sentence=f"{report.name} is far from all other rows in {report.far}. Kept.",
        )
        for report in far
    ]


def check_classes(target: Target, truth_n: NDArray[np.float64]) -> list[Finding]:
    """Few rows of a class."""
    if not target.classes:
        return []
    counts = np.bincount(truth_n.astype(np.int64), minlength=len(target.classes))
    rare = [f"{name} ({n})" for name, n in zip(target.classes, counts, strict=True) if n < RARE_ROWS]
    found = []
    if rare:
        sentence = f"Fewer than {RARE_ROWS} rows are {named(rare)}. Scores for them rest on very few rows."
        found.append(Finding(severity="warning", word="rare", columns=(target.name,), sentence=sentence))
    least, most = int(counts.argmin()), int(counts.argmax())
    if len(counts) == 2 and counts[least] < RARE_SHARE * counts.sum():
        found.append(
            Finding(
                severity="warning",
                word="imbalance",
                columns=(target.name,),
                sentence=f"{_percent(int(counts[least]), int(counts.sum()))} of the rows are {target.classes[least]}: "
                f"always answering {target.classes[most]} is right in "
                f"{_percent(int(counts[most]), int(counts.sum()))}. Read accuracy with that in mind.",
            )
        )
    return found


def _goes_with(report: ColumnReport, others: Sequence[ColumnReport], raw: RawRows) -> str:
    """Return ", all with tenure 0" when the rows without a value share a value that few other rows have."""
    if report.missing_N is None or report.look.num_missing < 5:
        return ""
    rows = np.flatnonzero(report.missing_N)
    for other in others:
        if other.look.num_distinct < 3:
            continue
        column = raw.column(other.name)
        words = as_text(column.iloc[rows])
        if words.isna().any() or words.nunique() != 1:
            continue
        same = int((column == column.iloc[rows[0]]).sum())
        if same <= 2 * len(rows) and same <= HALF * len(column):
            return f", all with {other.name} {words.iloc[0]}"
    return ""


def _constant(names: list[str]) -> list[Finding]:
    verb = "has" if len(names) == 1 else "have"
    sentence = f"{named(names)} {verb} one value in all rows. Left out."
    return [Finding(severity="note", word="constant", columns=tuple(names), sentence=sentence)] if names else []


def _missing(reports: Sequence[ColumnReport], sentence: str, num_rows: int, told: bool) -> Finding:
    much = any(report.look.num_missing >= MUCH_MISSING * num_rows for report in reports)
    columns = tuple(report.name for report in reports)
    return Finding(severity="warning" if much or told else "note", word="missing", columns=columns, sentence=sentence)


def _note(word: Word, report: ColumnReport, sentence: str, when: str) -> Finding:
    cure = f"validate.columns: {{{yaml_word(report.name)}: categorical}}"
    return Finding(
        severity="note",
        word=word,
        columns=(report.name,),
        sentence=sentence,
        cures=((when, cure),) if when else (),
    )


def _rows(number: int) -> str:
    return f"{number} row{'s' * (number != 1)}"


def _percent(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.0f} %" if 1 <= share <= 99 else f"{share:.2g} %" if share < 1 else f"{share:.1f} %"
