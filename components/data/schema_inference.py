"""What a raw column holds: numeric, categorical, boolean, datetime, text, id. One look at each column, with its reason.

The rules are those a person would use, in this order: what the file says itself (dates), words for yes and no, numbers,
dates, values that only name the row, running text, words. Each can be overruled by `validate.columns`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.core.columns import as_text, to_numbers, to_seconds
from components.core.lazy import lazy
from components.core.table import Kind

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

BOOLEAN_WORDS = (
    {"no", "yes"},
    {"false", "true"},
    {"n", "y"},
    {"f", "t"},
    {"off", "on"},
    {"0", "1"},
)
NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
ID_NAME = re.compile(
    r"(?i:(^|[_\s.-])(id|uuid|guid|index|idx|key|rowid)$)|[a-z](Id|ID)$|(?i:^unnamed: ?\d+$)|^__index_level_\d+__$"
)
WRITTEN = "numbers written with signs"
SIGNED = re.compile(r"[$€£¥]?\s?[+-]?\d{1,3}([., '’]?\d{3})*([.,]\d+)?\s?([%€$£¥°]|[A-Za-z]{1,3})?")
MOSTLY_NUMBERS = 0.9  # share of the values from which on the other words count as missing numbers
MOSTLY_DATES = 0.95
NEARLY_ALL_DIFFERENT = 0.95
FEW_ROWS = 10  # below, "every row has its own value" says nothing
MOST_LEVELS_SHARE = 0.5  # words that differ in more than half of the rows are no levels
SAMPLE = 200


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at a raw column tells."""

    name: str
    kind: Kind
    why: str  # "every row has its own value"
    num_missing: int
    num_distinct: int  # missing not counted
    levels: tuple[str, ...] | None = None  # boolean: the two words
    num_odd: int = 0  # values that are neither missing nor of this kind
    odd: tuple[str, ...] = ()  # the first three of them


def look_at(raw: "pd.Series", name: str, kind: Kind | None = None) -> Look:
    """Infer the kind of a raw column, or take the given one, and count what does not fit it."""
    is_number = pd.api.types.is_numeric_dtype(raw.dtype) and not pd.api.types.is_bool_dtype(raw.dtype)
    counts = (raw if is_number else as_text(raw)).value_counts()
    if not is_number or len(counts) <= 2 or kind in ("boolean", "datetime"):
        counts.index = pd.Index(as_text(pd.Series(counts.index)), dtype=object)
    found, why = (kind, "as validate.columns says") if kind is not None else _infer(raw, counts, name)
    odd = [] if is_number and found == "numeric" else _odd(counts.index, found)
    return Look(
        name=name,
        kind=found,
        why=why,
        num_missing=len(raw) - int(counts.sum()),
        num_distinct=len(counts),
        levels=tuple(sort_words(list(counts.index))) if found == "boolean" and len(counts) <= 2 else None,
        num_odd=int(counts[odd].sum()) if odd else 0,
        odd=tuple(odd[:3]),
    )


def sort_words(words: Sequence[str]) -> list[str]:
    """Sort levels: as numbers where all of them are, else as text."""
    if words and all(NUMBER.fullmatch(word) for word in words):
        return sorted(words, key=lambda word: (float(word), word))
    return sorted(words)


def _infer(raw: "pd.Series", counts: "pd.Series", name: str) -> tuple[Kind, str]:
    words = list(counts.index)
    num_present = int(counts.sum())
    if not words:
        return "categorical", "it has no value in any row"
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return "datetime", "dates in the file"
    if len(words) == 2 and {str(word).lower() for word in words} in BOOLEAN_WORDS:
        return "boolean", f"two words: {', '.join(sort_words(words))}"
    if pd.api.types.is_numeric_dtype(raw.dtype):
        return _numbers(raw, name, len(words), num_present)
    numbers = sum(int(counts[word]) for word in words if NUMBER.fullmatch(word))
    if numbers == num_present:
        return "numeric", "numbers, written as text"
    if numbers >= MOSTLY_NUMBERS * num_present:
        return "numeric", "numbers, but for a few words"
    if _are_dates(words):
        return "datetime", "dates"
    if _are_written_numbers(words):
        return "text", f"{WRITTEN}, such as '{words[0]}'"
    return _words(words, name, num_present)


def _numbers(raw: "pd.Series", name: str, num_distinct: int, num_present: int) -> tuple[Kind, str]:
    """Tell numbers from numbers that only count or name the rows."""
    values = raw.dropna().to_numpy(dtype=np.float64)
    whole = bool(np.all(values % 1 == 0)) if np.isfinite(values).all() else False
    if not whole or num_present < FEW_ROWS or num_distinct < num_present:
        return "numeric", "numbers"
    if bool(np.all(np.diff(values) == 1)):
        return "id", "it counts the rows"
    if ID_NAME.search(name):
        return "id", "every row has its own value"
    return "numeric", "numbers"


def _words(words: list[str], name: str, num_present: int) -> tuple[Kind, str]:
    spaces = float(np.mean([word.count(" ") for word in words[: 10 * SAMPLE]]))
    if len(words) >= NEARLY_ALL_DIFFERENT * num_present and num_present >= FEW_ROWS:
        if spaces >= 1.5:
            return "text", "running text"
        return "id", "every row has its own value" if len(
            words
        ) == num_present else "nearly every row has its own value"
    if num_present >= 4 * FEW_ROWS and len(words) > MOST_LEVELS_SHARE * num_present:
        return "text", f"{len(words)} different values in {num_present} rows"
    return "categorical", f"{len(words)} different words" if len(words) > 1 else "one word"


def _are_dates(words: list[str]) -> bool:
    sample = pd.Series(words[:SAMPLE], dtype=object)
    if bool(sample.str.fullmatch(r"\d+").all()):  # 20240131 may as well be a number: then it is no text
        return False
    if float(np.mean(~np.isnan(to_seconds(sample)))) < MOSTLY_DATES:
        return False
    return float(np.mean(~np.isnan(to_seconds(pd.Series(words, dtype=object))))) >= MOSTLY_DATES


def _are_written_numbers(words: list[str]) -> bool:
    """Tell "$1,200", "12 %" and "80 kg": more than a few, all with the same signs, and no codes with leading zeros."""
    if len(words) <= 2 * FEW_ROWS or not all(SIGNED.fullmatch(word) for word in words):
        return False
    signs = {re.sub(r"[\d\s.,'’+-]", "", word) for word in words}
    return len(signs) == 1 and not any(re.match(r"0\d", word) for word in words)


def _odd(words: "pd.Index", kind: Kind) -> list[str]:
    """Return the words that a column of this kind cannot hold."""
    if kind not in ("numeric", "datetime") or len(words) == 0:
        return []
    column = pd.Series(words, dtype=object)
    values = to_numbers(column) if kind == "numeric" else to_seconds(column)
    wrong = [str(word) for word in column[np.isnan(values)]]
    return [word for word in wrong if word.lower() != "none"] if kind == "numeric" else wrong
