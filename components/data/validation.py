"""validate: the schema, the task, and what is wrong with the data, before anything is trained.

It looks at all rows, also at those that will be test rows, but fits nothing that a model uses: findings stop or warn,
and only rows that show by themselves that they cannot be used are left out (no target, exact copies of another row).

Elsewhere: kinds (`schema_inference.py`), the target (`target.py`), one look at each column (`column_reports.py`), what
is found (`checks.py`, `leakage.py`), how it is said (`findings.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from components.core.errors import Mistake, Mistakes, UserMistake, did_you_mean
from components.core.files import read_json, write_parquet
from components.core.raw_rows import RawRows
from components.core.specs import Spec, setting
from components.core.table import ColumnSchema, Kind, Schema
from components.data import checks, stopping_checks
from components.data.column_reports import ColumnReport, report_on
from components.data.duplicates import first_of_each, row_hashes
from components.data.findings import Finding, Word, block, counted, in_order, named, write_findings
from components.data.leakage import sampled
from components.data.schema_inference import look_at
from components.data.stopping_checks import Settled, Stop
from components.data.target import Target, read_target

ColumnName = Annotated[str, BeforeValidator(lambda name: str(name) if isinstance(name, int | float) else name)]


ColumnKind = Literal["numeric", "categorical", "boolean", "datetime", "text", "id"]
NOTHING: Mapping[str, str] = MappingProxyType({})


class ValidateSpec(Spec):
    """What to predict, how columns are read, and which findings stop the run."""

    target: ColumnName = setting(..., "the column to predict")
    task: Literal["auto", "binary", "multiclass", "regression"] = setting("auto", "binary | multiclass | regression")
    columns: Mapping[ColumnName, ColumnKind] = setting(
        {}, "to overrule the inferred types: {zip: categorical, joined: datetime}"
    )
    drop: tuple[ColumnName, ...] = setting((), "columns that models must not see")
    duplicates: Literal["keep", "drop"] = setting("drop", "keep | drop; exact copies of a row")
    outliers: Literal["none", "warn"] = setting("warn", "none | warn; named, never removed")
    on_error: Stop | Mapping[Word, Stop] = setting("stop", "stop | warn; for one finding alone: {leakage: warn}")

    def stops(self, finding: Finding) -> bool:
        """Whether this finding ends the run."""
        return stops_at(self.on_error, finding)


def stops_at(on_error: Stop | Mapping[Word, Stop], finding: Finding) -> bool:
    """Whether a finding ends the run under this `on_error`."""
    how = on_error if isinstance(on_error, str) else on_error.get(finding.word, "stop")
    return finding.severity == "error" and how == "stop"


def validate(
    spec: ValidateSpec,
    ingested: Path,
    out: Path,
    *,
    findings_copy: Path | None = None,
    dealt_by: Mapping[str, str] = NOTHING,
) -> dict[str, Any]:
    """Write schema.json, findings.json and rows.parquet into `out`; return counts, and the stage's `line`.

    `dealt_by` has the column that rows are split by, if any, with why models do not see it: it is no feature, but rows
    that differ in it are no copies of each other. `findings_copy` gets the findings also when one of them stops the run
    (then `out` is thrown away): `espalier fix` reads them there. Raises UserMistake, with all findings as its message
    where it is a finding that stops.
    """
    facts = read_json(ingested / "ingest.json")
    _refuse_unknown_columns(spec, facts["columns"], facts["source"])
    raw = RawRows([ingested / "table.parquet"])
    target = read_target(raw.column(spec.target), spec.target, spec.task)
    known_N = ~np.isnan(target.truth_N)
    unseen = {**dealt_by, **dict.fromkeys(spec.drop, "left out by validate.drop")}
    reports = _look_at_columns(spec, raw, target, facts["columns"], known_N, unseen)
    used = [report.name for report in reports if not report.left_out]
    columns = [*used, *(report.name for report in reports if report.name in dealt_by), spec.target]
    first_N = known_N.copy()
    first_N[known_N] = first_of_each(row_hashes((raw.column(name) for name in columns), len(raw))[known_N])
    num_copies = int(known_N.sum() - first_N.sum())
    keep_N = first_N if spec.duplicates == "drop" else known_N
    settled = Settled(drop=spec.drop, on_error={} if isinstance(spec.on_error, str) else spec.on_error)
    findings = [
        *stopping_checks.check_leakage(target, reports, settled),
        *stopping_checks.check_values(reports, settled),
        *stopping_checks.check_copies(num_copies if used else 0, int(known_N.sum()), spec.duplicates, settled),
        *checks.check_target(target),
        *checks.check_missing(reports, raw, len(raw)),
        *checks.check_kinds(reports),
        *checks.check_outliers(reports),
        *checks.check_classes(target, target.truth_N[keep_N]),
    ]
    if findings_copy is not None:
        write_findings(findings_copy, findings)
    if any(spec.stops(finding) for finding in findings):
        raise UserMistake(stopping_block(spec.stops, findings))
    if not used:
        reasons = [f"{report.name} ({report.left_out})" for report in reports]
        raise UserMistake(f"No column is left to learn from: {named(reasons, 5) or 'the table has only its target'}.")
    schema = _schema(facts["table"], target, reports, facts["columns"])
    schema.write(out / "schema.json")
    write_findings(out / "findings.json", findings)
    write_parquet(out / "rows.parquet", {"row": np.flatnonzero(keep_N).astype(np.int64)})
    copies = f", {num_copies} duplicate{'s' * (num_copies > 1)} dropped"
    dropped = copies if num_copies and spec.duplicates == "drop" else ""
    return {
        "rows": int(keep_N.sum()),
        "copies": num_copies,
        "task": target.task,
        "line": f"{len(used)} columns{dropped}, {counted(findings)}",
    }


def _refuse_unknown_columns(spec: ValidateSpec, columns: Sequence[str], source: str) -> None:
    """Compare all names in the section with the table's, and say what is wrong at once."""
    mistakes = []
    asked = [("validate.target", spec.target)]
    asked += [("validate.columns", name) for name in spec.columns] + [("validate.drop", name) for name in spec.drop]
    for place, name in asked:
        if name not in columns:
            hint = did_you_mean(name, columns) or f"Its columns: {named(list(columns), 8)}."
            mistakes.append(Mistake(place=place, problem=f"is '{name}', not a column of {source}.", way_out=hint))
    if spec.target in spec.columns:
        problem = f"names '{spec.target}', which is the target."
        mistakes.append(Mistake(place="validate.columns", problem=problem, way_out="Write validate.task instead."))
    if spec.target in spec.drop:
        problem = f"names '{spec.target}', which is the target."
        mistakes.append(Mistake(place="validate.drop", problem=problem, way_out="Take it out of the list."))
    if mistakes:
        raise Mistakes("params.yaml", mistakes)


