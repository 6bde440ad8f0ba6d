"""What became of a trial, in a few lines of Markdown with its learning curve: the note that the dashboard shows."""

import math
from collections.abc import Sequence

from components.core.contracts import Outcome
from components.core.numbers import shown
from components.search.past import score_of

MARKS = "▁▂▃▄▅▆▇█"
WIDTH = 48  # characters of a curve
LONGEST = 2000  # characters; the dashboard keeps a note in pieces of 2045


def learning_note(outcome: Outcome) -> str:
    """Return the note of a finished trial."""
    lines = [_headline(outcome)]
    for name, curve in outcome.curves.items():
        values = [float(value) for value in curve]
        if any(map(math.isfinite, values)):
            first, last = values[0], values[-1]
            lines.append(f"{name}, {len(values)} epochs: {shown(first, 0.001)} to {shown(last, 0.001)}")
            lines.append(f"`{spark(values)}`")
    if outcome.rungs:
        rungs = (f"{step}: {shown(score, 0.001)}" for step, score in outcome.rungs.items() if math.isfinite(score))
        lines.append("at rungs " + ", ".join(rungs))
    return "\n\n".join(lines)[:LONGEST]


def spark(values: Sequence[float], width: int = WIDTH) -> str:
    """Draw a curve as one line of blocks, low to high; what is no number is a blank."""
    columns = min(width, len(values))
    picked = [values[round(place * (len(values) - 1) / max(1, columns - 1))] for place in range(columns)]
    finite = [value for value in picked if math.isfinite(value)]
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    return "".join(
        MARKS[min(int((value - low) / span * len(MARKS)), len(MARKS) - 1)] if math.isfinite(value) else " "
        for value in picked
    )


def _headline(outcome: Outcome) -> str:
    score = score_of(outcome)
    if score is not None:
        folds = ", ".join(shown(one, 0.001) for one in outcome.fold_scores_S)
        return f"**score {shown(score, 0.001)}**, folds {folds}"
    return f"**failed**: {outcome.cause}" if outcome.state == "failed" else "**cut short**"
