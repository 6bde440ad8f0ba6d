"""How a raw column becomes a typed one, in one place: at training, and the same at prediction.

Raw is what ingest stored or a user hands to `predict`: numbers, or text with the usual words for "missing". Typed is
numpy: numeric, boolean and datetime columns are float64 with NaN (datetime: seconds since 1970 UTC; boolean: 0, 1);
categorical columns are int32 numbers of `levels`, -1 for missing and -2 for a level that is not listed; text stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

MISSING_WORDS = frozenset({"", "?", "na", "n/a", "nan", "null", "#n/a", "-nan", "<na>", "nat"})
"""In lower case. The word "none" is an answer ("other debtors: none") and stays one; among numbers it is missing."""
HAS_YEAR = r"(?<![\d.:])\d{4}(?!\d{1,3}$)|\d[-/.]\d{1,2}[-/.]\d"
"""Without a year a time of day would be read as one of today, and tomorrow as another number."""
FEW_ROWS = 1000  # up to here plain Python types a column of text faster than pandas does
MISSING_CODE = -1
UNKNOWN_CODE = -2


def as_text(raw: pd.Series) -> pd.Series:
    """Return the column as text with None for missing; 1.0 and 1 are the same text, "1"."""
    if (words := _words(raw)) is not None:
        return pd.Series(words, index=raw.index, name=raw.name, dtype=object)
    if pd.api.types.is_bool_dtype(raw.dtype) or pd.api.types.infer_dtype(raw, skipna=True) == "boolean":
        return raw.map({True: "true", False: "false"}).astype(object).where(raw.notna(), None)
    if pd.api.types.is_integer_dtype(raw.dtype):
        return raw.astype("string").astype(object).where(raw.notna(), None)
    if pd.api.types.is_float_dtype(raw.dtype):
        code_n, values = pd.factorize(raw)
        # Value by value: what a number is called may not depend on the rows beside it.
        words = [str(int(value)) if value % 1 == 0 else repr(float(value)) for value in values.tolist()]
        word_n = np.array([*words, None], dtype=object)[code_n]  # code -1: missing
        return pd.Series(word_n, index=raw.index, name=raw.name, dtype=object)
    text = raw.astype("string").str.strip()
    return text.astype(object).where(text.notna() & ~text.str.lower().isin(MISSING_WORDS), None)


def _words(raw: pd.Series) -> list[str | None] | None:
    """Return the text of a few rows of nothing but text, None for missing; or None, where there is anything else.

    Plain Python: of one row, pandas' text methods took a third of the time of a prediction.
    """
    if len(raw) > FEW_ROWS or pd.api.types.is_numeric_dtype(raw.dtype):
        return None
    words: list[str | None] = []
    for value in raw.tolist():
        if isinstance(value, str):
            word = value.strip()
            words.append(None if word.lower() in MISSING_WORDS else word)
        elif value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            words.append(None)
        else:
            return None
    return words


def to_numbers(raw: pd.Series) -> NDArray[np.float64]:
    """Parse numbers; what is no number is NaN. Infinite values stay infinite: who forbids them says so."""
    if pd.api.types.is_numeric_dtype(raw.dtype):
        return raw.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.to_numeric(as_text(raw), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def to_codes(raw: pd.Series, levels: Sequence[str]) -> NDArray[np.int32]:
    """Number the levels; -1 is missing, -2 a level that is not listed."""
    text = as_text(raw)
    if pd.api.types.is_bool_dtype(raw.dtype):  # pandas makes bools of the words True and False, whoever wrote them
        text = text.replace({level.lower(): level for level in levels})
    if len(text) > FEW_ROWS:
        codes = pd.Index(levels, dtype=object).get_indexer(pd.Index(text, dtype=object)).astype(np.int32)
        return np.where((codes < 0) & text.notna().to_numpy(), np.int32(UNKNOWN_CODE), codes)
    code_of: dict[str | None, int] = {level: code for code, level in enumerate(levels)}
    code_of[None] = MISSING_CODE
    return np.array([code_of.get(word, UNKNOWN_CODE) for word in text], dtype=np.int32)


def to_booleans(raw: pd.Series, levels: Sequence[str]) -> NDArray[np.float64]:
    """Return 0.0 for the first of two levels, 1.0 for the second, NaN for all else."""
    codes = to_codes(raw, levels)
    return np.where(codes >= 0, codes.astype(np.float64), np.nan)


def to_seconds(raw: pd.Series) -> NDArray[np.float64]:
    """Parse dates and times (ISO 8601 first); return seconds since 1970 UTC, NaN for what is no date."""
    values = raw
    if not pd.api.types.is_datetime64_any_dtype(raw.dtype):
        values = as_text(raw)
        values = values.where(values.str.contains(HAS_YEAR, na=False).astype(bool), None)
    parsed = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    if bool((parsed.isna() & values.notna()).any()):
        parsed = pd.to_datetime(values, errors="coerce", utc=True, format="mixed")
    moments = parsed.to_numpy(dtype="datetime64[us]")
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e6)


def typed(raw: pd.Series, kind: str, levels: Sequence[str] | None) -> NDArray[Any]:
    """Type one raw column as its schema says."""
    if kind == "numeric":
        return to_numbers(raw)
    if kind == "datetime":
        return to_seconds(raw)
    if kind == "boolean":
        assert levels is not None
        return to_booleans(raw, levels)
    if kind == "categorical":
        assert levels is not None, "categorical levels are listed by split"
        return to_codes(raw, levels)
    return as_text(raw).to_numpy(dtype=object)
