"""`espalier set KEY=VALUE ...`: one line of params.yaml each; all of them or none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.core.errors import Mistakes, UserMistake
from components.core.files import write_text
from components.project.documents import parse
from components.project.edit import changed_lines, with_value
from components.project.params import FILE, read_document
from pipelines.commands import check


def run(root: Path, *, changes: Sequence[str]) -> None:
    """Set values, show the changed lines, and keep dvc.yaml in step."""
    pairs = [_pair(change) for change in changes]
    set_values(root, pairs)
    if any(key in ("ingest.source", "ingest") or key.endswith(".features") for key, _ in pairs):
        for line in check.mend(root):
            print(f"  {line}")


def set_values(root: Path, pairs: Sequence[tuple[str, Any]]) -> None:
    """Set keys in the file and print what changed in it. Raises `UserMistake`, and then changes nothing."""
    old = read_document(root).text
    new = old
    for key, value in pairs:
        new = with_value(new, key, value, root)
    if new == old:
        print(f"{FILE} says so already.")
        return
    write_text(root / FILE, new)
    for sign, line in changed_lines(old, new):
        print(f"  {sign} {line}")


def _pair(change: str) -> tuple[str, Any]:
    key, equals, value = change.partition("=")
    if not equals or not key.strip():
        raise UserMistake(f"'{change}' sets nothing. Write KEY=VALUE, for instance boosting.trials=40")
    try:
        return key.strip(), parse(f"value: {value}\n", "value").values["value"]
    except Mistakes:  # a text such as *.csv, which YAML would only read in quotes
        return key.strip(), value.strip()
