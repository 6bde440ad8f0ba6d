"""Values as they are written in params.yaml, in one line: words bare, real numbers with a dot, braces for the rest."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_BARE = re.compile(r"[A-Za-z_./\\][\w./\\ %+\-*]*")
_NOT_A_WORD = {"true", "false", "null", "none", "~", ""}


def write(value: Any, *, inside: bool = False) -> str:
    """Return a value as YAML in one line; `inside`: it stands within braces or brackets."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, float):
        return write_real(value)
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_text(str(key), True)}: {write(item, inside=True)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(write(item, inside=True) for item in value) + "]"
    return _text(value, inside) if isinstance(value, str) else str(value)


def show(value: Any) -> str:
    """Return a value as a message shows it: texts in single quotes."""
    return f"'{value}'" if isinstance(value, str) else write(value)


def write_real(value: float) -> str:
    """Write a real number with a dot, so that every YAML reader sees a number: 1.0e-4, 0.05, 10.0."""
    text = repr(float(value))
    if "e" not in text and not 0 < abs(value) < 0.01:
        return text
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    assert isinstance(exponent, int), f"{value} is no number"
    first, *rest = (str(digit) for digit in digits)
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}e{exponent + len(digits) - 1}"


def _text(value: str, inside: bool) -> str:
    plain = _BARE.fullmatch(value) is not None and value == value.strip() and not value.endswith(("-", "*"))
    if not inside and value.startswith("example:") and _BARE.fullmatch(value.removeprefix("example:")):
        plain = True
    if plain and (value == "none" or value.lower() not in _NOT_A_WORD) and not _looks_like_number(value):
        return value
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _looks_like_number(value: str) -> bool:
    try:
        float(value.replace("_", ""))
    except ValueError:
        return value.startswith((".", "0x", "0o")) and value[1:2].isalnum() and value[1:2].isdigit()
    return True


COLUMNS = (28, 60)  # where comments start, counted from 0: shallow lines, deep lines
WIDTH = 120


def comment_column(line: str, comment: str) -> str:
    """Return a line with a comment behind it, in the first free of the two columns, within the width of a line."""
    if not comment:
        return line
    column = next((column for column in COLUMNS if len(line) < column), len(line) + 2)
    room = WIDTH - column - 2
    while len(comment) > room:
        cut = max(comment.rfind(sign, 0, room + 1) for sign in ("; ", ", ", " ("))
        if cut <= 0:
            return line
        comment = comment[:cut]
    return f"{line:<{column}}# {comment}"
