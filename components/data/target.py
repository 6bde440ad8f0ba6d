"""The target: which task it asks for, its classes, and everything that makes it impossible to learn.

`auto` says: words are classes; two different values are two classes; whole numbers are classes when they are at most 20
and each could have five rows; all other numbers are values.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text, to_codes, to_numbers
from components.core.contracts import Task
from components.core.errors import UserMistake
from components.core.lazy import lazy
from components.data.schema_inference import NUMBER, sort_words

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

MOST_NUMBER_CLASSES = 20
ROWS_PER_CLASS = 5  # fewer: whole numbers are values
LARGEST = 1e30  # predictions are float32: this leaves room for one that goes too far


@dataclass(frozen=True, kw_only=True)
class Target:
    """The target column, understood."""

    name: str
    task: Task
    classes: tuple[str, ...]  # empty for regression
    truth_N: NDArray[np.float64]  # class numbers or values; NaN where the row has none
    why: str


def read_target(raw: "pd.Series", name: str, task: str) -> Target:
    """Decide the task (`auto`, or as given) and number the classes. Raises UserMistake."""
    text = as_text(raw)
    words = sort_words([str(word) for word in text.dropna().unique()])
    num_known = int(text.notna().sum())
    if not words:
        raise UserMistake(f"validate.target: '{name}' is missing in all {len(raw)} rows. Is it the right column?")
    if len(words) == 1:
        raise UserMistake(
            f"validate.target: '{name}' is '{words[0]}' in all {num_known} rows that have it. "
            "One class, or one value, leaves nothing to tell apart."
        )
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        raise UserMistake(f"validate.target: '{name}' holds dates. Predict a number or classes made of them.")
    found, why = (_auto(words, num_known), "inferred") if task == "auto" else (task, "as validate.task says")
    if found == "regression":
        return Target(name=name, task="regression", classes=(), truth_N=_values(raw, text, words, name, task), why=why)
    _refuse_classes(words, num_known, name, task)
    if found == "binary" and len(words) != 2:
        raise UserMistake(
            f"validate.task is binary, but '{name}' has {len(words)} classes ({_some(words)}). "
            "Write validate.task: multiclass, or auto."
        )
    codes = to_codes(raw, words).astype(np.float64)
    kind: Task = "binary" if len(words) == 2 else "multiclass"
    return Target(name=name, task=kind, classes=tuple(words), truth_N=np.where(codes < 0, np.nan, codes), why=why)


def _auto(words: list[str], num_known: int) -> Task:
    if len(words) == 2:
        return "binary"
    if not all(NUMBER.fullmatch(word) for word in words):
        numbers = sum(NUMBER.fullmatch(word) is not None for word in words)
        return "regression" if numbers > MOST_NUMBER_CLASSES and numbers >= 0.9 * len(words) else "multiclass"
    whole = all(float(word) % 1 == 0 for word in words)
    few = len(words) <= MOST_NUMBER_CLASSES and num_known >= ROWS_PER_CLASS * len(words)
    return "multiclass" if whole and few else "regression"


def _values(raw: "pd.Series", text: "pd.Series", words: list[str], name: str, task: str) -> NDArray[np.float64]:
    values = to_numbers(raw)
    wrong = np.isnan(values) & text.notna().to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        way_out = (
            "Correct or empty these rows." if task == "auto" else "Write validate.task: multiclass, or correct them."
        )
        raise UserMistake(
            f"validate.target: '{name}' should hold numbers, but {int(wrong.sum())} of {int(text.notna().sum())} "
            f"values are words, the first '{text.iloc[row]}' in row {row + 1} below the header. {way_out}"
        )
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise UserMistake(
            f"validate.target: '{name}' is infinite in {int(infinite.sum())} rows, "
            f"the first in row {row + 1} below the header. Correct or empty these cells."
        )
    huge = np.abs(values) > LARGEST
    if huge.any():
        row = int(np.flatnonzero(huge)[0])
        raise UserMistake(
            f"validate.target: '{name}' is {values[row]:g} in row {row + 1} below the header: numbers beyond "
            f"{LARGEST:g} cannot be predicted. Correct these cells, or write the column in larger units."
        )
    return values


def _refuse_classes(words: list[str], num_known: int, name: str, task: str) -> None:
    if 2 * len(words) <= num_known or len(words) == 2:
        return
    numbers = all(NUMBER.fullmatch(word) for word in words)
    way_out = "Write validate.task: regression." if numbers and task != "auto" else "Is it the right column?"
    raise UserMistake(
        f"validate.target: '{name}' has {len(words)} classes in {num_known} rows ({_some(words)}): "
        f"more classes than can be learned, fewer than two rows each. {way_out}"
    )


def _some(words: list[str]) -> str:
    return ", ".join(words[:3]) + (", ..." if len(words) > 3 else "")
