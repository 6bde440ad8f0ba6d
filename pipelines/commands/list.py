"""`espalier list`: the techniques, their keys, their files."""

from pathlib import Path

from components.project.techniques import text


def run(root: Path) -> None:
    """Print the table."""
    print(text())
