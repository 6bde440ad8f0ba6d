"""split: the test rows, and the folds of the train rows, declared once for all members.

Rows that are equal in every column that a model sees always stand on one side: a model would know them by heart. With
`by: group` so do the rows of a group; groups that share equal rows are kept together.

With `by: time` the test rows are the last ones and folds never look ahead (`time_order.py`); an equal row of an earlier
time stays where it is, because so it will be with new rows, and its number is told.

The schema is completed here, because from here on train rows are known: levels and ranges come from them alone.
How units of rows are dealt is in `dealing.py`; made rows are added to the folds by `components/augmentation`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text
from components.core.contracts import Fold
from components.core.errors import UserMistake, did_you_mean
from components.core.files import read_json, read_parquet, write_json, write_parquet
from components.core.raw_rows import RawRows
from components.core.seeds import generator
from components.core.specs import NONE, Spec, setting
from components.core.table import Schema, Table
from components.data.dealing import deal, strata_of
from components.data.findings import write_findings
from components.data.schema_completion import complete
from components.data.split_checks import check_split
from components.data.split_facts import HOLDS, facts_of, line_of, unseen_column
from components.data.time_order import blocks_of, cut_in_order, moments_of, refuse_few_moments
from components.data.units import units_of
from components.data.validation import ColumnName

NO_PART = -1
TRAIN, TEST = 0, 1


class SplitSpec(Spec):
    """How rows are dealt to test and folds."""

    by: Literal["random", "stratified", "group", "time", "column"] = setting(
        "stratified", "random | stratified | group | time | column; time: the newest fold's models answer"
    )
    column: ColumnName = setting(NONE, "the column that holds the group, the time, or the words train and test")
    test: float = setting(0.2, "share of the rows; 0 = estimates from the folds alone", ge=0.0, lt=1.0)
    folds: int = setting(5, "parts of the train rows; 1 = one validation part", ge=1, le=100)
    validation_share: float = setting(0.2, "share of the train rows, when folds is 1", gt=0.0, lt=1.0)


def split(spec: SplitSpec, ingested: Path, validated: Path, out: Path, *, seed: int) -> dict[str, Any]:
    """Write schema.json (completed), rows.parquet, split.json, findings.json; return split.json and the stage's `line`.

    rows.parquet: `row` (id), `part` (0 train, 1 test), `fold` (-1: in no scored part). Raises UserMistake.
    """
    schema = Schema.read(validated / "schema.json")
    rows = read_parquet(validated / "rows.parquet")["row"].astype(np.int64)
    schema = replace(_leave_out_column(spec, schema), group=spec.column if spec.by == "group" else None)
    raw = RawRows([ingested / "table.parquet"])
    truth_n = Table.open(schema, ingested / "table.parquet").target()[rows].astype(np.float64)
    units_n = units_of(raw, rows, schema.compared, spec.column if spec.by == "group" else None)
    moments_n = moments_of(raw, rows, spec.column) if spec.by == "time" else np.zeros(len(rows))
    if spec.by == "time":
        test_n = _last_rows(spec, moments_n)
    else:
        test_n = _test_rows(spec, schema, raw, rows, units_n, truth_n, seed)
    kept_n = _copies_of_test_rows_left_out(test_n, units_n) if spec.by == "column" else np.ones(len(rows), dtype=bool)
    rows, truth_n, units_n, test_n = rows[kept_n], truth_n[kept_n], units_n[kept_n], test_n[kept_n]
    fold_n = np.full(len(rows), NO_PART, dtype=np.int16)
    train_n = np.flatnonzero(~test_n)
    _refuse_too_few(spec, units_n[train_n], test_n)
    if spec.by == "time":
        refuse_few_moments(moments_n[train_n], spec.folds, spec.column)
        fold_n[train_n] = blocks_of(moments_n[train_n], spec.folds, spec.validation_share)
    else:
        fold_n[train_n] = _dealt_folds(spec, schema, truth_n[train_n], units_n[train_n], seed)
    _refuse_bad_folds(spec, schema, truth_n[train_n], fold_n[train_n])
    complete(schema, raw, rows[~test_n]).write(out / "schema.json")
    part_n = np.where(test_n, TEST, TRAIN).astype(np.int8)
    write_parquet(out / "rows.parquet", {"row": rows, "part": part_n, "fold": fold_n})
    left_out, repeated = int((~kept_n).sum()), int(np.isin(units_n[test_n], units_n[~test_n]).sum())
    facts = facts_of(spec, schema, truth_n, test_n, fold_n, left_out=left_out, repeated=repeated)
    write_json(out / "split.json", facts)
    findings = check_split(schema, raw, rows, truth_n, spec.by, spec.column)
    write_findings(out / "findings.json", findings)
    return {**facts, "line": line_of(spec, facts, findings)}


def read_folds(split_folder: Path) -> tuple[NDArray[np.int64], list[Fold]]:
    """Return the ids of the test rows (sorted), and the folds of the train rows without made rows."""
    columns = read_parquet(split_folder / "rows.parquet")
    facts = read_json(split_folder / "split.json")
    row, part, fold = columns["row"].astype(np.int64), columns["part"], columns["fold"]
    train = part == TRAIN
    folds = [
        Fold(number=s, fit_rows=row[train & _fitted(facts["by"], fold, s)], score_rows=row[train & (fold == s)])
        for s in range(int(facts["folds"]))
    ]
    return row[part == TEST], folds


def _fitted(by: str, fold_n: NDArray[np.int16], number: int) -> NDArray[np.bool_]:
    """Mark the train rows that a fold is fitted on: all others, or all earlier ones."""
    return np.asarray(fold_n < number if by == "time" else fold_n != number)


def _dealt_folds(
    spec: SplitSpec, schema: Schema, truth_n: NDArray[np.float64], units_n: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Return the fold of each train row [n]; -1 for those of no fold."""
    parts = _shares(spec)
    _, units = np.unique(units_n, return_inverse=True)
    found = deal(units, _strata(spec, schema, truth_n, len(parts)), parts, generator(seed, "split", "folds"))
    return found if spec.folds > 1 else np.where(found == 1, 0, NO_PART)


