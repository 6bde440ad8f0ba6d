"""The sections search, boosting, bagging and stacking: what was tried, what was kept, what it weighs."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.core.numbers import shown
from components.evaluation.diagnosis import LEARNERS, Learner, diagnose
from components.evaluation.material import Searched
from components.evaluation.report import charts
from components.evaluation.report.first_screen import worry_list
from components.evaluation.report.parts import csv_text, figure, fold, paragraph, table
from components.evaluation.report.sections_honest import pareto
from components.evaluation.report.svg import escape
from components.evaluation.report.view import View
from components.evaluation.words import count, cut, operations, size

MOST_CURVES = 5
MOST_TRIALS = 10
MOST_FAILURES = 20
MOST_PARAMS = 10


def search(view: View) -> str:
    """Show the history, the best trials, learning curves in words, and the best network layer by layer."""
    return _searched(view, "search", "network") + _network(view)


def boosting(view: View) -> str:
    """Show the same of the boosters."""
    return _searched(view, "boosting", "booster")


def bagging(view: View) -> str:
    """Show the members of bagging."""
    return _members([one for one in view.scores["members"] if one["stage"] == "bagging"])


def stacking(view: View) -> str:
    """Show members and weights, and whose errors are alike."""
    method = view.material.stacking.get("method", "")
    opening = f"Combined by: {method}. Scores are on the folds; choosing by test scores would be training on them."
    members = view.scores["members"]
    return paragraph(opening) + _members(members) + _refitted(members) + pareto(view) + _alike(view)


def _searched(view: View, word: str, noun: str) -> str:
    searched, facts = view.material.searches[word], view.scores["searched"][word]
    if not searched.trials:
        return paragraph(f"No {noun} was finished.")
    judged, better = view.scores["facts"], view.scores["facts"]["greater_is_better"]
    states = [f"{facts['complete']} done", f"{facts['pruned']} cut short", f"{facts['failed']} failed"]
    opening = f"{count(facts['trials'], 'trial')}: {', '.join(states)}{_ENDED.get(facts.get('ended_by', ''), '')}."
    points = [(trial.number, trial.state, trial.score) for trial in searched.trials]
    values = csv_text(("trial", "state", "score"), points)
    title = _history_title(facts, noun)
    chart = charts.history(points, judged["title"], greater_is_better=better)
    note = "blue: done, grey rings: cut short, crosses: failed; the line is the best so far"
    return (
        paragraph(opening)
        + worry_list(view.scores, word)
        + figure(title, chart, note=note, values=values, name=f"{word}-history")
        + _curves(searched, LEARNERS[word])
        + fold("the best trials", _best(searched, better))
        + _failures(searched, facts["failed"])
    )


def _failures(searched: Searched, number: int) -> str:
    """Show failures by cause, each with what was said and with its settings, and the branches that they closed."""
    if not number:
        return ""
    failed = [trial for trial in searched.trials if trial.state == "failed"]
    causes = [trial.cause for trial in failed]
    by_cause = [(cause, str(causes.count(cause))) for cause in sorted(set(causes))]
    rows = [
        (str(trial.number), trial.cause, cut(trial.message, 120), _settings(trial.params))
        for trial in failed[:MOST_FAILURES]
    ]
    closed = "".join(paragraph(f"No more trials of {sentence}: the branch was closed.") for sentence in searched.closed)
    inside = table(("cause", "trials"), by_cause, numbers=(1,)) + closed
    inside += table(("trial", "cause", "what was said", "settings"), rows, numbers=(0,))
    return fold(f"{count(number, 'failure')} by cause", inside)


def _settings(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in params.items())


_ENDED = {
    "seconds": "; the time was over",
    "stopped": "; stopped at your wish",
    "space": "; the whole grid was walked",
    "trials": "; as many as were asked for",
}


def _history_title(facts: Mapping[str, Any], noun: str) -> str:
    if facts["last_gain"] is None:
        return f"No {noun} was finished"
    after = f"; {count(facts['after'], 'trial')} after it brought no more" if facts["after"] else ", the last one"
    return f"The best {noun} came in trial {facts['last_gain']}{after}"


def _curves(searched: Searched, learner: Learner) -> str:
    drawn = []
    for name in searched.members[:MOST_CURVES]:
        number = int(name.rsplit("-", 1)[1])
        if number not in searched.curves:
            continue
        train, validation = searched.curves[number]
        if len(train) < 2:
            continue
        rows = zip(range(1, len(train) + 1), train.tolist(), validation.tolist(), strict=True)
        values = csv_text((learner.step, "train", "validation"), rows)
        words = diagnose(train, validation, learner).sentence
        note = f"{words} Blue: validation, grey: train, means over the folds"
        chart = charts.curves(train, validation, learner.step)
        drawn.append(figure(name, chart, note=note, values=values, name=f"curve-{name}"))
    if not drawn:
        return ""
    return f'<h3>Do they learn what they should?</h3><div class="cards">{"".join(drawn)}</div>'


def _best(searched: Searched, greater_is_better: bool) -> str:
    done = [trial for trial in searched.trials if trial.state == "complete" and trial.score is not None]
    done.sort(key=lambda trial: trial.score or 0.0, reverse=greater_is_better)
    best = done[:MOST_TRIALS]
    names = list(dict.fromkeys(name for trial in best for name in trial.params))[:MOST_PARAMS]
    rows = [
        [str(trial.number), shown(trial.score or 0.0), *(_value(trial.params.get(name)) for name in names)]
        for trial in best
    ]
    return table(("trial", "score", *names), rows, numbers=(0, 1))


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else cut(str(value), 24)


def _network(view: View) -> str:
    rows = view.scores["network"]
    if not rows:
        return ""
    total = sum(row["parameters"] for row in rows)
    cells = [(row["layer"], " × ".join(map(str, row["shape"])), str(row["parameters"])) for row in rows]
    name = view.material.searches["search"].members[0]
    heads = ("layer", "shape", "parameters")
    return f"<h3>{escape(name)}, layer by layer: {count(total, 'parameter')} a fold</h3>" + table(
        heads, cells, numbers=(2,)
    )


def _members(members: Sequence[Mapping[str, Any]]) -> str:
    if not members:
        return paragraph("No member was finished.")
    rows = []
    for one in members:
        folds = [shown(score) for score in one["fold_scores"]]
        weight = "" if one["family"] == "ensemble" else "–" if one["weight"] is None else f"{one['weight']:.2f}"
        tie = "tie with the one above" if one["tie"] else ""
        opening = (one["name"], one["stage"], shown(one["score"]), ", ".join(folds), weight, tie)
        rows.append((*opening, operations(one["cost"]), size(one["bytes"])))
    heads = ("member", "stage", "score", "fold by fold", "weight", "", "operations a row", "size")
    return table(heads, rows, numbers=(2, 4, 6, 7))


def _refitted(members: Sequence[Mapping[str, Any]]) -> str:
    """Say which members of the ensemble answer with models that have seen more rows than those that were judged."""
    inside = [one for one in members if one["weight"] is not None and one["family"] != "ensemble"]
    again = [one for one in inside if one["refit_rows"]]
    if not again:
        return ""
    who = "Every member with a weight" if len(again) == len(inside) else ", ".join(one["name"] for one in again)
    return paragraph(
        f"{who} grew once more on all train rows, and that is what answers; "
        "the scores are of the models of the folds, which had fewer rows."
    )


def _alike(view: View) -> str:
    if view.alike is None:
        return ""
    names, matrix = view.alike
    rows = [
        [f"<b>{escape(cut(name, 18))}</b>"]
        + [f'<span class="cell hit" style="--s:{max(0.0, value):.2f}">{value:.2f}</span>' for value in row]
        for name, row in zip(names, matrix.tolist(), strict=True)
    ]
    heads = ("", *(cut(name, 14) for name in names))
    return "<h3>Whose errors are alike?</h3>" + table(heads, rows, css="confusion", raw=True)
