"""What `espalier run` prints at its end, `espalier report --text` and `--md`: the result in a dozen lines (UX 3.3).

No test score of a single member stands here: whoever picks by them has trained on the test rows.
"""

import textwrap
from typing import Any

from components.core.numbers import shown
from components.evaluation.baselines import title
from components.evaluation.layout import Scores
from components.evaluation.words import NEW, both, cut, ends, number, operations, percent, plain, size, source_words

MOST_MEMBERS = 8
MOST_WORRIES = 3


def summary_text(scores: Scores, width: int = 96) -> str:
    """Return the summary as text for `width` columns (at least 80); no colour, no trailing newline."""
    blocks = [_paragraph(scores, width), _members(scores), _last_lines(scores, width)]
    return "\n\n".join(block for block in blocks if block)


def _paragraph(scores: Scores, width: int) -> str:
    return textwrap.fill(
        " ".join(_sentences(scores)), width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def _sentences(scores: Scores) -> list[str]:
    facts, score = scores["facts"], scores["score"]
    found = [one["sentence"] for one in scores["verdict"] if one["word"] == "leakage"]
    title_ = facts["title"][0].upper() + facts["title"][1:]
    sure = f"({percent(facts['interval'])}: {ends(score)})"
    rows = f"{score['rows']} {facts['noun']}s"
    if facts["judged_on"] == "test":
        found.append(f"{title_} {number(score)} on {rows} that nothing was trained or chosen on {sure}.")
        found.append(f"The folds promised {number(scores['folds'])}.")
    else:
        found.append(
            f"{title_} {number(score)} over {facts['folds']} folds of {rows} {sure}; no {facts['noun']}s were kept "
            "for a test, and the models were chosen by these."
        )
    found.append(_against_baselines(scores))
    if scores["diagnosis"]["word"] != "unknown":
        about = "" if scores["diagnosis"]["word"] == "fits" else f"{scores['diagnosis']['member']}: "
        found.append(f"{about}{scores['diagnosis']['sentence']}")
    return found


def _against_baselines(scores: Scores) -> str:
    facts, gain = scores["facts"], scores["gains"]["linear_baseline"]
    dummy, linear = (number(scores["scores"][name][facts["metric"]]) for name in ("dummy_baseline", "linear_baseline"))
    name = title("linear_baseline", facts["task"])
    opening = f"Guessing gives {dummy}, {name} {linear}"
    if gain["low"] > 0:
        return f"{opening}: the tree is better than that by {both(gain)}."
    if gain["high"] < 0:
        return f"{opening}: the plain model is better."
    return f"{opening}: the tree is not certainly better than that (gain {plain(gain)})."


def _members(scores: Scores) -> str:
    lines = [f"      {'member':20} {'folds':19} {'weight':10} {'operations':>10} {'size':>8}"]
    for place, member in enumerate(scores["members"][:MOST_MEMBERS], start=1):
        cost = bytes_ = "-"
        if member["weight"] is not None:
            cost, bytes_ = operations(member["cost"]), size(member["bytes"])
        weight = (
            "" if member["family"] == "ensemble" else "-" if member["weight"] is None else f"{member['weight']:.2f}"
        )
        tie = "tie" if member["tie"] else ""
        name = cut(member["name"], 20)
        lines.append(f"  {place:2d}  {name:20} {_fold_text(member):19} {weight:5}{tie:5} {cost:>10} {bytes_:>8}")
    left = len(scores["members"]) - MOST_MEMBERS
    if left > 0:
        lines.append(f"      and {left} more: espalier leaderboard")
    return "\n".join(lines)


def _fold_text(member: dict[str, Any]) -> str:
    """Write `0.8502 ±0.0041`: the mean of the folds and its standard error."""
    folds = member["fold_scores"]
    if len(folds) < 2:
        return shown(member["score"])
    middle = sum(folds) / len(folds)
    error = (sum((one - middle) ** 2 for one in folds) / (len(folds) - 1) / len(folds)) ** 0.5
    return f"{shown(member['score'], error)} ±{shown(error, error)}" if error > 0 else f"{shown(member['score'])} ±0"


def _last_lines(scores: Scores, width: int) -> str:
    lines = []
    for worry in [one for one in scores["worries"] if one["severity"] != "note"][:MOST_WORRIES]:
        text = textwrap.wrap(worry["sentence"], max(40, width - 15))
        lines.append(f"  {worry['severity']:12} {text[0]}")
        lines += [f"  {'':12} {line}" for line in text[1:]]
    lines.append(f"  {'report':12} {'data/evaluate/report.html':26} espalier report")
    new = NEW[scores["facts"]["noun"]]
    lines.append(f"  {'model':12} {'data/export':26} espalier predict {new} -o out.csv")
    if any(facts.get("ended_by") in ("seconds", "stopped") for facts in scores["searched"].values()):
        counts = ", ".join(f"{word} {facts['trials']}" for word, facts in scores["searched"].items())
        lines.append(f"  {'repeatable':12} {'time decided':26} espalier pin  ({counts})")
    return "\n".join(lines)


def five_lines(scores: Scores) -> str:
    """Return the result for a mail or a chat: at most five plain lines."""
    facts = scores["facts"]
    rows = f"{facts['rows']} {facts['noun']}s, {facts['columns']} columns"
    opening = f"{facts['target']} in {source_words(facts['source'])}: {rows}"
    return "\n".join([opening, *_sentences(scores)][:5])


def markdown(scores: Scores) -> str:
    """Return the result as a comment for a pull request."""
    facts, gains = scores["facts"], scores["gains"]
    where = (
        f"{scores['score']['rows']} test {facts['noun']}s"
        if facts["judged_on"] == "test"
        else f"{facts['folds']} folds, no test"
    )
    lines = [
        f"**{facts['title']} {both(scores['score'])}** on {where} · `{facts['target']}`",
        "",
        f"| | {facts['title']} | gain |",
        "|---|---|---|",
        f"| ensemble | {both(scores['score'])} | |",
    ]
    for name in ("linear_baseline", "dummy_baseline"):
        estimate = scores["scores"][name][facts["metric"]]
        lines.append(f"| {title(name, facts['task'])} | {both(estimate)} | {both(gains[name])} |")
    lines += ["", *(f"- {one['sentence']}" for one in scores["verdict"] if one["word"] != "score")]
    lines += [f"- {one['severity']}: {one['sentence']}" for one in scores["worries"] if one["severity"] != "note"]
    return "\n".join(lines)
