"""Racing over folds: candidates are judged fold after fold, and who is significantly worse than the leader stops.

Epochs of one fold say little about the others; folds are what a candidate is judged by. After each fold but the first,
the fold scores of every candidate that is still in the race are held against those of the leader, fold by fold: a
one-sided paired t-test, with the variance corrected for folds that share their training rows (Nadeau and Bengio 2003).
The leader is the best mean over these folds, in the generation or among what finished generations left complete.
(Races: Maron and Moore 1994; paired tests in races: Birattari 2002.)
"""

import math
from collections.abc import Mapping, Sequence

LEVEL = 0.05
FEWEST_FOLDS = 3  # below there is nothing to test: two folds, one degree of freedom, and no fold left to save


def losers(
    scores: Mapping[int, Sequence[float]],
    earlier: Sequence[Sequence[float]],
    num_folds: int,
    *,
    greater_is_better: bool,
) -> frozenset[int]:
    """Return the numbers that leave the race.

    `scores` are those of the candidates on the folds so far, by number, all of one length; `earlier` those of complete
    trials of finished generations, at least as long; `num_folds` are run in all.
    """
    if not scores:
        return frozenset()
    count = len(next(iter(scores.values())))
    sign = -1.0 if greater_is_better else 1.0
    losses = {number: [sign * score for score in own] for number, own in sorted(scores.items())}
    rivals = [*losses.values(), *([sign * score for score in one[:count]] for one in earlier)]
    finite = [own for own in rivals if all(map(math.isfinite, own))]
    if count < 2 or not finite:
        return frozenset()
    leader = min(finite, key=math.fsum)
    return frozenset(number for number, own in losses.items() if is_worse(own, leader, num_folds))


def is_worse(losses: Sequence[float], leader: Sequence[float], num_folds: int) -> bool:
    """Whether losses are significantly above the leader's on the same folds; what is no number is."""
    if not all(map(math.isfinite, losses)):
        return True
    gaps = [own - other for own, other in zip(losses, leader, strict=True)]
    count = len(gaps)
    mean = math.fsum(gaps) / count
    variance = math.fsum((gap - mean) ** 2 for gap in gaps) / (count - 1)
    if mean <= 0.0:
        return False
    if variance == 0.0:
        return True
    from scipy.stats import t

    shared = 1.0 / (num_folds - 1)  # scored rows over fit rows of a fold
    statistic = mean / math.sqrt(variance * (1.0 / count + shared))
    return float(t.sf(statistic, count - 1)) < LEVEL
