"""Write a search space in the user's own notation: `space.yaml`, with every key that was left out of params.yaml.

Hand-made rather than dumped by a YAML library, so that ranges stand in one line each and real numbers carry a dot
(`1.0e-4` is a number for every YAML reader, `1e-4` a text for some).
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange, Node

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORDS_OF_YAML = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def space_text(space: Group, heading: str) -> str:
    """Return YAML of a whole space, below a comment of one or several lines."""
    return "\n".join([*(f"# {line}" for line in heading.splitlines()), *_block(space, 0)]) + "\n"


def _block(group: Group, depth: int) -> list[str]:
    """Lines of a group's fields: groups below each other, everything else in one line."""
    lines = [] if group.kind is None else [f"{'  ' * depth}kind: {scalar(group.kind)}"]
    for word, node in group.fields.items():
        start = f"{'  ' * depth}{word}:"
        if isinstance(node, Group) and node.fields:
            lines += [start, *_block(node, depth + 1)]
        elif isinstance(node, Branches):
            lines += [start, f"{'  ' * (depth + 1)}choose:"]
            for name, branch in node.groups.items():
                first, *rest = _branch(name, branch, depth + 3)
                lines += [f"{'  ' * (depth + 2)}- {first.strip()}", *rest]
        else:
            lines.append(f"{start} {_flow(node)}")
    return lines


def _branch(name: str, branch: Group, depth: int) -> list[str]:
    lines = _block(branch, depth)
    if name != branch.kind:
        lines.insert(0, f"{'  ' * depth}name: {scalar(name)}")
    return lines or [f"{'  ' * depth}{{}}"]


def _flow(node: Node) -> str:
    if isinstance(node, Fixed):
        return scalar(node.value)
    if isinstance(node, IntRange | FloatRange):
        step = node.step if isinstance(node, FloatRange) or node.step != 1 else None
        parts = {"low": node.low, "high": node.high, "step": step, "log": node.log or None}
        return "{" + ", ".join(f"{key}: {scalar(value)}" for key, value in parts.items() if value is not None) + "}"
    if isinstance(node, Choice):
        return "{choose: [" + ", ".join(_flow(option) for option in node.options) + "]}"
    if isinstance(node, Branches):
        return "{choose: [" + ", ".join(_flow(group) for group in node.groups.values()) + "]}"
    fields = {**({} if node.kind is None else {"kind": Fixed(value=node.kind)}), **node.fields}
    return "{" + ", ".join(f"{word}: {_flow(field)}" for word, field in fields.items()) + "}"


def scalar(value: Any) -> str:
    """Write one value: words plain where YAML has no other meaning for them, reals with a dot."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    if isinstance(value, float) and math.isfinite(value):
        mantissa, _, exponent = repr(value).partition("e")
        return mantissa if not exponent else f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+03d}"
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in WORDS_OF_YAML else _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {scalar(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    return str(value)


def _quoted(text: str) -> str:
    """Quote as YAML does; JSON's pairs of surrogates mean nothing to it."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in plain) + '"'
