"""Score against speed against size: what smaller ensembles would give up, and what they would save.

One line each for the best member, for every beginning of greedy selection that brings in one more member, for the
ensemble, and for the distilled model. A line is on the front when none other is at least as good in everything and
better in something. Milliseconds stand here only where they were measured (`speed.py`); else the counted cost does.

Legend: M members, n rows, C outputs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.ensembles.combine import PartScores
from components.ensembles.greedy import picks

Line = dict[str, Any]


def bytes_of(folder: Path) -> int:
    """Return the bytes that predicting needs: without out-of-fold predictions."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("oof-")]
    return sum(path.stat().st_size for path in files)


def line(what: str, score: float, members: Sequence[str], facts: Mapping[str, Mapping[str, Any]]) -> Line:
    """Return one line; `facts` has cost, bytes and ms_per_row (or None) of each member by name."""
    of = [facts[name] for name in members]
    times = [one["ms_per_row"] for one in of]
    return {
        "what": what,
        "members": list(members),
        "score": score,
        "cost": sum(one["cost"] for one in of),
        "bytes": sum(one["bytes"] for one in of),
        "ms_per_row": None if None in times else sum(times),
    }


def beginnings(
    values_MnC: NDArray[np.float32],
    scores: PartScores,
    cost_M: NDArray[np.int64],
    facts: Mapping[str, Mapping[str, Any]],
) -> list[Line]:
    """Return a line for every number of members that greedy selection has on its way; the first is the best member.

    `facts` is in the order of the members. Scores are those of the rows that the selection saw.
    """
    names = list(facts)
    chosen, _ = picks(values_MnC, scores, cost_M)
    lines: list[Line] = []
    for end in range(1, len(chosen) + 1):
        known = list(dict.fromkeys(chosen[:end].tolist()))
        mean_nC = values_MnC[chosen[:end]].mean(axis=0, dtype=np.float64).astype(np.float32)
        score = float(scores.by_part(mean_nC[None])[0].mean())
        what = "best member" if len(known) == 1 else f"greedy, {len(known)} members"
        found = line(what, score, [names[m] for m in known], facts)
        if lines and len(lines[-1]["members"]) == len(known):
            if _better(scores, found["score"], lines[-1]["score"]):
                lines[-1] = found
        else:
            lines.append(found)
    return lines


def with_front(lines: Sequence[Line], *, greater_is_better: bool) -> list[Line]:
    """Say of each line whether it is on the front."""
    sign = 1.0 if greater_is_better else -1.0
    speed = "cost" if any(one["ms_per_row"] is None for one in lines) else "ms_per_row"
    points = np.array([[-sign * one["score"], one[speed], one["bytes"]] for one in lines], dtype=np.float64)
    beaten = [bool(((points <= point).all(axis=1) & (points < point).any(axis=1)).any()) for point in points]
    return [{**one, "front": not lost} for one, lost in zip(lines, beaten, strict=True)]


def _better(scores: PartScores, one: float, other: float) -> bool:
    return one > other if scores.metric.greater_is_better else one < other
