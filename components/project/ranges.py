"""Ranges in the notation of params.yaml: {low: 1.0e-4, high: 0.1, log: true}. The field says whether they are whole."""

import math
from collections.abc import Mapping
from typing import Any

from components.core.ranges import Fixed, FloatRange, IntRange
from components.project.forms import Form
from components.project.words import show

RANGE_KEYS = ("low", "high", "step", "log")
MISNAMED = {"min": "low", "max": "high"} | dict.fromkeys(("choice", "choices", "options", "values"), "choose")


def range_of(form: Form, value: Mapping[str, Any]) -> IntRange | FloatRange | Fixed:
    """Return the range that a mapping without mistakes means; equal ends are one value."""
    low, high, step = (number_of(value.get(key)) for key in ("low", "high", "step"))
    assert low is not None
    assert high is not None
    log = value.get("log", False)
    if low == high:
        return Fixed(value=float(low) if form.real else int(low))
    if form.real:
        return FloatRange(low=float(low), high=float(high), step=None if step is None else float(step), log=log)
    return IntRange(low=int(low), high=int(high), step=int(step or 1), log=log)


def wrong_in_range(form: Form, value: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the end of the sentence that says what is wrong with a range, and the way out; None: nothing is."""
    if not (form.whole or form.real):
        return f", not {form.describe()}.", "Several are written {choose: [..., ...]}."
    way_out = f"Write {form.describe()}, or {{low: ..., high: ...}}."
    if missing := [key for key in ("low", "high") if key not in value]:
        return f": {' and '.join(missing)} is missing.", way_out
    ends = {key: number_of(value[key]) for key in ("low", "high", "step") if key in value}
    numbers = {key: end for key, end in ends.items() if end is not None}
    if len(numbers) < len(ends) or not isinstance(value.get("log", False), bool):
        return ": its ends are numbers, log is true or false.", way_out
    return _wrong_order(value, numbers) or _unlike_field(form, numbers)


def _wrong_order(value: Mapping[str, Any], ends: Mapping[str, float]) -> tuple[str, str] | None:
    low, high, log = ends["low"], ends["high"], value.get("log", False)
    if low > high:
        return ": low is above high.", f"Write {show({**value, 'low': value['high'], 'high': value['low']})}."
    if log and low <= 0:
        return ": log needs low above 0.", "Raise low, or take log out."
    if log and "step" in ends:
        return ": log and step do not go together.", "Take one of them out."
    if ends.get("step", 1) <= 0:
        return ": step is not above 0.", "Take it out, or write a step above 0."
    return None


def _unlike_field(form: Form, ends: Mapping[str, float]) -> tuple[str, str] | None:
    if not form.real and not all(float(end).is_integer() for end in ends.values()):
        return ": whole numbers are meant.", "Write ends without a fraction."
    if not (form.within(ends["low"]) and form.within(ends["high"])):
        return f", not {form.describe()}.", "Move the end that lies outside."
    return None


def number_of(value: Any) -> float | int | None:
    """Return a finite number; a text that is a number counts, true and false do not."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None
