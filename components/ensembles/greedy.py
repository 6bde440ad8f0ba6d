"""Greedy ensemble selection with replacement (Caruana et al. 2004): add, again and again, whoever helps the mean most.

It optimises the metric itself, whatever that is, and cannot do worse than the best member on the rows it sees, since
that is where it begins. Ties go to a member that is used already, then to the cheaper one. The shortest beginning
with the best score is kept; weights are counts.

Legend: M members, n rows, C outputs.
"""

import numpy as np
from numpy.typing import NDArray

from components.ensembles.combine import Combiner, PartScores, nearly, weighted_mean

MOST_STEPS = 50
PATIENCE = 10  # steps without a better score


def greedy(values_MnC: NDArray[np.float32], scores: PartScores, cost_M: NDArray[np.int64]) -> Combiner:
    """Select members; returns a weighted mean over all M, most weights zero."""
    count_M = np.zeros(len(values_MnC), dtype=np.int64)
    total_nC = np.zeros(values_MnC.shape[1:], dtype=np.float64)
    best_score, best_count_M, best_step = -np.inf, count_M, 0
    for step in range(1, MOST_STEPS + 1):
        score_M = scores(((total_nC + values_MnC) / step).astype(np.float32))
        pick = first_choice(score_M, count_M, cost_M)
        count_M = count_M + (np.arange(len(count_M)) == pick)
        total_nC += values_MnC[pick]
        if step == 1 or (score_M[pick] > best_score and not nearly(best_score, score_M[pick])):
            best_score, best_count_M, best_step = score_M[pick], count_M, step
        if step - best_step >= PATIENCE:
            break
    return weighted_mean(best_count_M.astype(np.float64), values_MnC.shape[2])


def first_choice(score_M: NDArray[np.float64], count_M: NDArray[np.int64], cost_M: NDArray[np.int64]) -> int:
    """Return the member with the best score; of tied ones one that is used already, then the cheapest."""
    best = float(score_M.max())
    tied = [m for m in range(len(score_M)) if nearly(float(score_M[m]), best)]
    return min(tied, key=lambda m: (count_M[m] == 0, cost_M[m], m)) if tied else int(np.argmax(score_M))
