"""When is one way of combining better than another, and when is it luck? Ties go to the cheaper one.

The rows of each fold are drawn anew, each so often as chance has it (the Poisson bootstrap), and all ways are scored on
the same drawing: the spread of their differences is the standard error of a difference. Ways are so much alike that
it is far smaller than that of a score. A way that is behind the first by no more than half of it is tied with it:
measured on fresh rows of eight small tables, a whole one gave up a quarter of the gain in ROC AUC, a half one nothing.

Legend: W ways, B drawings, P parts (the folds), n rows, C outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.seeds import generator
from components.ensembles.combine import PartScores, nearly

DRAWINGS = 50


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Scores of some ways, greater is better, and what chance does to them."""

    score_WP: NDArray[np.float64]
    drawn_BWP: NDArray[np.float64]

    def without(self, part: int) -> "Judged":
        """Return what would be known had this part never been scored."""
        others = np.arange(self.score_WP.shape[1]) != part
        return Judged(score_WP=self.score_WP[:, others], drawn_BWP=self.drawn_BWP[:, :, others])

    def scores(self) -> NDArray[np.float64]:
        """Return means over the parts [W]."""
        return self.score_WP.mean(axis=1)

    def error(self, one: int, other: int) -> float:
        """Return the standard error of the difference of two ways."""
        difference_B = (self.drawn_BWP[:, one] - self.drawn_BWP[:, other]).mean(axis=1)
        sound_B = difference_B[np.isfinite(difference_B)]
        return float(sound_B.std(ddof=1)) if len(sound_B) > 1 else 0.0

    def tied(self, among: Sequence[int], errors_W: Sequence[float]) -> list[int]:
        """Return those that are not behind the best by more than the error of the difference, the best included.

        `errors_W`: so many errors a way must be ahead to count as better; more than 1 for one whose score flatters it.
        """
        score_W = self.scores()
        top = max(among, key=lambda way: (score_W[way], -way))
        return [
            way
            for way in among
            if nearly(score_W[way], score_W[top]) or score_W[top] - score_W[way] <= errors_W[top] * self.error(top, way)
        ]


def judged(scores: PartScores, values_WnC: NDArray[np.float32], seed: int) -> Judged:
    """Score ways on the parts, as they are and on drawings of their rows."""
    random = generator(seed, "stacking", "drawings")
    drawn = []
    for part in range(len(scores.parts)):
        cut = scores.cut(part)
        of_weights = scores.metric.on(scores.truth_n[cut], values_WnC[:, cut])
        num_rows = len(scores.parts[part])
        drawn.append([of_weights(random.poisson(1.0, num_rows).astype(np.float64)) for _ in range(DRAWINGS)])
    return Judged(
        score_WP=scores.turned(scores.by_part(values_WnC)),
        drawn_BWP=scores.turned(np.moveaxis(np.array(drawn), 0, 2)),
    )
