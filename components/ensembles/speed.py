"""How long members take for a row, measured; and which of them stay below `stacking.max_ms_per_row` together.

This is the one place where a clock decides what an ensemble is made of, and only when the user sets a limit: what was
measured is written into stacking.json, because another machine, or a busy one, may decide otherwise. Without a limit
nothing is measured here; costs are counted multiply-adds.

Legend: M members, n rows, C outputs.
"""

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from components.core.errors import UserMistake
from components.core.table import Table
from components.ensembles.combine import PartScores
from components.ensembles.greedy import picks

MEASURED_ROWS = 1000
TIMES = 3  # the quickest counts: what a machine does beside only ever adds


class Answers(Protocol):
    """All that is measured of a member."""

    def predict(self, table: Table) -> NDArray[np.float32]:
        """Predict all rows."""
        ...


def milliseconds_per_row(member: Answers, asked: Table) -> float:
    """Measure one call for all rows of a small table, as somebody would ask them, in this process."""
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        member.predict(asked)
        found.append(time.perf_counter() - began)
    return 1000 * min(found) / asked.num_rows


def admitted(
    values_MnC: NDArray[np.float32],
    scores: PartScores,
    cost_M: NDArray[np.int64],
    ms_M: NDArray[np.float64],
    limit: float,
    names: Sequence[str],
) -> list[int]:
    """Return members that together stay within the limit: whom greedy selection takes, then the best that still fit.

    Raises UserMistake when none is quick enough.
    """
    if ms_M.min() > limit:
        quickest = int(ms_M.argmin())
        raise UserMistake(
            f"stacking.max_ms_per_row is {limit:g}: no member is so quick. The quickest, {names[quickest]}, takes "
            f"{ms_M[quickest]:.2g} ms per row here. Raise the limit: espalier set stacking.max_ms_per_row=..."
        )
    quick = np.flatnonzero(ms_M <= limit)
    chosen, _ = picks(values_MnC[quick], scores, cost_M[quick])
    by_score = np.argsort(-scores(values_MnC[quick]), kind="stable")
    kept: list[int] = []
    for place in [*chosen.tolist(), *by_score.tolist()]:
        member = int(quick[place])
        if member not in kept and ms_M[[*kept, member]].sum() <= limit:
            kept.append(member)
    return sorted(kept)
