"""A finding: what is wrong with the data, why it matters, and the line of params.yaml that settles it.

Findings go to `findings.json`, to the report, and, when they stop the run, to the terminal in the form of `block`.
`espalier fix <word>` writes what `fix` says. The checks that make findings are in `checks.py` and `leakage.py`.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from components.core.files import read_json, write_json

Word = Literal[
    "leakage",
    "infinite",
    "missing",
    "duplicates",
    "mixed",
    "constant",
    "id",
    "text",
    "outliers",
    "imbalance",
    "rare",
    "unreadable",
    "proportions",
    "groups",
    "time",
]
WORDS: tuple[str, ...] = get_args(Word)
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
INDENT = 22  # where sentences begin: "warning  duplicates   "


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that the data shows. JSON: the same names."""

    severity: Severity
    word: Word
    columns: tuple[str, ...]
    sentence: str  # what was found: "refund_date alone predicts churned: ROC AUC 0.998 on folds."
    why: str = ""  # the evidence, or why it matters here
    cures: tuple[tuple[str, str], ...] = ()  # (when to apply it, line of params.yaml)
    fix: Mapping[str, Any] | None = None  # {"key": "validate.drop", "value": [...]}: what `espalier fix <word>` writes


def write_findings(path: Path, findings: Sequence[Finding]) -> None:
    """Write findings.json, worst first."""
    write_json(path, [asdict(finding) for finding in in_order(findings)])


def read_findings(path: Path) -> list[Finding]:
    """Read findings.json."""
    return [
        Finding(
            **{
                **value,
                "columns": tuple(value["columns"]),
                "cures": tuple((when, line) for when, line in value["cures"]),
            }
        )
        for value in read_json(path)
    ]


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Sort worst first, then in the order of the words."""
    return sorted(findings, key=lambda found: (SEVERITIES.index(found.severity), WORDS.index(found.word)))


def block(findings: Sequence[Finding], width: int = 96) -> str:
    """Lay findings out for the terminal, worst first: severity, word, sentence, evidence, cures."""
    return "\n".join(line for finding in in_order(findings) for line in _lines(finding, width))


def counted(findings: Sequence[Finding]) -> str:
    """Count errors and warnings: "no leakage, 1 warning"."""
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    leaks = sum(finding.word == "leakage" for finding in findings)
    parts = ["no leakage"] if not leaks else []
    parts += [f"{errors} error{'s' * (errors > 1)}"] if errors else []
    parts += [f"{warnings} warning{'s' * (warnings > 1)}"] if warnings else []
    return ", ".join(parts)


def named(columns: Sequence[str], most: int = 3) -> str:
    """Write "a, b and c", or "a, b, c and 11 more"."""
    if len(columns) <= 1:
        return "".join(columns)
    if len(columns) <= most:
        return f"{', '.join(columns[:-1])} and {columns[-1]}"
    return f"{', '.join(columns[:most])} and {len(columns) - most} more"


def _lines(finding: Finding, width: int) -> list[str]:
    text = [line for part in (finding.sentence, finding.why) if part for line in textwrap.wrap(part, width - INDENT)]
    for when, line in finding.cures:
        text += textwrap.wrap(when, width - INDENT)
        text.append(f"    {line}")
    head = f"{finding.severity:<9}{finding.word:<13}"
    return [head + text[0], *(" " * INDENT + line for line in text[1:])]
