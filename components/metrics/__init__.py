"""Scores of predictions, in numpy, K models in one call: `get("roc_auc")(truth_n, values_KnC)` returns [K].

`registry.py` has the table of all names; beside it one file per family: `confusion.py` (accuracy, precision, recall,
F1), `roc_auc.py`, `log_loss.py` (and Brier's score), `regression.py`.
"""

from components.metrics.confusion import confusion_matrix
from components.metrics.registry import Score, auto, get, names, optimisable, resolve

__all__ = ["Score", "auto", "confusion_matrix", "get", "names", "optimisable", "resolve"]
