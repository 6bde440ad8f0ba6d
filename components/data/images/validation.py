"""validate for pictures: the schema, and what is wrong with them, before anything is trained.

Copies are found by the hash of the resized pixels. Copies in one class are dropped but for one; the same picture in two
classes is dropped altogether, because nobody can tell which label is right. Nothing is fitted here.

Elsewhere: what could not be read was noted by ingest; the target and rare classes are judged as for tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.core.errors import UserMistake, did_you_mean
from components.core.files import read_json, write_parquet
from components.core.raw_rows import RawRows
from components.core.specs import Spec, setting
from components.core.table import IMAGE, PICTURE, PIXELS, ColumnSchema, Schema
from components.data import checks
from components.data.duplicates import first_of_each, groups_of, row_hashes
from components.data.findings import Finding, Word, counted, named, write_findings
from components.data.stopping_checks import Settled, Stop
from components.data.target import Target, read_target
from components.data.validation import ColumnName, stopping_block, stops_at

MANY = 0.5  # share of unreadable pictures, or of copies, from which on somebody must look
MUCH_CONFLICT = 0.1  # share of pictures that stand in two classes


class ImageValidateSpec(Spec):
    """What to predict, and which findings stop the run."""

    target: ColumnName = setting("label", "the name of the folder")
    duplicates: Literal["keep", "drop"] = setting("drop", "keep | drop; by content, also across classes")
    on_error: Stop | Mapping[Word, Stop] = setting("stop", "stop | warn; for one finding alone: {duplicates: warn}")


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Which pictures stay, and how many do not."""

    keep_N: NDArray[np.bool_]
    same: int  # copies of an earlier picture of the same class
    torn: int  # pictures that stand in several classes
    example: tuple[str, str]  # names of two such


def validate_pictures(
    spec: ImageValidateSpec, ingested: Path, out: Path, *, findings_copy: Path | None = None
) -> dict[str, Any]:
    """Write schema.json, findings.json and rows.parquet into `out`; return counts, and the stage's `line`.

    `findings_copy` gets the findings also when one of them stops the run. Raises UserMistake then, and for a target
    that is no column or has one class.
    """
    facts = read_json(ingested / "ingest.json")
    if spec.target not in facts["columns"] or spec.target in (PICTURE, PIXELS):
        hint = did_you_mean(spec.target, facts["columns"]) or f"Its columns: {named(facts['columns'], 8)}."
        raise UserMistake(f"validate.target is '{spec.target}', not a column of labels of {facts['source']}. {hint}")
    raw = RawRows([ingested / "table.parquet"])
    target = read_target(raw.column(spec.target), spec.target, "multiclass")
    copies = find_copies(raw, target)
    keep_N = copies.keep_N if spec.duplicates == "drop" else np.ones(len(raw), dtype=bool)
    settled = Settled(drop=(), on_error={} if isinstance(spec.on_error, str) else spec.on_error)
    findings = [
        *check_unreadable(facts, settled),
        *check_copies(copies, len(raw), spec.duplicates, settled),
        *check_proportions(facts),
        *check_constant(raw, ingested / f"{IMAGE}.npy"),
        *checks.check_classes(target, target.truth_N[keep_N]),
    ]
    if findings_copy is not None:
        write_findings(findings_copy, findings)
    if any(stops_at(spec.on_error, finding) for finding in findings):
        raise UserMistake(stopping_block(lambda finding: stops_at(spec.on_error, finding), findings))
    if len(np.unique(target.truth_N[keep_N])) < 2:
        raise UserMistake("validate: without the copies there is one class left. Look at the pictures.")
    _schema(facts, target).write(out / "schema.json")
    write_findings(out / "findings.json", findings)
    write_parquet(out / "rows.parquet", {"row": np.flatnonzero(keep_N).astype(np.int64)})
    dropped = len(raw) - int(keep_N.sum())
    text = f", {dropped} duplicate{'s' * (dropped > 1)} dropped" if dropped else ""
    height, width, colours = facts["picture"]
    size = f"{width} x {height} {'gray' if colours == 1 else 'colour'}"
    found = counted(findings).removeprefix("no leakage").removeprefix(", ") or "nothing wrong"
    return {
        "rows": int(keep_N.sum()),
        "copies": copies.same + copies.torn,
        "task": target.task,
        "line": f"{size}, {len(target.classes)} classes{text}, {found}",
    }


def find_copies(raw: RawRows, target: Target) -> Copies:
    """Find pictures that are equal, within a class and across classes."""
    hashes_N = row_hashes([raw.column(PIXELS)], len(raw))
    group_N = groups_of(hashes_N)
    num_groups = int(group_N.max()) + 1
    low_G, high_G = np.full(num_groups, np.inf), np.full(num_groups, -np.inf)
    np.minimum.at(low_G, group_N, target.truth_N)
    np.maximum.at(high_G, group_N, target.truth_N)
    torn_N = (low_G < high_G)[group_N]
    first_N = first_of_each(hashes_N)
    example = ("", "")
    if torn_N.any():
        members = np.flatnonzero(group_N == group_N[int(np.argmax(torn_N))])
        other = members[target.truth_N[members] != target.truth_N[members[0]]][0]
        names = raw.column(PICTURE)
        example = (str(names.iloc[members[0]]), str(names.iloc[other]))
    same = int((~first_N & ~torn_N).sum())
    return Copies(keep_N=first_N & ~torn_N, same=same, torn=int(torn_N.sum()), example=example)