def _look_at_columns(
    spec: ValidateSpec,
    raw: RawRows,
    target: Target,
    columns: Sequence[str],
    known_N: NDArray[np.bool_],
    unseen: Mapping[str, str],
) -> list[ColumnReport]:
    known = np.flatnonzero(known_N)
    rows = known[sampled(len(known))]
    reports = []
    for name in columns:
        if name == target.name:
            continue
        column = raw.column(name)
        look = look_at(column, name, spec.columns.get(name))
        if look.kind == "boolean" and look.num_distinct and look.levels is None:
            raise UserMistake(
                f"validate.columns: '{name}' is to be boolean, but has {look.num_distinct} different values. "
                "Write categorical."
            )
        why = unseen.get(name, "")
        reports.append(report_on(column, look, target, rows, len(columns), why, spec.outliers == "warn"))
        if name in spec.columns and look.num_distinct and look.num_odd == len(column) - look.num_missing and not why:
            raise UserMistake(
                f"validate.columns: '{name}' is to be {look.kind}, but none of its values is "
                f"('{look.odd[0]}'). Write categorical or text."
            )
    return reports


def stopping_block(stops: Callable[[Finding], bool], findings: Sequence[Finding]) -> str:
    """Return the message of a run that a finding stops: all of them, and the first cure."""
    first = next(finding for finding in in_order(findings) if stops(finding))
    end = "\nNothing was trained; what was exported before is as it was."
    if first.fix is not None:
        end += f"\nApply the first cure and go on:   espalier fix {first.word} && espalier run"
    return block([finding for finding in findings if finding.severity != "note"]) + "\n" + end


def _schema(table: str, target: Target, reports: Sequence[ColumnReport], order: Sequence[str]) -> Schema:
    by_name = {report.name: report for report in reports}
    columns = []
    for name in order:
        if name == target.name:
            kind: Kind = "numeric" if target.task == "regression" else "categorical"
            columns.append(ColumnSchema(name=name, kind=kind, use="target", why=f"{target.task}, {target.why}"))
            continue
        report = by_name[name]
        columns.append(
            ColumnSchema(
                name=name,
                kind=report.look.kind,
                use="left_out" if report.left_out else "feature",
                why=report.left_out or report.look.why,
                levels=report.look.levels,
            )
        )
    return Schema(table=table, task=target.task, target=target.name, classes=target.classes, columns=tuple(columns))
