"""The page: one template, one stylesheet, one small script for the two buttons; everything inside, nothing requested.

A content security policy in the page itself forbids any request, so a chart that needed one could not hide. Without the
script the page is whole: it only keeps the chosen light or dark, prints, and opens the folds for printing.
"""

from pathlib import Path

from components.evaluation.report.first_screen import first_screen
from components.evaluation.report.parts import heading
from components.evaluation.report.sections import sections
from components.evaluation.report.svg import escape
from components.evaluation.report.view import View

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

SCRIPT = """
const root = document.documentElement; root.classList.add("js");
const system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
document.getElementById("theme").onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; };
document.getElementById("print").onclick = () => print();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(one => { one.open = true; }));
"""


def render(view: View) -> str:
    """Return the whole report as one HTML text."""
    facts = view.scores["facts"]
    found = sections(view)
    links = "".join(f'<a href="#{word}">{heading(word)}</a>' for word, _ in found)
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(facts['target'])} · Espalier</title><style>{style}</style></head><body>"
        f'{first_screen(view)}<div class="below"><nav class="toc noprint">{links}</nav>'
        f"<div>{''.join(inside for _, inside in found)}</div></div><script>{SCRIPT}</script></body></html>\n"
    )
