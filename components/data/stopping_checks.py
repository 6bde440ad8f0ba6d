"""The checks whose findings stop the run: leakage, columns of nothing, infinite values, a table that is mostly copies.

Each comes with the two lines that settle it: one that cures, and one that lets it pass knowingly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components.data.column_reports import ColumnReport
from components.data.cures import yaml_list, yaml_map, yaml_word
from components.data.findings import Finding, Severity, Word, named
from components.data.leakage import Alone, suspicious
from components.data.target import Target

Stop = Literal["stop", "warn"]
MANY_COPIES = 0.5  # share of the rows from which on dropping copies is a question for the user
SOME_COPIES = 0.1  # from here on the way to keep them is told


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What params.yaml says already: a cure must not take it back."""

    drop: Sequence[str]
    on_error: Mapping[Word, Stop]

    def dropping(self, *columns: str) -> list[str]:
        """validate.drop with these columns too."""
        return list(dict.fromkeys([*self.drop, *columns]))

    def warning(self, word: Word) -> str:
        """The line that lets a finding pass."""
        let_pass = {str(known): how for known, how in self.on_error.items()} | {str(word): "warn"}
        return f"validate.on_error: {yaml_map(let_pass)}"


def check_leakage(target: Target, reports: Sequence[ColumnReport], settled: Settled) -> list[Finding]:
    """Columns that give the target away, and one that nearly does while no other comes near."""
    scores = [report.alone for report in reports if report.alone is not None]
    leaking = [score for score in scores if score.leaks]
    drop = settled.dropping(*(score.name for score in leaking))
    found = [_leak("error", score, target, drop, settled) for score in leaking]
    doubtful = suspicious(scores)
    return found + [_leak("warning", score, target, settled.dropping(score.name), settled) for score in doubtful]


def check_values(reports: Sequence[ColumnReport], settled: Settled) -> list[Finding]:
    """Columns without any value, and columns with infinite ones."""
    seen = [report for report in reports if not report.unseen]
    found = []
    empty = [report.name for report in seen if report.look.num_distinct == 0]
    if empty:
        sentence = f"{named(empty)} {'has' if len(empty) == 1 else 'have'} no value in any row."
        why = "Nothing can be learned from that; perhaps a join or an export went wrong."
        found.append(_of_columns("missing", empty, sentence, why, settled))
    infinite = [report for report in seen if report.num_infinite]
    for report in infinite:
        rows = "1 row" if report.num_infinite == 1 else f"{report.num_infinite} rows"
        first = f"the first is row {report.first_infinite + 1} below the header"
        sentence = f"{report.name} is infinite in {rows}; {first}."
        why = "Models need finite numbers. Correct these cells or empty them, or leave the column out."
        found.append(_of_columns("infinite", [report.name], sentence, why, settled))
    return found


def check_copies(number: int, num_rows: int, duplicates: str, settled: Settled) -> list[Finding]:
    """Rows that are exact copies of an earlier one."""
    if number == 0:
        return []
    what = "1 row stands" if number == 1 else f"{number} rows stand"
    if duplicates == "keep":
        sentence = f"{what} twice. Kept; copies never stand on two sides of a split."
        return [Finding(severity="note", word="duplicates", columns=(), sentence=sentence)]
    keep = ("If equal rows are different cases:", "validate.duplicates: keep")
    fix = {"key": "validate.duplicates", "value": "keep"}
    if number > MANY_COPIES * num_rows:
        return [
            Finding(
                severity="error",
                word="duplicates",
                columns=(),
                sentence=f"{number} of {num_rows} rows are copies of another; {num_rows - number} are left without.",
                why="In a table of few columns with few values, equal rows are often different cases.",
                cures=(keep, ("If they are copies, drop them:", settled.warning("duplicates"))),
                fix=fix,
            )
        ]
    many = number > SOME_COPIES * num_rows
    return [
        Finding(
            severity="warning",
            word="duplicates",
            columns=(),
            sentence=f"{what} twice. One of each was dropped (validate.duplicates).",
            cures=(keep,) if many else (),
            fix=fix if many else None,
        )
    ]


def _leak(severity: Severity, score: Alone, target: Target, drop: list[str], settled: Settled) -> Finding:
    cures = [("If it is only known afterwards, leave it out:", f"validate.drop: {yaml_list(drop)}")]
    if severity == "error" and score.encoded:
        cures.append(("If each row's own answer is not in it:", settled.warning("leakage")))
    elif severity == "error":
        cures.append(("If it is known when you predict:", settled.warning("leakage")))
    if score.many_words:
        line = f"split: {{by: group, column: {yaml_word(score.name)}}}"
        cures.append(("If it names things with several rows (a person, a place), also keep these together:", line))
    says = "alone predicts" if severity == "error" else "alone nearly predicts"
    return Finding(
        severity=severity,
        word="leakage",
        columns=(score.name,),
        sentence=f"{score.name} is made of {target.name}: its {score.encoded} values are means of it over their rows."
        if score.encoded
        else f"{score.name} {says} {target.name}: {score.measure}.",
        why=score.evidence(target.classes) if severity == "error" else "No other column comes near it.",
        cures=tuple(cures),
        fix={"key": "validate.drop", "value": drop},
    )


def _of_columns(word: Word, columns: list[str], sentence: str, why: str, settled: Settled) -> Finding:
    drop = settled.dropping(*columns)
    return Finding(
        severity="error",
        word=word,
        columns=tuple(columns),
        sentence=sentence,
        why=why,
        cures=(
            ("Leave it out:", f"validate.drop: {yaml_list(drop)}"),
            ("Or let it be left out with a warning:", settled.warning(word)),
        ),
        fix={"key": "validate.drop", "value": drop},
    )
