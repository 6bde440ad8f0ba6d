"""What a row counts in the loss of a step: by its class (`class_weights: balanced`), by a weight of its own, or both.

Balanced: every class counts the same in sum, rows of rare classes more (King and Zeng 2001; scikit-learn's "balanced").
Factors are those of the fold's fit rows and have the mean 1 over them, so the learning rate keeps its meaning. A batch
is divided by its number of rows and not by the sum of its weights: with one row at a time weights would cancel.

Legend: K models, M rows of all folds, C classes (1 for numbers), n fit rows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from components.training.batches import Resident


def class_factors(resident: "Resident", folds: Sequence[int], words: Sequence[str]) -> torch.Tensor | None:
    """Return what a row of each class counts for each model [K, C], from its fold and its `class_weights`.

    None when all rows count the same. Weights of single rows are scaled in here to the mean 1, and apply on top.
    """
    if resident.weight_M is None and "balanced" not in words:
        return None
    of_numbers = resident.y_M.is_floating_point()
    num_classes = 1 if of_numbers else int(resident.y_M.max()) + 1
    factors = []
    for fold, word in zip(folds, words, strict=True):
        fit = resident.fit[fold].to(resident.y_M.device)
        weight_n = torch.ones(len(fit), dtype=torch.float64, device=fit.device)
        if resident.weight_M is not None:
            weight_n = resident.weight_M[fit].to(torch.float64)
        y_n = resident.labels(fit.unsqueeze(0), torch.tensor([fold], device=fit.device))[0]
        classes_n = torch.zeros_like(fit) if of_numbers else y_n
        sums_C = torch.bincount(classes_n, weight_n, num_classes)
        if word == "balanced":
            there = sums_C > 0
            factor_C = torch.where(there, len(fit) / (int(there.sum()) * sums_C.where(there, 1.0)), 0.0)
        else:
            factor_C = (len(fit) / sums_C.sum()).expand(num_classes)
        factors.append(factor_C.to(resident.dtype))
    return torch.stack(factors)
