"""Honest digits: how many are shown follows the uncertainty, everywhere, by this one function.

Two significant digits of the uncertainty decide where a number ends (GUM 7.2.6). Used by terminal, report and card.
Ranges of dates are written here, too, from the seconds that a column of dates holds.
"""

import math
from datetime import UTC, datetime, timedelta

DAY_SECONDS = 86_400


def digits_after_point(uncertainty: float | None) -> int:
    """Return how many decimals a number with this uncertainty (half an interval) deserves; unknown: 3."""
    if uncertainty is None or not math.isfinite(uncertainty) or uncertainty <= 0:
        return 3
    return min(6, max(0, 1 - math.floor(math.log10(uncertainty))))


def shown(value: float, uncertainty: float | None = None) -> str:
    """Write a number with the digits it deserves; what is no number is a dash. Large numbers without exponent."""
    if not math.isfinite(value):
        return "–"
    if uncertainty is None and value and abs(value) < 1e-3:
        return f"{value:.1e}"
    if uncertainty is None and abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    text = f"{value:.{digits_after_point(uncertainty)}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def interval(low: float, high: float) -> str:
    """Write an interval "0.826 to 0.869" with the digits that its own width deserves."""
    half = (high - low) / 2
    return f"{shown(low, half)} to {shown(high, half)}"


def dates(low: float, high: float) -> str:
    """Write a range of moments (seconds since 1970 UTC), "2024-01-01 to 2025-06-30"; to the minute unless all are days.

    A value of the first day would otherwise seem to be inside a range that begins at noon.
    """
    length = 10 if low % DAY_SECONDS == high % DAY_SECONDS == 0 else 16
    began = datetime(1970, 1, 1, tzinfo=UTC)
    first, last = ((began + timedelta(seconds=int(end))).isoformat(sep=" ")[:length] for end in (low, high))
    return f"{first} to {last}"
