"""What comes behind the combination: the temperature, then the threshold, each kept only if unseen folds want it.

Both are fitted without a fold and judged on it, as the ways are; what is kept is fitted on all rows once more.

Legend: n rows, C outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric
from components.core.thresholds import as_if_half
from components.ensembles.combine import Combiner, PartScores, cooled, nearly
from components.ensembles.decision_threshold import AtBestThreshold, best_threshold
from components.ensembles.temperature import temperature
from components.ensembles.tries import Tries
from components.ensembles.ways import Method
from components.metrics.log_loss import log_loss

Values = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The combiner with its temperature, the threshold, and the predictions of unseen folds."""

    combiner: Combiner
    threshold: float | None
    values_nC: Values  # probabilities, or values
    judged_nC: Values  # the same as metrics of labels should see them: the threshold moved to one half
    is_cooled: bool

    def same_for(self, values_nC: Values, tries: Tries) -> Values:
        """Do to other predictions what was kept for these, each fold without itself [n, C]."""
        values_nC = _cooled(values_nC, tries.nested) if self.is_cooled else values_nC
        return values_nC if self.threshold is None else _thresholded(values_nC, tries.nested)


def finish(values_nC: Values, tries: Tries, metric: Metric, *, way: Method, floor: float, calibrate: bool) -> Finished:
    """Calibrate where that lowers log loss and harms nothing; then choose the threshold, if the judge wants one.

    `floor`: the best member's score, below which a calibrated ensemble may not fall on the rows it was fitted on.
    """
    combiner, is_cooled = tries.fitted[way], False
    if calibrate and values_nC.shape[1] > 1:
        warmed_nC = _cooled(values_nC, tries.nested)
        found = replace(combiner, temperature=temperature(values_nC, tries.nested.truth_n))
        if _falls(values_nC, warmed_nC, tries) and _harmless(
            values_nC, warmed_nC, found(tries.values_of(way)), tries, floor
        ):
            values_nC, combiner, is_cooled = warmed_nC, found, True
    threshold, judged_nC = None, values_nC
    if isinstance(tries.scores.metric, AtBestThreshold):
        threshold = best_threshold(metric, tries.nested.truth_n, values_nC[:, 1])
        judged_nC = values_nC if threshold is None else _thresholded(values_nC, tries.nested)
    return Finished(
        combiner=combiner, threshold=threshold, values_nC=values_nC, judged_nC=judged_nC, is_cooled=is_cooled
    )


def _falls(before_nC: Values, after_nC: Values, tries: Tries) -> bool:
    truth_n = tries.nested.truth_n
    before, after = log_loss(truth_n, np.stack([before_nC, after_nC]), np.ones(len(truth_n)))
    return bool(after < before) and not nearly(-float(before), -float(after))


def _harmless(before_nC: Values, after_nC: Values, fitted_nC: Values, tries: Tries, floor: float) -> bool:
    """Whether the metric itself is no worse for it, on unseen folds and on the rows of the fit."""
    before, after, fitted = tries.scores(np.stack([before_nC, after_nC, fitted_nC]))
    return nearly(float(after), float(before)) and nearly(float(fitted), floor)


def _cooled(values_nC: Values, parts: PartScores) -> Values:
    return _cross_fitted(values_nC, parts, lambda seen_nC, scores: temperature(seen_nC, scores.truth_n), cooled)


def _thresholded(values_nC: Values, parts: PartScores) -> Values:
    metric = parts.metric
    assert isinstance(metric, AtBestThreshold), "a threshold is chosen where members were chosen for one"

    def found(seen_nC: Values, scores: PartScores) -> float:
        threshold = best_threshold(metric.metric, scores.truth_n, seen_nC[:, 1])
        return 0.5 if threshold is None else threshold

    return _cross_fitted(values_nC, parts, found, as_if_half)


def _cross_fitted(
    values_nC: Values,
    parts: PartScores,
    find: Callable[[Values, PartScores], float],
    apply: Callable[[Values, float], Values],
) -> Values:
    """Apply to each part the number that was found on the others."""
    changed_nC = np.empty_like(values_nC)
    for number, rows in enumerate(parts.parts):
        others, kept = parts.without(number) if len(parts.parts) > 1 else (parts, rows)
        changed_nC[rows] = apply(values_nC[rows], find(values_nC[kept], others))
    return changed_nC
