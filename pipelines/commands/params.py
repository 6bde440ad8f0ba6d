"""`espalier params`: params.yaml in full on the screen, or the file itself rewritten, short or full."""

from pathlib import Path

from components.core.errors import Mistakes, UserMistake
from components.core.files import write_text
from components.project import render
from components.project.comments import notes_of
from components.project.documents import parse
from components.project.edit import mistakes_in
from components.project.params import FILE, read_document


def run(root: Path, *, short: bool, full: bool) -> None:
    """Print the whole file, or rewrite it."""
    if short and full:
        raise UserMistake("Either --short or --full.")
    document = read_document(root)
    wrong = [one for one in mistakes_in(document.text, root) if not one.doubt]
    if wrong:
        raise Mistakes(FILE, wrong)
    form = render.short if short else render.full
    text = form(document.values, notes_of(document), root)
    if not (short or full):
        print(text, end="")
        return
    if render.full(parse(text, FILE).values, root=root) != render.full(document.values, root=root):
        raise AssertionError("the rewritten file means something else")
    write_text(root / FILE, text)
    print(f"Wrote {FILE} ({len(text.splitlines())} lines).")