def _last_rows(spec: SplitSpec, moments_n: NDArray[np.float64]) -> NDArray[np.bool_]:
    if spec.test == 0:
        return np.zeros(len(moments_n), dtype=bool)
    return cut_in_order(moments_n, np.array([1 - spec.test, spec.test])) == 1


def _shares(spec: SplitSpec) -> NDArray[np.float64]:
    if spec.folds == 1:
        return np.array([1 - spec.validation_share, spec.validation_share])
    return np.full(spec.folds, 1 / spec.folds)


def _strata(spec: SplitSpec, schema: Schema, truth_n: NDArray[np.float64], num_parts: int) -> NDArray[np.int64]:
    if spec.by == "random":
        return np.zeros(len(truth_n), dtype=np.int64)
    return strata_of(truth_n, len(schema.classes), num_parts)


def _leave_out_column(spec: SplitSpec, schema: Schema) -> Schema:
    """Check `split.column`, and take it from the features: a model must not see how the rows were dealt."""
    if spec.by not in HOLDS:
        return schema
    names = [column.name for column in schema.columns]
    if spec.column == NONE:
        raise UserMistake(
            f"split.by is {spec.by}, but split.column is none. Name the column that holds {HOLDS[spec.by]}."
        )
    if spec.column not in names:
        hint = did_you_mean(spec.column, names)
        raise UserMistake(f"split.column is '{spec.column}', not a column of the table. {hint}".rstrip())
    if spec.column == schema.target:
        raise UserMistake(f"split.column is '{spec.column}', which is the target. Name another column.")
    left_out = replace(schema.column(spec.column), use="left_out", why=unseen_column(spec.by, spec.column)[spec.column])
    return schema.with_columns([left_out if c.name == spec.column else c for c in schema.columns])


