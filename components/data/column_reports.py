"""All that one look at a column tells, so that one column at a time is in memory."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.core.columns import as_text, to_numbers, to_seconds
from components.core.lazy import lazy
from components.data.encoded_target import is_encoded_target
from components.data.leakage import Alone, score_alone
from components.data.schema_inference import WRITTEN, Look
from components.data.target import Target

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

ONE_VALUE = "it has one value in all rows"
FEW_ROWS = 100  # fewer do not show where the values lie
MOSTLY_ONE = 0.9  # a column that is nearly always one value has no width to be far from
MANY_WORDS = 20  # levels from which on words may be names of things
FAR = 10  # times the half-width that holds 99 % of the values, from their median: a typing error or a sign for missing


@dataclass(frozen=True, kw_only=True)
class ColumnReport:
    """What one look at a column, beside the target, tells."""

    look: Look
    unseen: str  # why models are not to see it, as params.yaml says: no finding is made about it; empty: they may
    missing_N: NDArray[np.bool_] | None  # None: no value is missing
    num_infinite: int
    first_infinite: int  # row id
    far: str  # "2 values, up to 35682 (99 % lie from 40 to 5800)", or empty
    alone: Alone | None

    @property
    def name(self) -> str:
        """The column's name."""
        return self.look.name

    @property
    def left_out(self) -> str:
        """Why models do not see the column; empty when they do."""
        if self.unseen:
            return self.unseen
        if self.look.num_distinct == 0:
            return "it has no value in any row"
        if self.num_infinite:
            return "it has infinite values"
        if self.look.kind == "id" or self.look.why.startswith(WRITTEN):
            return self.look.why
        if self.look.num_distinct == 1 and self.missing_N is None:
            return ONE_VALUE
        return ""


def report_on(
    raw: "pd.Series", look: Look, target: Target, rows: NDArray[np.int64], tries: int, unseen: str, outliers: bool
) -> ColumnReport:
    """Look at one raw column; `rows` are those that leakage is looked for in (all with a target)."""
    values, ordered = _comparable(raw, look)
    infinite = np.flatnonzero(np.isinf(values))
    report = ColumnReport(
        look=look,
        unseen=unseen,
        missing_N=np.isnan(values) if look.num_missing or look.num_odd else None,
        num_infinite=len(infinite),
        first_infinite=int(infinite[0]) if len(infinite) else -1,
        far=_far(values) if outliers and look.kind == "numeric" and not len(infinite) else "",
        alone=None,
    )
    if report.left_out:
        return report
    alone = score_alone(look.name, values[rows], ordered, target.truth_N[rows], len(target.classes), tries)
    if ordered and not alone.leaks:
        known = ~np.isnan(target.truth_N)
        if is_encoded_target(values[known], target.truth_N[known], len(target.classes)):
            alone = replace(alone, leaks=True, encoded=len(np.unique(values[known])))
    return replace(report, alone=replace(alone, many_words=not ordered and look.num_distinct >= MANY_WORDS))


def _comparable(raw: "pd.Series", look: Look) -> tuple[NDArray[np.float64], bool]:
    """Return numbers (NaN: missing), and whether their order means something."""
    if look.kind == "numeric":
        return to_numbers(raw), True
    if look.kind == "datetime":
        return to_seconds(raw), True
    codes = pd.factorize(as_text(raw))[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes), False


def _far(values: NDArray[np.float64]) -> str:
    known = values[~np.isnan(values)]
    if len(known) < FEW_ROWS or np.unique(known, return_counts=True)[1].max() > MOSTLY_ONE * len(known):
        return ""
    with np.errstate(over="ignore", invalid="ignore"):
        low, middle, high = np.quantile(known, [0.005, 0.5, 0.995])
        width = (high - low) / 2
        far = known[np.abs(known - middle) > FAR * width] if width > 0 else known[:0]
    if not len(far) or len(far) > 0.01 * len(known):
        return ""
    worst = far[np.argmax(np.abs(far - middle))]
    return f"{len(far)} row{'s' * (len(far) > 1)}: {worst:g} (99 % lie from {low:g} to {high:g})"
