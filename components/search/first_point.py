"""What a search began with: its first start point, kept with its predictions, so that the gain of searching is known.

The first start point is a strong configuration that nobody has tuned to this table. It was trained like every other
trial, so keeping it costs a folder. Among the kept members it lies in members/ as they do; else in default/, where
stacking does not see it. default.json names the folder: {"folder": "members/xgboost-0"}, null where there is none.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from components.core.files import read_json, write_json
from components.search.result import SearchResult

FILE, FOLDER = "default.json", "default"


def write_first(out: Path, result: SearchResult, names: Sequence[str], first: Path, num_folds: int) -> None:
    """Write default.json, and default/ where trial 0 is no member; `first` is its folder in the study.

    `names` are the members' names in the order of `result.kept`. A trial 0 that failed, was cut, or was judged on fewer
    than all folds is no default.
    """
    folder: str | None = None
    numbers = [kept.number for kept in result.kept]
    if 0 in numbers:
        folder = f"members/{names[numbers.index(0)]}"
    elif (
        result.trials and len(result.trials[0].outcome.fold_scores_S) == num_folds and (first / "member.json").exists()
    ):
        shutil.copytree(first, out / FOLDER)
        folder = FOLDER
    write_json(out / FILE, {"folder": folder})


def default_folder(out: Path) -> Path | None:
    """Return the member folder of what a search began with; None where it is not there."""
    if not (out / FILE).exists():
        return None
    folder = read_json(out / FILE)["folder"]
    return None if folder is None else out / folder
