"""Estimates as words: one hand for terminal, report, mail and model card, so that all say the same."""

from collections.abc import Mapping
from typing import Any

from components.core.numbers import interval, shown

JSONEstimate = Mapping[str, Any]

TASKS = {"binary": "two classes", "multiclass": "{} classes", "regression": "numbers"}


def half(estimate: JSONEstimate) -> float | None:
    """Return half the width of the interval; None where there is none."""
    return None if estimate["low"] is None else (estimate["high"] - estimate["low"]) / 2


def number(estimate: JSONEstimate) -> str:
    """Write the value: `0.848`."""
    return shown(estimate["value"], half(estimate))


def ends(estimate: JSONEstimate) -> str:
    """Write the interval: `0.826 to 0.869`."""
    return "no interval" if estimate["low"] is None else interval(estimate["low"], estimate["high"])


def signed(estimate: JSONEstimate) -> str:
    """Write a difference: `+0.006`."""
    text = number(estimate)
    return text if text.startswith("−") or estimate["value"] == 0 else f"+{text}"


def both(estimate: JSONEstimate) -> str:
    """Write value and interval: `0.848 (0.826 to 0.869)`; the value alone where the interval has no width."""
    if estimate["low"] == estimate["high"]:
        return shown(estimate["value"])
    return f"{number(estimate)} ({ends(estimate)})"


def plain(estimate: JSONEstimate) -> str:
    """Write value and interval without parentheses: `0.003, −0.004 to 0.010`."""
    return f"{number(estimate)}, {ends(estimate)}"


NEW = {"row": "new.csv", "picture": "new_pictures"}
"""What `espalier predict` is shown with, by what a row is."""


def count(number_of: int, one: str, many: str | None = None) -> str:
    """Write `1 row`, `1 404 rows`."""
    return f"{thousands(number_of)} {one if number_of == 1 else many or one + 's'}"


def thousands(value: int) -> str:
    """Write a count; from five digits on with thin gaps."""
    return f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)


def percent(share: float) -> str:
    """Write `95 %`, `99.5 %`."""
    return f"{100 * share:.6g} %"


def whole_percent(share: float) -> str:
    """Write `12 %`, `less than 1 %`."""
    return percent(round(share, 2)) if round(share, 2) else "less than 1 %"


def task_words(facts: Mapping[str, Any]) -> str:
    """Write `two classes`, `10 classes`, `numbers`."""
    return TASKS[facts["task"]].format(len(facts["classes"]))


def source_words(source: str) -> str:
    """Return the last step of a path, or the source as it is: no path of anybody's home in a page that is mailed."""
    return source if ":" in source else source.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def size(num_bytes: int) -> str:
    """Write bytes: `3.1 MB`, `12 kB`."""
    if num_bytes >= 100_000:
        return f"{num_bytes / 1e6:.{0 if num_bytes >= 1e7 else 1}f} MB"
    return f"{max(1, round(num_bytes / 1e3))} kB"


def operations(cost: float) -> str:
    """Write multiply-adds: `1.2 M`."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if cost >= limit:
            return f"{cost / limit:.2g} {letter}" if cost < 10 * limit else f"{cost / limit:.0f} {letter}"
    return f"{cost:.0f}"


def cut(text: str, most: int) -> str:
    """Shorten a text of the data to at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
