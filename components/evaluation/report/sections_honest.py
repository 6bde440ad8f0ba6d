"""How honest the score is, what searching gained, and what less time or space would cost: tables for people who decide.

A difference whose interval holds 0 is called a tie. Milliseconds were measured while this page was made; they stand
here alone, because a clock may not reach what the same tree gives again.
"""

from collections.abc import Mapping
from typing import Any

from components.core.numbers import shown
from components.evaluation.baselines import title
from components.evaluation.report.parts import csv_text, figure, table
from components.evaluation.report.svg import Plot, escape, interval_bar
from components.evaluation.report.view import View
from components.evaluation.words import both, count, half, operations, plain, signed, size, whole_percent


def honest(view: View) -> str:
    """Show the estimates side by side: nested, promised, tested, and by how much the search fooled itself."""
    scores = view.scores
    facts, honesty, folds = scores["facts"], scores["honesty"], scores["folds"]
    digits = half(folds)
    rows = []
    if honesty["nested"] is not None:
        spread = ", ".join(shown(one, digits) for one in honesty["nested_folds"])
        rows.append(("cross-validated, nested", shown(honesty["nested"], digits), f"chosen without the fold: {spread}"))
    rows.append(("folds of the ensemble", both(folds), "combined without the fold, chosen with it"))
    if facts["judged_on"] == "test":
        where = f"{count(scores['score']['rows'], facts['noun'])} that nothing was trained or chosen on"
        rows.append(("test", both(scores["score"]), where))
    rows.append(("best validation score", shown(honesty["best_validation"], digits), "the best number that was seen"))
    if honesty["optimism"] is not None:
        words = "best validation minus nested, above 0: the search fooled itself by so much"
        rows.append(("optimism of the search", shown(honesty["optimism"], digits), words))
    for word, one in honesty["searches"].items():
        words = f"best of {count(one['trials'], 'trial')} minus the best chosen without the fold"
        rows.append((f"optimism of {word} alone", shown(one["optimism"], digits), words))
    rows += _probabilities(scores)
    return figure(f"How honest is this {facts['title']}?", table(("", facts["title"], "what it is"), rows))


def _probabilities(scores: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    if scores["calibration_error"] is None:
        return []
    error = f"{scores['calibration_error']:.2g}"
    found = [
        ("Brier score", both(scores["scores"]["ensemble"]["brier"]), "squared distance of the probabilities"),
        ("calibration error", error, "distance of what it says from what came true, mean over ten bins (ECE)"),
    ]
    if scores["facts"]["task"] == "binary":
        threshold = scores["threshold"]
        by = "params.yaml says so" if scores["facts"]["threshold_by"] == "params" else "chosen on the folds"
        value, words = ("0.5", "the likelier class") if threshold is None else (f"{threshold:.3g}", by)
        found.append(("threshold of a yes", value, f"{words}; all numbers of yes and no stand on it"))
    return found


def gains(view: View) -> str:
    """Show what the ensemble gains over simpler things, with paired intervals; ties are called ties."""
    scores = view.scores
    facts = scores["facts"]
    lines = [(_name(name, scores), gain) for name, gain in scores["gains"].items()]
    reach = 1.1 * max(1e-12, *(max(abs(one["low"]), abs(one["high"])) for _, one in lines[:-1]))
    rows = [[escape(f"over {name}"), *_gain(gain, reach)] for name, gain in lines]
    where = "the same rows of the test" if facts["judged_on"] == "test" else "the same rows, out of fold"
    note = f"{facts['title']}, drawn together on {where}; above 0 the ensemble is better"
    values = csv_text(("over", "gain", "low", "high"), [(n, g["value"], g["low"], g["high"]) for n, g in lines])
    if (single := scores["single"]) is not None:
        rows.append([escape(f"over {single['name']} alone, on the folds"), *_gain(single["gain"], reach)])
        if single["tie"]:
            note += f". {single['name']} alone costs {whole_percent(single['cost_share'])} of the computing: "
            note += "of a tie, the cheaper one (espalier set stacking.method=best)"
    return figure(
        "What is the search worth?", table(("", "gain", "", ""), rows, raw=True), note=note, values=values, name="gains"
    )


def _name(name: str, scores: Mapping[str, Any]) -> str:
    own = f" ({scores['facts']['default']}, untuned)" if name == "default" else ""
    return f"{title(name, scores['facts']['task'])}{own}"


def _gain(gain: Mapping[str, Any], reach: float) -> list[str]:
    sure = gain["low"] > 0 or gain["high"] < 0
    word = "" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "a tie"
    css = "model" if gain["low"] > 0 else "grey"
    bar = interval_bar(gain["value"], gain["low"], gain["high"], (-reach, reach), css, zero=0.0)
    text = f"{signed(gain)} <span class='quiet'>{escape(plain(gain).split(', ', 1)[1])}</span>"
    return [text, f'<span class="barcell">{bar}</span>', f"<b>{word}</b>" if sure else word]


def pareto(view: View) -> str:
    """Show score against time a row and size, of what the ensemble could be cut down to."""
    found = view.scores["pareto"]
    if len(found) < 2:
        return ""
    facts, digits = view.scores["facts"], half(view.scores["folds"])
    times = [_milliseconds(one["members"], view) for one in found]
    rows = []
    for one, ms in zip(found, times, strict=True):
        name = ", ".join(one["members"]) if len(one["members"]) <= 3 else f"{len(one['members'])} members"
        cells = (one["what"], name, shown(one["score"], digits), "–" if ms is None else f"{ms:.2g}")
        rows.append((*cells, operations(one["cost"]), size(one["bytes"]), "" if one["front"] else "beaten"))
    heads = ("", "members", facts["title"], "ms a row", "operations a row", "size", "")
    known = [(one, ms) for one, ms in zip(found, times, strict=True) if ms is not None]
    chart = _front(known, facts["title"]) if len(known) > 2 else ""
    values = csv_text(
        ("what", "score", "ms_per_row", "cost", "bytes"),
        [(one["what"], one["score"], ms, one["cost"], one["bytes"]) for one, ms in zip(found, times, strict=True)],
    )
    note = "scores are on the folds; beaten: another is at least as good, as quick and as small"
    return figure(
        "What would less time or space cost?",
        chart + table(heads, rows, numbers=(2, 3, 4, 5)),
        note=note,
        values=values,
        name="pareto",
    )


def _milliseconds(members: list[str], view: View) -> float | None:
    times = [view.ms_of_members.get(name) for name in members]
    known = [one for one in times if one is not None]
    return sum(known) if len(known) == len(times) and known else None


def _front(points: list[tuple[Mapping[str, Any], float]], metric: str, *, height: int = 240) -> str:
    """Draw score against milliseconds a row; the larger the point, the larger the model."""
    scores = [one["score"] for one, _ in points]
    room = 0.1 * (max(scores) - min(scores)) or 0.01
    most = max(ms for _, ms in points)
    plot = Plot(x=(0.0, 1.08 * most), y=(min(scores) - room, max(scores) + room), height=height)
    plot.axes("milliseconds a row", metric)
    largest = max(one["bytes"] for one, _ in points)
    for one, ms in points:
        radius = 3 + 6 * (one["bytes"] / max(1, largest)) ** 0.5
        plot.dots([(ms, one["score"])], "model see-through" if one["front"] else "muted hollow", radius)
    front = sorted((ms, one["score"]) for one, ms in points if one["front"])
    plot.line(front, "muted-line")
    return plot.render(f"{metric} against milliseconds a row")
