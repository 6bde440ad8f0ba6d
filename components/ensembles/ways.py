"""The ways of combining members, each fitted on some rows and judged on others.

    best        the best member alone
    average     the plain mean of all
    greedy      greedy.py: counts; optimises the metric itself
    convex      convex.py: weights of sum 1; least log loss or squared error
    linear      meta_learner.py: weights and an intercept; may be surer than any member
    two_layers  greedy over the members and one more that was fitted on their predictions (second_layer.py)

Legend: M members, n rows, C outputs.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.core.seeds import generator
from components.ensembles.combine import Combiner, PartScores, weighted_mean
from components.ensembles.convex import convex
from components.ensembles.greedy import first_choice, greedy
from components.ensembles.meta_learner import linear

Method = Literal["best", "average", "greedy", "convex", "linear", "two_layers"]
FIRST_LAYER: tuple[Method, ...] = ("best", "average", "greedy", "convex", "linear")
PARTS_OF_ONE_FOLD = 5


def fit(way: Method, values_MnC: NDArray[np.float32], scores: PartScores, cost_M: NDArray[np.int64]) -> Combiner:
    """Fit one way of combining on these rows. Members that all are worse than none leave the best of them."""
    if way == "linear" and (combiner := linear(values_MnC, scores.truth_n)).weight_M.any():
        return combiner
    if way == "convex":
        return convex(values_MnC, scores.truth_n)
    if way in ("greedy", "two_layers"):
        return greedy(values_MnC, scores, cost_M)
    weight_M = np.ones(len(values_MnC))
    if way != "average":
        weight_M = (np.arange(len(values_MnC)) == best_member(scores(values_MnC), cost_M)).astype(np.float64)
    return weighted_mean(weight_M, values_MnC.shape[2])


def best_member(score_M: NDArray[np.float64], cost_M: NDArray[np.int64]) -> int:
    """Return the best member; of tied ones the cheapest."""
    return first_choice(score_M, np.zeros(len(score_M), dtype=np.int64), cost_M)


def cross_fitted(
    way: Method,
    values_MnC: NDArray[np.float32],
    scores: PartScores,
    cost_M: NDArray[np.int64],
    seen_n: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Combine every part by what was fitted on the others [n, C]; `seen_n`: on these of their rows alone."""
    combined_nC = np.empty_like(values_MnC[0])
    for number, part in enumerate(scores.parts):
        others, kept = scores.without(number) if len(scores.parts) > 1 else (scores, part)
        if seen_n is not None:
            others, kept = others.only(seen_n[kept]), kept[seen_n[kept]]
        combined_nC[part] = fit(way, values_MnC[:, kept], others, cost_M)(values_MnC[:, part])
    return combined_nC


def random_parts(num_rows: int, seed: int) -> list[NDArray[np.int64]]:
    """Cut the rows of a single fold at random, for the choice alone."""
    mixed = generator(seed, "stacking", "parts").permutation(num_rows)
    return [np.sort(part) for part in np.array_split(mixed, min(PARTS_OF_ONE_FOLD, num_rows)) if len(part)]