def _test_rows(
    spec: SplitSpec,
    schema: Schema,
    raw: RawRows,
    rows: NDArray[np.int64],
    units_n: NDArray[np.int64],
    truth_n: NDArray[np.float64],
    seed: int,
) -> NDArray[np.bool_]:
    if spec.by == "column":
        return _declared_test_rows(spec, raw, rows)
    if spec.test == 0:
        return np.zeros(len(rows), dtype=bool)
    shares = np.array([1 - spec.test, spec.test])
    test_n = deal(units_n, _strata(spec, schema, truth_n, 2), shares, generator(seed, "split", "test")) == 1
    if schema.classes:  # the only unit of a class is learned from
        for number in range(len(schema.classes)):
            of_class = truth_n == number
            if of_class.any() and test_n[of_class].all():
                test_n[np.isin(units_n, units_n[of_class][:1])] = False
    return test_n


def _declared_test_rows(spec: SplitSpec, raw: RawRows, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    words = as_text(raw.column(spec.column)).iloc[rows].str.lower()
    wrong = sorted({str(word) for word in words[~words.isin(["train", "test"])]})
    if wrong:
        some = ", ".join(f"'{word}'" if word != "nan" and word != "None" else "nothing" for word in wrong[:3])
        raise UserMistake(
            f"split.column: '{spec.column}' holds {some}. With split.by: column it holds the words train and test, "
            "and nothing else."
        )
    test_n = (words == "test").to_numpy(dtype=bool)
    if not test_n.any() or test_n.all():
        missing = "test" if not test_n.any() else "train"
        raise UserMistake(f"split.column: no row of '{spec.column}' holds the word {missing}.")
    return test_n


def _copies_of_test_rows_left_out(test_n: NDArray[np.bool_], units_n: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Keep all rows but the train rows that equal a test row."""
    return np.asarray(test_n | ~np.isin(units_n, units_n[test_n]))


def _refuse_too_few(spec: SplitSpec, units_train: NDArray[np.int64], test_n: NDArray[np.bool_]) -> None:
    num_units, num_train = len(np.unique(units_train)), len(units_train)
    needed = max(2, spec.folds)
    what = "group" if spec.by == "group" else "different row"
    if spec.test > 0 and spec.by != "column" and not test_n.any():
        raise UserMistake(
            f"split.test is {spec.test:g}, but of {len(test_n)} rows none could be spared for the test. "
            "Write split.test: 0 (estimates from the folds alone), or bring more rows."
        )
    if num_units >= needed and num_train >= 2 * spec.folds:
        return
    can = min(num_units, num_train // 2)
    way_out = f"Write split.folds: {can}" if can >= 2 else "Bring more rows"
    raise UserMistake(
        f"split.folds is {spec.folds}, but there are {num_train} train rows with {num_units} "
        f"{what}{'s' * (num_units != 1)}: every fold needs one, and two rows. {way_out}."
    )


def _refuse_bad_folds(spec: SplitSpec, schema: Schema, truth_n: NDArray[np.float64], fold_n: NDArray[np.int16]) -> None:
    """Refuse folds that score nothing, or fit rows that hold one class only."""
    for s in range(spec.folds):
        fit, score = truth_n[_fitted(spec.by, fold_n, s)], truth_n[fold_n == s]
        if len(score) == 0 or len(fit) == 0:
            way_out = "Write fewer split.folds." if spec.folds > 1 else "Change split.validation_share."
            raise UserMistake(
                f"split: fold {s} would have {len(score)} rows to score and {len(fit)} to fit, "
                f"because too many rows belong together. {way_out}"
            )
        if schema.classes and len(np.unique(fit)) < 2:
            only = schema.classes[int(fit[0])]
            if spec.by == "time":
                raise UserMistake(
                    f"split: all rows before those that fold {s} scores are '{only}': the other classes come later. "
                    "Write fewer split.folds, or bring earlier rows of them."
                )
            raise UserMistake(
                f"split: without fold {s} all train rows are '{only}': the other classes have too few rows, "
                "or all in one group. Bring more of them, or write fewer split.folds."
            )
