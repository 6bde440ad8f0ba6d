"""What random folds would hide: rows that belong together, and rows that follow each other in time.

Where the rows of one person or place have like answers, or those of one day and the next, a model tested on random rows
knows most answers from their neighbours, and its score says nothing about new people or later days. Both are looked for
by one number: how much of the target's variance the other rows of the group (the rows before and after) tell, R².

A column of words or ids is a group where its levels are many and small. A column of whole numbers is one only where
the number itself tells more than the numbers beside it: for an age or an amount it does not, for a patient's number it
does. Findings are warnings: only the user knows whether new rows bring new people.

Legend: N rows, K classes (1 for numbers), G groups.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text, to_seconds
from components.core.raw_rows import RawRows
from components.core.table import ColumnSchema, Schema
from components.data.cures import yaml_word
from components.data.findings import Finding, named

FEWEST_GROUPS = 20
MOST_ROWS_A_GROUP = 100  # on average; larger ones are kinds, not things
LARGEST_GROUP = 0.25  # of the rows; a value that more of them share is none: hours worked are 0 for all without work
IN_GROUPS = 0.5  # share of the rows that are not alone in their group
TELLS = 0.5  # R² of the others of a group, from which on it is named
TELLS_MORE = 0.3  # for numbers: R² of equal numbers above that of the numbers beside
NEIGHBOURS_TELL = 0.3  # R² of the rows before and after
FEWEST_ROWS = 100
MOST_ROWS = 200_000
TIME_WORDS = frozenset({"date", "datetime", "time", "timestamp", "day", "week", "month", "year", "epoch", "ts"})
IN_ORDER = 0.99  # share of the steps that go one way


def check_split(
    schema: Schema, raw: RawRows, rows: NDArray[np.int64], truth_n: NDArray[np.float64], by: str, column: str
) -> list[Finding]:
    """Return a finding for each column that the rows should be split by, and are not."""
    if by == "column" or len(rows) < FEWEST_ROWS or schema.picture is not None:
        return []
    some = slice(None, MOST_ROWS)  # whole groups and runs, not a random sample that tears them
    rows, target_NK = rows[some], _standardised(truth_n[some], len(schema.classes))
    found: list[Finding] = []
    for one in schema.columns:
        if one.name in (schema.target, column if by in ("group", "time") else None):
            continue
        if by != "time" and (moments_N := _moments(one, raw, rows)) is not None:
            beside = _neighbours_tell(moments_N, target_NK)
            if beside >= NEIGHBOURS_TELL:
                found.append(_in_time(one.name, schema.target, beside))
                continue
        if by != "group" and (tells := _group_tells(one, raw, rows, target_NK)) is not None:
            found.append(_of_groups(one.name, schema.target, tells))
    return _few(found)


def _standardised(truth_N: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
    """Return the target as columns of mean 0 whose squares sum to one a row: ranks of values, or classes [N, K]."""
    if num_classes:
        target_NK = np.eye(num_classes)[truth_N.astype(np.int64)]
    else:
        target_NK = np.argsort(np.argsort(truth_N, kind="stable"), kind="stable")[:, None].astype(np.float64)
    target_NK = target_NK - target_NK.mean(axis=0)
    total = float((target_NK**2).sum(axis=1).mean())
    return np.asarray(target_NK / np.sqrt(total) if total > 0 else target_NK)


def _explained(guess_NK: NDArray[np.float64], target_NK: NDArray[np.float64]) -> float:
    """Share of the variance that the best multiple of a guess explains; 0 where it points the wrong way."""
    both, own = float((guess_NK * target_NK).sum()), float((guess_NK**2).sum())
    total = float((target_NK**2).sum())
    return both * both / (own * total) if both > 0 and own > 0 and total > 0 else 0.0


def _group_tells(
    column: ColumnSchema, raw: RawRows, rows: NDArray[np.int64], target_NK: NDArray[np.float64]
) -> float | None:
    """Return what the other rows of a group tell, where the column holds groups and they tell much."""
    if column.kind not in ("numeric", "categorical", "id"):
        return None
    values = raw.column(column.name).iloc[rows]
    ordered = bool(values.dtype.kind in "iuf")
    if ordered:
        numbers_N = values.to_numpy(dtype=np.float64)
        known_N = np.isfinite(numbers_N)
        if not (numbers_N[known_N] % 1 == 0).all():
            return None
        keys = numbers_N[known_N]
    else:
        text = as_text(values)
        known_N = text.notna().to_numpy()
        keys = text[known_N].to_numpy(dtype=str)
    if not known_N.any():
        return None
    _, group_N, size_G = np.unique(keys, return_inverse=True, return_counts=True)
    together = size_G[group_N] > 1
    if len(size_G) < FEWEST_GROUPS or together.mean() < IN_GROUPS or len(keys) > MOST_ROWS_A_GROUP * len(size_G):
        return None
    if size_G.max() > LARGEST_GROUP * len(keys):
        return None
    target_NK = target_NK[known_N]
    sum_GK = np.stack([np.bincount(group_N, one_N) for one_N in target_NK.T], axis=1).astype(np.float64)
    others_NK = (sum_GK[group_N] - target_NK) / np.maximum(1, size_G[group_N] - 1)[:, None]
    tells = _explained(others_NK[together], target_NK[together])
    if not ordered:
        return tells if tells >= TELLS else None
    beside_NK = _beside(sum_GK, size_G)[group_N]
    return tells if tells - _explained(beside_NK[together], target_NK[together]) >= TELLS_MORE else None


def _beside(sum_GK: NDArray[np.float64], size_G: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean over the two groups before and the two after each, in order of their numbers [G, K]."""
    sums, sizes = np.zeros_like(sum_GK), np.zeros(len(size_G))
    for step in (1, 2):
        sums[step:] += sum_GK[:-step]
        sums[:-step] += sum_GK[step:]
        sizes[step:] += size_G[:-step]
        sizes[:-step] += size_G[step:]
    return np.asarray(sums / sizes[:, None])


