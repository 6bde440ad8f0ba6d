"""Below the first screen: the ten words in the order of the tree, each with what its stage found out.

Here: the list, and the stages that know nothing of models. Models are in `sections_models.py`; what was judged, and how
to grow it again, in `sections_judged.py`.
"""

from components.core.numbers import dates
from components.evaluation.report import charts, contact_sheet, sections_judged, sections_models
from components.evaluation.report.first_screen import worry_list
from components.evaluation.report.parts import fold, paragraph, section, table
from components.evaluation.report.svg import escape
from components.evaluation.report.view import MOST_COLUMNS, View
from components.evaluation.words import count, cut, percent, source_words, thousands

SHOWN_COLUMNS = 12
MOST_LEVELS = 4
MOST_CLASSES = 12


def sections(view: View) -> list[tuple[str, str]]:
    """Return (word, HTML) for each section, in order."""
    makers = (
        ("ingest", ingest),
        ("validate", validate),
        ("split", split),
        ("augment", augment),
        ("search", sections_models.search),
        ("boosting", sections_models.boosting),
        ("bagging", sections_models.bagging),
        ("stacking", sections_models.stacking),
        ("evaluate", sections_judged.evaluate),
        ("export", sections_judged.export),
        ("time", sections_judged.time),
        ("again", sections_judged.again),
    )
    found = [(word, make(view)) for word, make in makers]
    return [(word, section(word, inside)) for word, inside in found if inside]


def ingest(view: View) -> str:
    """Say what was read."""
    facts = view.material.ingest
    rows, columns = count(facts["rows"], view.material.schema.noun), count(len(facts["columns"]), "column")
    lines = [
        f"{source_words(facts['source'])}: {rows}, {columns}",
        *(f"{word}: {facts[key]}" for key, word in _INGEST if facts.get(key)),
    ]
    return paragraph(", ".join(lines) + ".") + paragraph(f"Content {facts['table']}", "quiet")


_INGEST = (("format", "format"), ("separator", "separator"), ("encoding", "encoding"), ("bad_rows", "rows left out"))


def validate(view: View) -> str:
    """Show the findings, and the schema with a small histogram per column."""
    return (worry_list(view.scores, "validate") or paragraph("Nothing found.")) + _schema(view)


def _schema(view: View) -> str:
    schema = view.material.schema
    rows = []
    for column in schema.features[:MOST_COLUMNS]:
        if column.levels is not None:
            levels = ", ".join(cut(level, 16) for level in column.levels[:MOST_LEVELS])
            about = f"{len(column.levels)} levels: {levels}{', …' if len(column.levels) > MOST_LEVELS else ''}"
        elif column.low is None or column.high is None:
            about = ""
        elif column.kind == "datetime":
            about = dates(column.low, column.high)
        else:
            about = f"{column.low:.4g} to {column.high:.4g}".replace("-", "−")
        spark = charts.spark(view.histograms[column.name]) if column.name in view.histograms else ""
        missing = view.missing.get(column.name, 0)
        cells = (cut(column.name, 40), column.kind, about, thousands(missing) if missing else "")
        rows.append([*(escape(cell) for cell in cells[:3]), spark, escape(cells[3]), escape(cut(column.why, 60))])
    heads = ("column", "kind", "train rows", _by_class(view), "missing", "why this kind")
    more = len(schema.features) - MOST_COLUMNS
    left_out = [(cut(one.name, 40), one.kind, one.why) for one in schema.columns if one.use == "left_out"]
    rest = rows[SHOWN_COLUMNS:]
    return (
        table(heads, rows[:SHOWN_COLUMNS], numbers=(4,), raw=True)
        + fold(f"{len(rest)} more", table(heads, rest, numbers=(4,), raw=True) if rest else "")
        + (paragraph(f"and {more} columns more, not drawn", "quiet") if more > 0 else "")
        + fold(f"{len(left_out)} left out", table(("column", "kind", "why"), left_out) if left_out else "")
    )


def _by_class(view: View) -> str:
    return "values" if view.material.schema.task == "regression" else "values by class"


def split(view: View) -> str:
    """Show rows and shares of the classes per part and fold."""
    classes = list(view.material.schema.classes)[:MOST_CLASSES]
    rows = []
    for name, num_rows, counts in view.parts:
        shares = [percent(round(counts[c] / max(1, num_rows), 3)) for c in range(len(classes))]
        rows.append([name, thousands(num_rows), *shares])
    heads = ["part", "rows", *(cut(name, 16) for name in classes)]
    facts = view.scores["facts"]
    by = f"Dealt by {facts['split_by']}, seed {facts['seed']}."
    if facts["judged_on"] == "folds":
        by += " No rows were kept for a test (split.test is 0): all numbers of this page are out of fold."
    return paragraph(by) + table(heads, rows, numbers=range(1, len(heads)))


def augment(view: View) -> str:
    """Say what was made, and show what pictures are changed to."""
    made, sheet = view.material.augment["made"], contact_sheet.section(view.sheet)
    if not made:
        return sheet or paragraph("Nothing asked: the models see real rows only.")
    return (
        paragraph(f"{count(made, view.material.schema.noun)} made inside the folds; fitted on, never scored.") + sheet
    )
