"""Planted leaks on many tables: which are found and named, and what is raised on the tables as they are.

    python -m tests.benchmarks.leakage [TABLE ...]

prints JSON: for every table what was found of each of the six leaks (the words of the findings that name it, empty:
missed), and `alarms`, what is said about the clean table. Stages are the real ones: ingest, validate, split. Tables are
those in ../shared/data/tabular (1500 rows of each, where a machine has them), scikit-learn's own, and made ones.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.data.findings import Finding, read_findings
from components.data.ingest import IngestSpec, ingest
from components.data.splits import SplitSpec, split
from components.data.validation import ValidateSpec, validate

SHARED = Path(__file__).parents[3] / "shared" / "data" / "tabular"
TARGETS = {
    "adult": "class",
    "credit_g": "class",
    "phoneme": "Class",
    "satimage": "target",
    "vehicle": "Class",
    "california_housing": "median_house_value",
    "kin8nm": "y",
    "abalone": "Rings",
}
BUNDLED = ("breast_cancer", "wine", "iris", "diabetes")
MADE = ("made_classes", "made_numbers")
MOST_ROWS = 1500
LEAK_WORDS = ("leakage", "groups", "time")


def names() -> list[str]:
    """Return the tables that are on this machine."""
    return [*(name for name in TARGETS if (SHARED / f"{name}.csv.gz").exists()), *BUNDLED, *MADE]


def table_of(name: str) -> tuple[pd.DataFrame, str]:
    """Return a table and its target, at most 1500 rows."""
    if name in TARGETS:
        frame, target = pd.read_csv(SHARED / f"{name}.csv.gz"), TARGETS[name]
    else:
        frame, target = _bundled(name), "target"
    frame = frame.drop_duplicates(ignore_index=True)
    return frame.sample(min(MOST_ROWS, len(frame)), random_state=0).reset_index(drop=True), target


def _bundled(name: str) -> pd.DataFrame:
    from sklearn import datasets

    if name == "made_classes":
        inputs, truth = datasets.make_classification(1200, 12, n_informative=5, flip_y=0.05, random_state=0)
        frame = pd.DataFrame(inputs, columns=[f"x{i}" for i in range(12)])
        day = np.random.default_rng(0).permutation(1200) // 3
        return frame.assign(
            day=(pd.Timestamp("2025-01-01") + pd.to_timedelta(day, "D")).astype(str),
            target=np.array(["no", "yes"])[truth],
        )
    if name == "made_numbers":
        inputs, values = datasets.make_friedman1(1200, noise=1.0, random_state=0)
        place = np.random.default_rng(1).integers(0, 60, 1200)
        return pd.DataFrame(inputs, columns=[f"x{i}" for i in range(10)]).assign(
            place=[f"p{i}" for i in place], target=values
        )
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = bunch.frame.rename(columns=str)
    return frame if name == "diabetes" else frame.assign(target=[str(bunch.target_names[i]) for i in bunch.target])


def _numbers(frame: pd.DataFrame, target: str) -> np.ndarray[Any, Any]:
    """Return the target as numbers: itself, or its classes numbered."""
    if is_numbers(frame, target):
        return frame[target].to_numpy(dtype=np.float64)
    return pd.factorize(frame[target].astype(str), sort=True)[0].astype(np.float64)


def is_numbers(frame: pd.DataFrame, target: str) -> bool:
    """Whether the target is a number and not a class."""
    return pd.api.types.is_numeric_dtype(frame[target]) and frame[target].nunique() > 20


def copy(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> pd.DataFrame:
    """Another spelling of the target."""
    truth = _numbers(frame, target)
    if is_numbers(frame, target):
        return frame.assign(planted=3 * truth + 7)
    return frame.assign(planted=[f"code {int(one)}" for one in truth])


def near_copy(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> pd.DataFrame:
    """The target with a little noise, or with one answer of 200 wrong."""
    truth = _numbers(frame, target)
    if is_numbers(frame, target):
        return frame.assign(planted=truth + 0.01 * truth.std() * rng.normal(size=len(truth)))
    wrong = rng.random(len(truth)) < 0.005
    return frame.assign(planted=np.where(wrong, rng.permutation(truth), truth))


def encoded_id(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> pd.DataFrame:
    """An id with about ten rows each, replaced by the mean of the target (of its second class) over them."""
    truth = _numbers(frame, target)
    truth = truth if is_numbers(frame, target) else (truth == 1).astype(np.float64)
    thing = rng.integers(0, max(8, len(frame) // 10), len(frame))
    mean = np.bincount(thing, truth) / np.maximum(1, np.bincount(thing))
    return frame.assign(planted=mean[thing])


def duplicates(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> pd.DataFrame:
    """One row of twelve twice."""
    again = frame.iloc[rng.choice(len(frame), len(frame) // 12, replace=False)]
    return pd.concat([frame, again], ignore_index=True).sample(frac=1, random_state=0).reset_index(drop=True)


def future(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> pd.DataFrame:
    """A day for each row, along which the target drifts: neighbours in time have like answers."""
    truth = _numbers(frame, target)
    rank = np.argsort(np.argsort(truth + 1e-9 * rng.random(len(truth)))) / len(truth)
    order = np.argsort(rank + 0.05 * rng.normal(size=len(truth)))
    place = np.empty(len(truth), dtype=np.int64)
    place[order] = np.arange(len(truth))
    return frame.assign(planted=(pd.Timestamp("2025-01-01") + pd.to_timedelta(place * 6, "h")).astype(str))


def group(frame: pd.DataFrame, target: str, rng: np.random.Generator) -> pd.DataFrame:
    """Each of a fifth of the rows five times, measured with noise, under the number of a person."""
    some = frame.iloc[: max(30, len(frame) // 5)]
    found = pd.concat([some] * 5, ignore_index=True)
    for name in found.columns:
        if name != target and pd.api.types.is_numeric_dtype(found[name]) and found[name].nunique() > 10:
            moved = found[name] + 0.05 * found[name].std() * rng.normal(size=len(found))
            found[name] = moved if pd.api.types.is_float_dtype(found[name]) else moved.round().astype(np.int64)
    found["planted"] = np.tile(rng.permutation(len(some)) + 1000, 5)
    return found.sample(frac=1, random_state=0).reset_index(drop=True)


Plant = Callable[[pd.DataFrame, str, np.random.Generator], pd.DataFrame]
LEAKS: dict[str, tuple[Plant, tuple[str, ...]]] = {
    "copy of the target": (copy, ("leakage",)),
    "near copy": (near_copy, ("leakage",)),
    "target-encoded id": (encoded_id, ("leakage",)),
    "duplicate rows": (duplicates, ("duplicates",)),
    "future rows": (future, ("time", "leakage")),
    "group across folds": (group, ("groups", "leakage")),
}


def findings_on(frame: pd.DataFrame, target: str) -> list[Finding]:
    """Return what validate and split say about a table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        outs = {word: root / "data" / word for word in ("ingest", "validate", "split")}
        for out in outs.values():
            out.mkdir(parents=True)
        frame.to_parquet(root / "t.parquet", index=False)
        ingest(IngestSpec(source="t.parquet"), root, outs["ingest"])
        validate(ValidateSpec(target=target, on_error="warn"), outs["ingest"], outs["validate"])
        split(SplitSpec(), outs["ingest"], outs["validate"], outs["split"], seed=0)
        return [*read_findings(outs["validate"] / "findings.json"), *read_findings(outs["split"] / "findings.json")]


def judged(name: str) -> dict[str, Any]:
    """Return what is found on one table: {"alarms": [...], leak: [words that name it]}."""
    frame, target = table_of(name)
    before = findings_on(frame, target)
    alarms = [f"{one.word}: {', '.join(one.columns)}" for one in before if one.word in LEAK_WORDS]
    found: dict[str, Any] = {"rows": len(frame), "alarms": alarms}
    for number, (leak, (plant, words)) in enumerate(LEAKS.items()):
        planted = plant(frame, target, np.random.default_rng(number))
        named = [one for one in findings_on(planted, target) if one.word in words]
        found[leak] = [one.word for one in named if "planted" in one.columns or one.word == "duplicates"]
    return found


def measured(wanted: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Judge the tables one by one."""
    for name in wanted or names():
        yield name, judged(name)


def main() -> None:
    """Print JSON."""
    tables = dict(measured(sys.argv[1:]))
    found = {leak: sum(bool(one[leak]) for one in tables.values()) for leak in LEAKS}
    alarms = sum(len(one["alarms"]) for one in tables.values())
    print(json.dumps({"tables": tables, "found": found, "of": len(tables), "false_alarms": alarms}, indent=1))


if __name__ == "__main__":
    main()