def _moments(column: ColumnSchema, raw: RawRows, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the column as moments: dates, or numbers called so in whose order the rows stand."""
    if column.kind == "datetime":
        return to_seconds(raw.column(column.name).iloc[rows])
    words = set("".join(c if c.isalnum() else " " for c in column.name.lower()).split())
    if column.kind not in ("numeric", "id") or not words & TIME_WORDS:
        return None
    values = raw.column(column.name).iloc[rows]
    if values.dtype.kind not in "iuf":
        return None
    steps = np.diff(values.to_numpy(dtype=np.float64))
    if max((steps >= 0).mean(), (steps <= 0).mean()) < IN_ORDER or not steps.any():
        return None
    return values.to_numpy(dtype=np.float64)


def _neighbours_tell(moments_N: NDArray[np.float64], target_NK: NDArray[np.float64]) -> float:
    """Return what the rows before and after tell about a row, in order of time."""
    known = np.flatnonzero(np.isfinite(moments_N))
    if len(known) < FEWEST_ROWS or len(np.unique(moments_N[known])) < FEWEST_GROUPS:
        return 0.0
    in_order_NK = target_NK[known[np.argsort(moments_N[known], kind="stable")]]
    return _explained(in_order_NK[:-2] + in_order_NK[2:], in_order_NK[1:-1])


def _of_groups(name: str, target: str, tells: float) -> Finding:
    return Finding(
        severity="warning",
        word="groups",
        columns=(name,),
        sentence=f"Rows with the same {name} have like {target}: the others of a group tell {100 * tells:.0f} % of it.",
        why="Where they are things that come again (a person, a place), folds that tear them apart promise too much.",
        cures=(("If new rows bring new ones:", f"split: {{by: group, column: {yaml_word(name)}}}"),),
    )


def _in_time(name: str, target: str, tells: float) -> Finding:
    return Finding(
        severity="warning",
        word="time",
        columns=(name,),
        sentence=f"Rows that follow each other in {name} have like {target}: they tell {100 * tells:.0f} % of it.",
        why="Tested on random rows, a model has seen the days before and after: it knows the future.",
        cures=(("If later rows are to be predicted:", f"split: {{by: time, column: {yaml_word(name)}}}"),),
    )


def _few(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings; many columns of one sort (parts of one date) in one."""
    kept: list[Finding] = []
    for word in ("groups", "time"):
        same = [one for one in found if one.word == word]
        if len(same) > 3:
            columns = tuple(one.columns[0] for one in same)
            sentence = f"{len(same)} columns name rows with like answers: {named(columns)}."
            same = [
                Finding(
                    severity="warning",
                    word=same[0].word,
                    columns=columns,
                    sentence=sentence,
                    why=same[0].why,
                    cures=same[0].cures,
                )
            ]
        kept += same
    return kept
