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

    `facts` is in the order of the members. Scores are those of selections of as many members that have not seen the
    fold, so that they can be compared with the ensemble's.
    """
    names = list(facts)
    chosen, _ = picks(values_MnC, scores, cost_M)
    unseen = []
    for part in range(len(scores.parts)):
        others, kept = scores.without(part) if len(scores.parts) > 1 else (scores, scores.parts[part])
        unseen.append(picks(values_MnC[:, kept], others, cost_M)[0])
    lines: list[Line] = []
    for count in range(1, len(set(chosen.tolist())) + 1):
        answers_nC = np.empty_like(values_MnC[0])
        for picked, rows in zip(unseen, scores.parts, strict=True):
            answers_nC[rows] = values_MnC[_beginning(picked, count)][:, rows].mean(axis=0, dtype=np.float64)
        score = float(scores.by_part(answers_nC[None])[0].mean())
        members = dict.fromkeys(_beginning(chosen, count).tolist())
        what = "best member" if count == 1 else f"greedy, {count} members"
        lines.append(line(what, score, [names[m] for m in members], facts))
    return lines


def _beginning(chosen: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the steps before a member more than `count` comes in."""
    known: set[int] = set()
    for step, member in enumerate(chosen.tolist()):
        known.add(member)
        if len(known) > count:
            return chosen[:step]
    return chosen


def with_front(lines: Sequence[Line], *, greater_is_better: bool) -> list[Line]:
    """Say of each line whether it is on the front."""
    sign = 1.0 if greater_is_better else -1.0
    speed = "cost" if any(one["ms_per_row"] is None for one in lines) else "ms_per_row"
    points = np.array([[-sign * one["score"], one[speed], one["bytes"]] for one in lines], dtype=np.float64)
    beaten = [bool(((points <= point).all(axis=1) & (points < point).any(axis=1)).any()) for point in points]
    return [{**one, "front": not lost} for one, lost in zip(lines, beaten, strict=True)]