def check_unreadable(facts: Mapping[str, Any], settled: Settled) -> list[Finding]:
    """Pictures that ingest could not read, and files that are none."""
    found = []
    number, whole = facts["bad_rows"], facts["rows"] + facts["bad_rows"]
    if number:
        some = named([f"{one['picture']} ({one['why']})" for one in facts["unreadable"]])
        much = number > MANY * whole
        found.append(
            Finding(
                severity="error" if much else "warning",
                word="unreadable",
                columns=(),
                sentence=f"{number} of {whole} pictures cannot be read: {some}. Left out.",
                why="More than half are lost: perhaps a copy or an unpacking went wrong." if much else "",
                cures=(("To go on with what is left:", settled.warning("unreadable")),) if much else (),
            )
        )
    if facts["num_others"]:
        files = "1 file is" if facts["num_others"] == 1 else f"{facts['num_others']} files are"
        sentence = f"{files} neither PNG nor JPEG: {named(facts['others'])}. Not read."
        found.append(Finding(severity="note", word="unreadable", columns=(), sentence=sentence))
    return found


def check_copies(copies: Copies, number: int, duplicates: str, settled: Settled) -> list[Finding]:
    """Pictures that are there twice, and pictures that stand in two classes."""
    found = []
    cured = duplicates == "drop"
    keep = ("If each of them counts:", "validate.duplicates: keep")
    if copies.torn:
        much = copies.torn > MUCH_CONFLICT * number
        done = "All of them were dropped" if cured else "Kept; they never stand on two sides of a split"
        found.append(
            Finding(
                severity="error" if much and cured else "warning",
                word="duplicates",
                columns=(),
                sentence=f"{copies.torn} pictures stand in more than one class, such as {copies.example[0]} and "
                f"{copies.example[1]}. {done}.",
                why="Which class is right cannot be seen: a model would be scored on labels that contradict its own.",
                cures=(("If that is as it should be:", settled.warning("duplicates")), keep) if much and cured else (),
            )
        )
    if copies.same:
        what = "1 picture is" if copies.same == 1 else f"{copies.same} pictures are"
        much = cured and copies.same > MANY * number
        done = "One of each was kept (validate.duplicates)" if cured else "Kept; they never stand on two sides"
        found.append(
            Finding(
                severity="error" if much else "warning" if cured else "note",
                word="duplicates",
                columns=(),
                sentence=f"{what} copied from another of the same class. {done}.",
                why="More than half of all pictures would go." if much else "",
                cures=(keep, ("If they are copies, drop them:", settled.warning("duplicates"))) if much else (),
                fix={"key": "validate.duplicates", "value": "keep"} if much else None,
            )
        )
    return found


def check_proportions(facts: Mapping[str, Any]) -> list[Finding]:
    """Pictures that were bent more than the others to become squares."""
    odd = facts["odd"]
    if not odd["number"]:
        return []
    what = "1 picture is" if odd["number"] == 1 else f"{odd['number']} pictures are"
    size = facts["picture"]
    bent = f"Bent to {size[1]} x {size[0]} like all others."
    sentence = f"{what} much wider or higher than most: {named(odd['pictures'])}. {bent}"
    return [Finding(severity="note", word="proportions", columns=(), sentence=sentence)]


def check_constant(raw: RawRows, images: Path) -> list[Finding]:
    """Pictures of one colour all over."""
    mapped = np.load(images, mmap_mode="r", allow_pickle=False)
    blank: list[int] = []
    for start in range(0, len(mapped), 1024):
        block = mapped[start : start + 1024].reshape(min(1024, len(mapped) - start), -1, mapped.shape[3])
        blank += (start + np.flatnonzero((block.max(axis=1) == block.min(axis=1)).all(axis=1))).tolist()
    if not blank:
        return []
    names = [str(name) for name in raw.column(PICTURE).iloc[blank]]
    what = "1 picture has" if len(blank) == 1 else f"{len(blank)} pictures have"
    sentence = f"{what} one colour all over: {named(names)}. Kept."
    return [Finding(severity="warning", word="constant", columns=(), sentence=sentence)]


def _schema(facts: Mapping[str, Any], target: Target) -> Schema:
    def column(name: str) -> ColumnSchema:
        if name == target.name:
            return ColumnSchema(name=name, kind="categorical", use="target", why=f"{target.task}, inferred")
        if name == PICTURE:
            return ColumnSchema(name=name, kind="image", use="feature", why="pictures")
        why = "a hash of the picture" if name == PIXELS else "the parts that the source came in"
        return ColumnSchema(name=name, kind="id" if name == PIXELS else "categorical", use="left_out", why=why)

    columns: Sequence[ColumnSchema] = [column(name) for name in facts["columns"]]
    return Schema(
        table=facts["table"],
        task=target.task,
        target=target.name,
        classes=target.classes,
        columns=tuple(columns),
        picture=tuple(facts["picture"]),
    )
