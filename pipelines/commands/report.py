"""`espalier report`: opens the last report; `--text` prints five lines for a mail, `--md` a pull request's comment."""

import sys
import webbrowser
from pathlib import Path

from components.core.errors import UserMistake
from components.core.files import read_json
from components.evaluation.complete import with_endings
from components.evaluation.layout import Scores
from components.evaluation.material import read_endings
from components.evaluation.summary import five_lines, markdown


def last_scores(root: Path) -> Scores:
    """Return scores.json of a project, with why its searches ended. Raises UserMistake when there is none."""
    path = root / "data" / "evaluate" / "scores.json"
    if not path.is_file():
        raise UserMistake("there is no report yet: data/evaluate/scores.json is missing. Make one with: espalier run")
    return with_endings(read_json(path), read_endings(root / ".espalier" / "studies"))


def run(root: Path, *, text: bool = False, md: bool = False) -> None:
    """Show the report of a project."""
    if text or md:
        scores = last_scores(root)
        print(five_lines(scores) if text else markdown(scores))
        return
    page = root / "data" / "evaluate" / "report.html"
    if not page.is_file():
        raise UserMistake("there is no report yet: data/evaluate/report.html is missing. Make one with: espalier run")
    print(page.relative_to(root).as_posix())
    if not webbrowser.open(page.as_uri()):
        print("no browser could be started: open the file by hand", file=sys.stderr)
