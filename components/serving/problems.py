"""What may be wrong with rows that somebody wants answered: a missing column stops, everything else is a doubt.

The answers are given all the same: a level that training did not have and a text where a number should stand count as
missing, a number outside the range of training is used as it is. Who sees the sentences can decide.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from components.core.columns import UNKNOWN_CODE, as_text, to_codes, typed
from components.core.errors import UserMistake, did_you_mean
from components.core.numbers import dates, shown
from components.core.table import ColumnSchema, Schema

if TYPE_CHECKING:
    import pandas as pd

MOST_EXAMPLES = 3
MOST_NAMES = 5


def needed(schema: Schema, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the feature columns in the order of the schema, rows numbered from 0; names all that lack."""
    import pandas as pd

    place = {str(name): index for index, name in enumerate(frame.columns)}
    names = [column.name for column in schema.features]
    missing = [name for name in names if name not in place]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing[:MOST_NAMES])
        more = f" and {len(missing) - MOST_NAMES} more" if len(missing) > MOST_NAMES else ""
        unused = [name for name in place if name not in {column.name for column in schema.columns}]
        near = did_you_mean(missing[0], unused).replace("Did you mean", f" Is '{missing[0]}' here called")
        columns = "the column" if len(missing) == 1 else "the columns"
        raise UserMistake(f"the rows lack {columns} {listed}{more}, which the model was grown on.{near}")
    if len(place) < len(frame.columns):
        twice = sorted({str(name) for name in frame.columns if list(map(str, frame.columns)).count(str(name)) > 1})
        raise UserMistake(f"the rows have two columns called '{twice[0]}'. Rename or remove one of them.")
    return pd.DataFrame({name: frame.iloc[:, place[name]].reset_index(drop=True) for name in names})


def doubts(schema: Schema, frame: "pd.DataFrame") -> list[str]:
    """Return one sentence per doubt, in the order of the columns."""
    rows = needed(schema, frame)
    found = [sentence for column in schema.features for sentence in _about(column, rows[column.name])]
    known = {column.name for column in schema.columns}
    extra = [str(name) for name in frame.columns if str(name) not in known]
    if extra:
        more = f" and {len(extra) - MOST_NAMES} more" if len(extra) > MOST_NAMES else ""
        found.append(f"not used, because the model was not grown on it: {', '.join(extra[:MOST_NAMES])}{more}")
    return found


def _about(column: ColumnSchema, raw: "pd.Series") -> Iterator[str]:
    text = as_text(raw)
    filled = text.notna().to_numpy()
    if len(raw) and not filled.any():
        yield f"{column.name}: missing in every row"
        return
    if column.kind in ("categorical", "boolean"):
        unknown = to_codes(raw, column.levels or ()) == UNKNOWN_CODE
        if unknown.any():
            yield f"{column.name}: {_rows(unknown)} a level unknown to training ({_some(text, unknown)}); as missing"
        return
    values = typed(raw, column.kind, None)
    if values.dtype != np.float64:
        return
    unread = filled & np.isnan(values)
    if unread.any():
        what = "date" if column.kind == "datetime" else "number"
        yield f"{column.name}: {_rows(unread)} no {what} ({_some(text, unread)}); as missing"
    if column.low is not None and column.high is not None:
        outside = (values < column.low) | (values > column.high)
        if outside.any():
            some = _some(text, outside)
            yield f"{column.name}: {_rows(outside)} a value outside {_range(column)} of training ({some})"


def _range(column: ColumnSchema) -> str:
    low, high = column.low or 0.0, column.high or 0.0
    if column.kind == "datetime":
        return dates(low, high)
    return f"{_plain(low)} to {_plain(high)}"


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e9 else shown(value)


def _rows(which: Any) -> str:
    number = int(which.sum())
    return f"{number} row has" if number == 1 else f"{number} rows have"


def _some(text: "pd.Series", which: Any) -> str:
    different = list(dict.fromkeys(str(value) for value in text[which].tolist()))
    more = ", …" if len(different) > MOST_EXAMPLES else ""
    return ", ".join(value[:30] for value in different[:MOST_EXAMPLES]) + more
