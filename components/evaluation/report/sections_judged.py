"""The sections evaluate and export, where the time went, and how to grow it again."""

from components.evaluation.baselines import BASELINES, title
from components.evaluation.report import charts
from components.evaluation.report.first_screen import confusion_table, looks_at, worry_list
from components.evaluation.report.parts import csv_text, figure, fold, paragraph, table
from components.evaluation.report.sections_honest import gains, honest
from components.evaluation.report.svg import escape
from components.evaluation.report.view import View
from components.evaluation.words import NEW, both, count, percent
from components.metrics import get

MOST_IMPORTANT = 40


def evaluate(view: View) -> str:
    """Show all metrics with intervals, baselines beside; errors; importance; the worst rows."""
    scores = view.scores
    facts = scores["facts"]
    rows = f"{facts['noun']}s"
    where = f"test {rows}" if facts["judged_on"] == "test" else f"out-of-fold {rows} (there is no test part)"
    opening = (
        f"{count(scores['score']['rows'], facts['noun'])}: {where}. Intervals hold {percent(facts['interval'])} of "
        f"{facts['resamples']} drawings of these {rows}, within classes. Precision, recall and F1 without a word "
        "behind them are those of the event; macro counts every class the same."
    )
    return (
        paragraph(opening)
        + worry_list(scores, "evaluate")
        + honest(view)
        + gains(view)
        + _all_scores(view)
        + _confusion(view)
        + (looks_at(scores, MOST_IMPORTANT) if len(scores["importance"]) > 8 else "")
        + fold("the rows that it gets most wrong", _worst(view))
    )


def _all_scores(view: View) -> str:
    found, task = view.scores["scores"], view.scores["facts"]["task"]
    simpler = [name for name in ("default", *BASELINES) if name in found]
    names = ["ensemble", *simpler, *(name for name in found if name not in ("ensemble", *simpler))]
    metrics = list(found["ensemble"])
    heads = ["", *(title(name, task) if name in simpler else name for name in names)]
    rows = [[get(metric).title, *(both(found[name][metric]) for name in names)] for metric in metrics]
    values = csv_text(
        ("model", "metric", "value", "low", "high"),
        [(n, m, *(found[n][m][key] for key in ("value", "low", "high"))) for n in names for m in metrics],
    )
    note = "members in no order of merit: whoever chooses by this table trains on these rows"
    return figure("How good is it, by every measure?", table(heads, rows), note=note, values=values, name="scores")


def _confusion(view: View) -> str:
    scores = view.scores
    if scores["confusion"] is None or scores["facts"]["task"] != "binary":
        return ""
    return figure(
        "What does it take for what?", confusion_table(scores), note="rows are what is true, columns what it says"
    )


def _worst(view: View) -> str:
    if not view.worst:
        return ""
    heads = list(view.worst[0])
    return table(heads, [[row[head] for head in heads] for row in view.worst])


def export(view: View) -> str:
    """Show the lines that predict."""
    new = NEW[view.scores["facts"]["noun"]]
    lines = f"espalier predict {new} -o answers.csv                    # in this project\n"
    lines += f"espalier predict {new} -o answers.csv --bundle DIR       # wherever the folder data/export was copied to"
    return f"<pre><code>{escape(lines)}</code></pre>" + paragraph(
        "The folder data/export holds the model, its README, its card and an example.", "quiet"
    )


def time(view: View) -> str:
    """Show one bar over the stages up to here."""
    if not view.times:
        return ""
    total = sum(seconds for _, seconds in view.times)
    rows = [(name, f"{seconds:.1f}", percent(round(seconds / max(total, 1e-9), 3))) for name, seconds in view.times]
    return charts.shares(view.times) + table(("stage", "seconds", "share"), rows, numbers=(1, 2))


def again(view: View) -> str:
    """Show what is needed to grow the same bytes again."""
    facts = view.scores["facts"]
    rows = [("table", facts["table"]), ("seed", str(facts["seed"]))]
    rows += [(name, version) for name, version in view.versions.items()]
    made = [(f"data/{word}", value) for word, value in view.scores["made_from"].items()]
    clock = any(one.get("ended_by") in ("seconds", "stopped") for one in view.scores["searched"].values())
    pin = "The clock ended a search: espalier pin writes the counts it reached; then anybody grows the same bytes."
    return (
        paragraph(pin if clock else "The same params.yaml, table, seed and versions give the same bytes.")
        + "<pre><code>espalier run     # or: dvc repro</code></pre>"
        + table(("what", "which"), rows)
        + fold("what it was made from", table(("out", "content"), made) if made else "")
    )
