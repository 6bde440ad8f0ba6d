"""What does the model look at? Permutation importance: how far the score falls when one column is shuffled.

(Breiman 2001; Fisher, Rudin and Dominici 2019.) In units of the metric, always "falls by": above 0 the column is used.
The interval comes from drawing the scored rows anew, paired with the unshuffled answers. Two columns that say the same
share their importance: shuffling one alone costs little. How often a column is shuffled and how many rows take part is
counted from the columns and from what the members cost, never by a clock, so that it is the same on every machine. Of
very many columns those are shuffled that go with the answers most: each asks for all columns anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Member, Metric
from components.core.table import Schema, Table
from components.core.thresholds import as_if_half
from components.evaluation.bootstrap import ends
from components.metrics.many_weights import under_many

MOST_ANSWERS = 20_000  # rows predicted in all: columns x repeats x rows
MOST_NANOSECONDS = 2e9  # ... and about what they may take on one core
NANOSECONDS = {"random_forest": 25.0, "extra_trees": 25.0, "boosting": 6.0, "network": 0.4}  # per unit of cost
OTHER_NANOSECONDS = 5.0
MOST_REPEATS = 5
FEWEST_ROWS = 50
MOST_COLUMNS = 100  # that are shuffled
MOST_CELLS = 2_000_000  # of the shuffled tables that are asked at once: each asking has its own costs
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
    threshold: float | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Return the columns in order of importance (form of scores.json), and the number of rows behind it.

    `members` are those that `member` is made of: they say what one answer costs.
    """
    if table.schema.picture is not None:  # one column that holds everything: shuffling it is guessing
        return [], 0
    names = [column.name for column in table.schema.features]
    plan = Plan.of(len(rows), min(MOST_COLUMNS, len(names)), members)
    chosen = np.sort(rng.permutation(rows)[: plan.rows])
    frame = table.raw(chosen, names)
    truth_n = table.target()[chosen]
    asked = Table.of(table.schema, frame)
    base_nC = member.predict(asked)
    names = _most_alike(asked, names, base_nC)
    weight_Bn = rng.multinomial(len(chosen), np.full(len(chosen), 1 / len(chosen)), size=DRAWINGS).astype(np.float64)
    weight_Bn = np.concatenate([np.ones((1, len(chosen))), weight_Bn])
    at_once = max(1, MOST_CELLS // max(1, len(chosen) * plan.repeats * frame.shape[1]))
    found = []
    for first in range(0, len(names), at_once):
        some = names[first : first + at_once]
        values_GRnC = _answers(member, table.schema, frame, some, plan.repeats, rng)
        for name, values_RnC in zip(some, values_GRnC, strict=True):
            values_KnC = np.concatenate([base_nC[None], values_RnC])
            if metric.needs == "label":
                values_KnC = np.stack([as_if_half(values_nC, threshold) for values_nC in values_KnC])
            value, *falls = _falls(metric, truth_n, values_KnC, weight_Bn).tolist()
            low, high = ends(np.array(falls), interval)
            found.append({"column": name, "value": round(value, 6), "low": round(low, 6), "high": round(high, 6)})
    return sorted(found, key=lambda one: (-one["value"], one["column"])), len(chosen)


def _most_alike(asked: Table, names: Sequence[str], answers_nC: NDArray[np.float32]) -> list[str]:
    """Return 100 columns at most, in their order: texts, and those whose values or codes go with the answers most."""
    if len(names) <= MOST_COLUMNS:
        return list(names)
    standard_Cn = _standardised(answers_nC.T.astype(np.float64))
    alike_F = np.full(len(names), np.inf)
    for place, name in enumerate(names):
        if asked.schema.column(name).kind != "text":
            values_1n = np.nan_to_num(asked.column(name).astype(np.float64))[None]
            alike_F[place] = np.abs(_standardised(values_1n) @ standard_Cn.T).max()
    kept = np.sort(np.argsort(-alike_F, kind="stable")[:MOST_COLUMNS])
    return [names[place] for place in kept]


def _standardised(values_Mn: NDArray[np.float64]) -> NDArray[np.float64]:
    centred_Mn = values_Mn - values_Mn.mean(axis=1, keepdims=True)
    return centred_Mn / np.maximum(1e-12, np.linalg.norm(centred_Mn, axis=1, keepdims=True))


def _answers(
    member: Member, schema: Schema, frame: Any, names: Sequence[str], repeats: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Ask for all these columns at once, each shuffled `repeats` times [names, repeats, n, C]."""
    import pandas as pd

    shuffled = pd.concat([_stacked(frame, name, repeats, rng) for name in names], ignore_index=True)
    values = member.predict(Table.of(schema, shuffled))
    return values.reshape(len(names), repeats, len(frame), -1)


def _stacked(frame: Any, name: str, repeats: int, rng: np.random.Generator) -> Any:
    """Return the frame `repeats` times, one under another, with one column shuffled in each."""
    import pandas as pd

    stacked = pd.concat([frame] * repeats, ignore_index=True)
    order = np.concatenate([rng.permutation(len(frame)) for _ in range(repeats)])
    stacked[name] = frame[name].iloc[order].to_numpy()
    return stacked


def _falls(
    metric: Metric, truth_n: NDArray[Any], values_KnC: NDArray[np.float32], weight_Bn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how much worse the shuffled answers (all but the first model) are, on average, in each drawing [B]."""
    scores_BK = under_many([metric], truth_n, values_KnC)(weight_Bn)[metric.name]
    falls_B = scores_BK[:, 0] - scores_BK[:, 1:].mean(axis=1)
    return falls_B if metric.greater_is_better else -falls_B
