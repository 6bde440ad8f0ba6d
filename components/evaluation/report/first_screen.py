"""The first screen: Can I use it? How sure are you? What is it? What worries you? What next? (UX 5.1)"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.evaluation.advice import MOST_WORRIES
from components.evaluation.baselines import title as baseline_title
from components.evaluation.layout import Scores
from components.evaluation.report import charts
from components.evaluation.report.parts import code, csv_text, figure, fold, table
from components.evaluation.report.svg import escape, interval_bar
from components.evaluation.report.view import View
from components.evaluation.words import count, cut, ends, number, signed, size, source_words, task_words

MOST_IMPORTANT = 8
MOST_CLASSES = 12


def first_screen(view: View) -> str:
    """Return everything above the fold."""
    scores = view.scores
    return (
        f'<header class="facts"><span>{_facts(view)}</span><span class="tools noprint">'
        '<button id="theme" type="button">light / dark</button><button id="print" type="button">print</button>'
        "</span></header>"
        f'<main class="first">{_verdict(scores)}<div class="tiles">{_tiles(view)}</div>'
        f'<div class="pair">{right_when_sure(view)}{looks_at(scores)}</div>'
        f'<div class="pair lists">{_worries(scores)}{_next(scores)}</div></main>'
    )


def _facts(view: View) -> str:
    facts = view.scores["facts"]
    parts = [
        f"<b>{escape(facts['target'])}</b> in {escape(source_words(facts['source']))}",
        escape(task_words(facts)),
        count(facts["rows"], facts["noun"])
        + (f", {count(facts['columns'], 'column')}" if facts["noun"] == "row" else ""),
    ]
    if view.grown:
        seconds = sum(size for _, size in view.times)
        parts.append(f"grown {escape(view.grown)}" + (f" in {_duration(seconds)}" if seconds >= 1 else ""))
    parts.append(f"seed {facts['seed']}")
    if view.cores:
        parts.append(count(view.cores, "CPU core"))
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _verdict(scores: Scores) -> str:
    found = []
    for one in scores["verdict"]:
        text = escape(one["sentence"])
        if one["word"] == "score":
            text = text.replace(value := escape(number(scores["score"])), f"<strong>{value}</strong>", 1)
        found.append(f'<span class="alarm">{text}</span>' if one["alarm"] else text)
    return f'<p class="verdict">{" ".join(found)}</p>'


def _tiles(view: View) -> str:
    scores = view.scores
    facts, score, folds = scores["facts"], scores["score"], scores["folds"]
    tested = facts["judged_on"] == "test"
    scale = _common_scale(scores)
    gain = scores["gains"]["linear_baseline"]
    linear = scores["scores"]["linear_baseline"][facts["metric"]]
    bar = interval_bar(score["value"], score["low"], score["high"], scale, "model")
    tiles = [
        _tile("Test", both_parts(score), bar, f"{facts['title']}, {count(score['rows'], facts['noun'])} never seen")
        if tested
        else _tile("Folds", both_parts(score), bar, f"{facts['title']}, no test {facts['noun']}s; chosen by these")
    ]
    if tested:
        bar = interval_bar(folds["value"], folds["low"], folds["high"], scale, "model")
        tiles.append(_tile("Promised", both_parts(folds), bar, "by the folds, before the test"))
    else:
        bar = interval_bar(linear["value"], linear["low"], linear["high"], scale, "grey")
        tiles.append(
            _tile(
                "Baseline", both_parts(linear), bar, f"{baseline_title('linear_baseline', facts['task'])}, same folds"
            )
        )
    reach = max(abs(gain["low"]), abs(gain["high"]), 1e-12) * 1.15
    css = "model" if gain["low"] > 0 else "grey"
    bar = interval_bar(gain["value"], gain["low"], gain["high"], (-reach, reach), css, zero=0.0)
    over = f"over {baseline_title('linear_baseline', facts['task'])}"
    sure = "" if gain["low"] > 0 or gain["high"] < 0 else ", not certain"
    tiles.append(_tile("Gain", (signed(gain), ends(gain)), bar, over + sure))
    weight = size(scores["members"][0]["bytes"])
    if view.ms_per_row is None:
        tiles.append(
            _tile(
                "Size", (weight, ""), "", f"{sum(one['weight'] is not None for one in scores['members'][1:])} members"
            )
        )
    else:
        tiles.append(_tile("Speed", (f"{view.ms_per_row:.2g} ms", ""), "", f"a {facts['noun']}, {weight}"))
    return "".join(tiles)


def both_parts(estimate: Mapping[str, Any]) -> tuple[str, str]:
    """Return value and interval as two texts."""
    return number(estimate), ends(estimate)


def _tile(name: str, value: tuple[str, str], bar: str, line: str) -> str:
    return (
        f'<div class="tile"><h3>{escape(name)}</h3><p class="big">{escape(value[0])} '
        f'<small>{escape(value[1])}</small></p>{bar}<p class="quiet">{escape(line)}</p></div>'
    )


def _common_scale(scores: Scores) -> tuple[float, float]:
    metric = scores["facts"]["metric"]
    shown = [scores["score"], scores["folds"], scores["scores"]["linear_baseline"][metric]]
    low, high = min(one["low"] for one in shown), max(one["high"] for one in shown)
    room = 0.15 * (high - low) or 0.01
    return low - room, high + room


def right_when_sure(view: View) -> str:
    """Return the left chart: calibration, confusion matrix, or predicted against true."""
    scores = view.scores
    facts, found = scores["facts"], scores["calibration"]
    heads = ("predicted", "observed", "observed_low", "observed_high", "rows")
    values = csv_text(heads, [[one[head] for head in heads] for one in found])
    part = "of the test" if facts["judged_on"] == "test" else "out of fold"
    where = f"{count(scores['score']['rows'], facts['noun'])} {part}"
    if facts["task"] == "binary":
        chart = charts.calibration(found) + charts.probabilities(view.truth_n, view.values_nC[:, 1], facts["classes"])
        note = f"{where} in ten bins; below: how often it says what, by class"
        return figure("Is it right when it is sure?", chart, note=note, values=values, name="calibration")
    if facts["task"] == "multiclass":
        note = f"{where}; rows are what is true, columns what it says, shares of the row"
        return figure("What does it take for what?", confusion_table(scores), note=note)
    errors_n = view.truth_n - view.values_nC[:, 0]
    half = float(np.quantile(np.abs(errors_n), facts["interval"]))
    chart = charts.predicted_against_true(view.truth_n, view.values_nC[:, 0], half, facts["target"])
    shown = len(charts.sample(len(errors_n)))
    note = f"{where}{f', {shown} shown' if shown < len(errors_n) else ''}; the band (±{half:.3g}) holds "
    note += f"{100 * facts['interval']:g} % of them; below: truth minus answer"
    return figure("How far off is it?", chart + charts.residuals(errors_n), note=note, values=values, name="bins")


def confusion_table(scores: Scores, most: int = MOST_CLASSES) -> str:
    """Return the confusion matrix as a table, row-normalised, at most 12 classes and "others"."""
    classes, counts = list(scores["confusion"]["classes"]), np.array(scores["confusion"]["counts"])
    if len(classes) > most:
        order = np.argsort(-counts.sum(axis=1), kind="stable")
        kept, rest = np.sort(order[: most - 1]), np.sort(order[most - 1 :])
        sums = np.add.reduceat(counts[np.r_[kept, rest]], [*range(most)], axis=0)
        counts = np.add.reduceat(sums[:, np.r_[kept, rest]], [*range(most)], axis=1)
        classes = [*(classes[c] for c in kept), f"{len(rest)} others"]
    rows: list[list[str]] = []
    for name, row in zip(classes, counts, strict=True):
        total = max(1, int(row.sum()))
        cells = [f"<b>{escape(cut(name, 14))}</b>"]
        for c, cell in enumerate(row):
            share = cell / total
            css = "hit" if c == len(rows) else "miss"
            text = f"{share:.2f}".lstrip("0") if 0 < share < 1 else ("1" if share else "·")
            cells.append(f'<span class="cell {css}" style="--s:{share:.2f}" title="{cell} rows">{text}</span>')
        cells.append(f'<span class="quiet">{int(row.sum())}</span>')
        rows.append(cells)
    heads = ["true ↓ says →", *(cut(name, max(9, 48 // len(classes))) for name in classes), "rows"]
    return table(heads, rows, css="confusion counted", raw=True)


def looks_at(scores: Scores, most: int = MOST_IMPORTANT) -> str:
    """Return the right chart: the most important columns with their intervals."""
    found = scores["importance"]
    if not found:
        return ""
    heads = ("column", "value", "low", "high")
    values = csv_text(heads, [[one[head] for head in heads] for one in found])
    top = max(1e-12, max(one["high"] for one in found))
    bottom = min(0.0, min(one["low"] for one in found[:most]))
    rows = []
    for one in found[:most]:
        sure = one["low"] > 0
        bar = interval_bar(one["value"], one["low"], one["high"], (bottom, top), "model" if sure else "grey", zero=0.0)
        rows.append(
            f'<div class="look{"" if sure else " unsure"}"><span title="{escape(one["column"])}">'
            f'{escape(cut(one["column"], 28))}</span>{bar}<span class="num">{escape(number(one))}</span></div>'
        )
    facts = scores["facts"]
    direction = "falls" if facts["greater_is_better"] else "rises"
    more = f"and {len(found) - most} more · " if len(found) > most else ""
    seen = ", which the models have seen" if scores["importance_seen"] else ""
    note = f"{more}{facts['title']} {direction} by so much when the column is shuffled, on "
    is_part = len(found) < facts["columns"]
    some = f"; of {facts['columns']} columns those that go with the answers most" if is_part else ""
    note += f"{count(scores['importance_rows'], 'row')}{seen}; grey: perhaps nothing{some}"
    chart = f'<div class="looks">{"".join(rows)}</div>'
    return figure("What does it look at?", chart, note=note, values=values, name="importance")


def _worries(scores: Scores) -> str:
    found = scores["worries"]
    lines = [_worry_line(one) for one in found[:MOST_WORRIES]]
    checks = f"<p>{escape(', '.join(scores['checks']))}</p>"
    if not lines:
        inside = fold(f"Nothing found in {len(scores['checks'])} checks", checks)
    else:
        left = found[MOST_WORRIES:]
        more = f'<p class="quiet"><a href="#{left[0]["section"]}">and {len(left)} more</a></p>' if left else ""
        inside = f"<ul>{''.join(lines)}</ul>{more}"
    return f"<div><h3>What worries us</h3>{inside}</div>"


def worry_list(scores: Scores, word: str) -> str:
    """Return all worries that a section has to show, worst first; empty without any."""
    lines = "".join(_worry_line(one) for one in scores["worries"] if one["section"] == word)
    return f'<ul class="worries">{lines}</ul>' if lines else ""


def _worry_line(worry: Mapping[str, Any]) -> str:
    """Return one worry: a sign with a word, a sentence, and the line that would change it."""
    return (
        f'<li class="{escape(worry["severity"])}"><b class="sign">{escape(worry["severity"])}</b> '
        f"{escape(worry['sentence'])} {code(worry['cure'])}</li>"
    )


def _next(scores: Scores) -> str:
    lines = [f"<li>{escape(one['sentence'])} {code(one['command'])}</li>" for one in scores["next"]]
    return f"<div><h3>What to do next</h3><ul>{''.join(lines)}</ul></div>"
