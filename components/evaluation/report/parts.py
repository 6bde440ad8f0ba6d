"""The small parts that every section is made of: figures, tables, links to the values as CSV, lines of params.yaml."""

import base64
import csv
import io
from collections.abc import Iterable, Sequence

from components.evaluation.report.svg import escape


def figure(title: str, chart: str, *, note: str = "", values: str = "", name: str = "values") -> str:
    """Frame a chart: a title that is a question or a finding, a note under it, its values as CSV inside the file."""
    if not chart:
        return ""
    link = csv_link(values, name) if values else ""
    caption = f'<figcaption class="quiet">{escape(note)}{" · " if note and link else ""}{link}</figcaption>'
    return f"<figure><h3>{escape(title)}</h3>{chart}{caption if note or link else ''}</figure>"


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    css: str = "",
    raw: bool = False,
) -> str:
    """Lay out cells; `numbers` are the columns that stand right-aligned; `raw` cells are HTML already."""

    def cell(index: int, text: str, kind: str) -> str:
        side = ' class="num"' if index in numbers else ""
        return f"<{kind}{side}>{text if raw and kind == 'td' else escape(text)}</{kind}>"

    head = "".join(cell(index, text, "th") for index, text in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell(index, text, "td") for index, text in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table class="{css}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return out.getvalue()


def csv_link(values: str, name: str) -> str:
    """Link to values that lie inside the page."""
    data = base64.b64encode(values.encode()).decode()
    return f'<a download="{escape(name)}.csv" href="data:text/csv;base64,{data}">values as CSV</a>'


def fold(title: str, inside: str) -> str:
    """Hide what not everybody needs behind a line; printing opens it."""
    return f"<details><summary>{escape(title)}</summary>{inside}</details>" if inside else ""


def section(word: str, inside: str) -> str:
    """Return one of the ten words with its anchor, and what it has to show."""
    return f'<section id="{word}"><h2><a href="#{word}">{heading(word)}</a></h2>{inside}</section>'


def heading(word: str) -> str:
    """Return a section's word as its heading."""
    return {"again": "Grow it again"}.get(word, word.capitalize())


def paragraph(text: str, css: str = "") -> str:
    """Return an escaped paragraph."""
    return f'<p class="{css}">{escape(text)}</p>' if text else ""


def code(text: str) -> str:
    """Return a line to be copied."""
    return f"<code>{escape(text)}</code>" if text else ""
