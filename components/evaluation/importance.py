"""What does the model look at? Permutation importance: how far the score falls when one column is shuffled.

(Breiman 2001; Fisher, Rudin and Dominici 2019.) In units of the metric, always "falls by": above 0 the column is used.
The interval comes from drawing the scored rows anew, paired with the unshuffled answers. Two columns that say the same
share their importance: shuffling one alone costs little. How often a column is shuffled and how many rows take part is
counted from the columns and from what the members cost, never by a clock, so that it is the same on every machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Member, Metric
from components.core.table import Table
from components.evaluation.bootstrap import ends

MOST_ANSWERS = 30_000  # rows predicted in all: columns x repeats x rows
MOST_NANOSECONDS = 5e9  # ... and about what they may take on one core
NANOSECONDS = {"random_forest": 25.0, "extra_trees": 25.0, "boosting": 6.0, "network": 0.4}  # per unit of cost
OTHER_NANOSECONDS = 5.0
MOST_REPEATS = 5
FEWEST_ROWS = 50
DRAWINGS = 200


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many rows are shuffled how often."""

    rows: int
    repeats: int

    @classmethod
    def of(cls, num_rows: int, num_columns: int, members: Iterable[Member] = ()) -> "Plan":
        """Divide the answers that there may be over the columns: as many rows as possible, then repeats."""
        each = sum(member.cost() * NANOSECONDS.get(member.family, OTHER_NANOSECONDS) for member in members)
        answers = min(MOST_ANSWERS, int(MOST_NANOSECONDS / max(1.0, each)))
        per_column = answers // max(1, num_columns)
        rows = min(num_rows, max(FEWEST_ROWS, per_column))
        return cls(rows=rows, repeats=int(np.clip(per_column // max(1, rows), 1, MOST_REPEATS)))


def importance(
    member: Member,
    table: Table,
    rows: NDArray[np.int64],
    metric: Metric,
    *,
    members: Iterable[Member] = (),
    interval: float,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], int]:
    """Return the columns in order of importance (form of scores.json), and the number of rows behind it.

    `members` are those that `member` is made of: they say what one answer costs.
    """
    if table.schema.picture is not None:  # one column that holds everything: shuffling it is guessing
        return [], 0
    names = [column.name for column in table.schema.features]
    plan = Plan.of(len(rows), len(names), members)
    chosen = np.sort(rng.permutation(rows)[: plan.rows])
    frame = table.raw(chosen)
    truth_n = table.target()[chosen]
    base_nC = member.predict(Table.of(table.schema, frame))
    weights_Bn = rng.multinomial(len(chosen), np.full(len(chosen), 1 / len(chosen)), size=DRAWINGS).astype(np.float64)
    found = []
    for name in names:
        shuffled = _stacked(frame, name, plan.repeats, rng)
        values_RnC = member.predict(Table.of(table.schema, shuffled)).reshape(plan.repeats, len(chosen), -1)
        values_KnC = np.concatenate([base_nC[None], values_RnC])
        falls = [_fall(metric, truth_n, values_KnC, weight_n) for weight_n in weights_Bn]
        low, high = ends(np.array(falls), interval)
        value = _fall(metric, truth_n, values_KnC, np.ones(len(chosen)))
        found.append({"column": name, "value": round(value, 6), "low": round(low, 6), "high": round(high, 6)})
    return sorted(found, key=lambda one: (-one["value"], one["column"])), len(chosen)


def _stacked(frame: Any, name: str, repeats: int, rng: np.random.Generator) -> Any:
    """Return the frame `repeats` times, one under another, with one column shuffled in each."""
    import pandas as pd

    stacked = pd.concat([frame] * repeats, ignore_index=True)
    order = np.concatenate([rng.permutation(len(frame)) for _ in range(repeats)])
    stacked[name] = frame[name].iloc[order].to_numpy()
    return stacked


def _fall(
    metric: Metric, truth_n: NDArray[Any], values_KnC: NDArray[np.float32], weight_n: NDArray[np.float64]
) -> float:
    """Return how much worse the shuffled answers (all but the first model) are, on average."""
    scores_K = metric(truth_n, values_KnC, weight_n)
    fall = float(scores_K[0] - scores_K[1:].mean())
    return fall if metric.greater_is_better else -fall
