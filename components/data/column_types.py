"""What a column of CSV text is stored as: whole numbers, real numbers, or text. Decided over all rows, block by block.

A column is numbers when every value of it is one, or a word for "missing". What looks like a number but is a name stays
text: 007 and zip codes with leading zeros, and whole numbers of more than 15 digits, which a float would round.
"""

from typing import TYPE_CHECKING, Any

from components.core.columns import MISSING_WORDS
from components.core.lazy import lazy

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
else:
    pa = lazy("pyarrow")
    pc = lazy("pyarrow.compute")

INTEGER = r"^[+-]?(0|[1-9][0-9]{0,14})$"
DIGITS = r"^[+-]?[0-9]+$"
REAL = r"^[+-]?(((0|[1-9][0-9]*)?\.[0-9]+|(0|[1-9][0-9]*)\.?)([eE][+-]?[0-9]{1,4})?|inf|infinity|Inf|Infinity|INF)$"
COMMA = r"^[+-]?(0|[1-9][0-9]*),[0-9]+$"
NUMBER_MISSING = tuple(sorted(MISSING_WORDS | {"none"}))


class ColumnType:
    """Watches one column go by; `arrow` says what it can be stored as."""

    def __init__(self, decimal_comma: bool) -> None:
        self.integers = self.reals = self.commas = True  # what all values so far could be
        self.saw_number = False
        self.decimal_comma = decimal_comma  # only where the comma separates no fields

    def watch(self, values: "pa.Array") -> None:
        """Look at the next values of the column."""
        if not (self.integers or self.reals or self.commas):
            return
        text = present(values, NUMBER_MISSING)
        if len(text) == 0:
            return
        self.saw_number = True
        if self.integers:
            self.integers = _all(text, INTEGER)
        if self.integers:
            return
        long_names = pc.and_not(
            pc.match_substring_regex(text, DIGITS), pc.match_substring_regex(text, INTEGER)
        )  # 007, or too long
        named = pc.any(long_names).as_py()
        self.commas = self.commas and self.decimal_comma and not named
        self.reals = self.reals and not named and _all(text, REAL)
        if self.commas:
            whole = pc.match_substring_regex(text, INTEGER)
            self.commas = pc.all(pc.or_(whole, pc.match_substring_regex(text, COMMA))).as_py()

    @property
    def arrow(self) -> "pa.DataType":
        """int64, float64 or string."""
        if not self.saw_number:
            return pa.string()
        if self.integers:
            return pa.int64()
        return pa.float64() if self.reals or self.commas else pa.string()


def present(values: "pa.Array", missing: "Any") -> "pa.Array":
    """Return the trimmed values that are no word for missing."""
    text = pc.utf8_trim_whitespace(values.drop_null())
    return text.filter(pc.invert(pc.is_in(pc.utf8_lower(text), value_set=pa.array(missing, pa.string()))))


def store(values: "pa.Array", kind: "pa.DataType") -> "pa.Array":
    """Turn text into what the column is stored as: trimmed, null where a word for missing stands."""
    text = pc.utf8_trim_whitespace(values)
    words = sorted(MISSING_WORDS) if kind == pa.string() else list(NUMBER_MISSING)
    missing = pc.is_in(pc.utf8_lower(text), value_set=pa.array(words, pa.string()))
    text = pc.if_else(missing, pa.scalar(None, pa.string()), text)
    if kind == pa.string():
        return text
    text = pc.replace_substring_regex(text, r"^\+", "")
    if kind == pa.float64():
        text = pc.replace_substring(text, ",", ".")
    return pc.cast(text, kind)


def _all(text: "pa.Array", pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(text, pattern)).as_py())
