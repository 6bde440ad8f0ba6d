"""The CSV files behind `dvc plots` (dvc.yaml names them): always the same five, with a header when there is nothing.

Only numbers that no clock measured; at most 5000 rows each.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.files import write_text
from components.evaluation.layout import Scores
from components.evaluation.material import Material

MOST_ROWS = 5000


def write_plots(
    folder: Path, scores: Scores, material: Material, truth_n: NDArray[Any], values_nC: NDArray[np.float32]
) -> None:
    """Write the five files of data/evaluate/plots."""
    _write(folder / "learning_curves.csv", ("epoch", "train", "validation"), learning_curve(material))
    members = [(one["name"], one["score"]) for one in scores["members"]]
    _write(folder / "leaderboard.csv", ("member", "score"), members)
    _write(folder / "search_history.csv", ("trial", "score"), _history(material))
    _write(folder / "confusion.csv", ("actual", "predicted"), _calls(scores, truth_n, values_nC))
    bins = [(one["predicted"], one["observed"], one["rows"]) for one in scores["calibration"]]
    _write(folder / "calibration.csv", ("predicted", "observed", "rows"), bins)


def learning_curve(material: Material) -> list[tuple[int, float, float]]:
    """Return epoch, train and validation loss of the best network; empty when there is none."""
    searched = material.searches["search"]
    best = searched.best_trial
    if best is None or best not in searched.curves:
        return []
    train, validation = searched.curves[best]
    pairs = zip(train.tolist(), validation.tolist(), strict=True)
    return [(epoch, round(t, 6), round(v, 6)) for epoch, (t, v) in enumerate(pairs, start=1)]


def _history(material: Material) -> list[tuple[int, float]]:
    trials = material.searches["search"].trials
    return [(trial.number, round(trial.score, 6)) for trial in trials if trial.score is not None]


def _calls(scores: Scores, truth_n: NDArray[Any], values_nC: NDArray[np.float32]) -> list[tuple[str, str]]:
    classes = scores["facts"]["classes"]
    if not classes:
        return []
    pairs = zip(truth_n.tolist(), values_nC.argmax(axis=1).tolist(), strict=True)
    return [(classes[actual], classes[called]) for actual, called in pairs]


def _write(path: Path, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from components.evaluation.report.parts import csv_text

    write_text(path, csv_text(heads, list(rows)[:MOST_ROWS]))
