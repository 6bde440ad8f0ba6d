"""`espalier predict ROWS -o OUT [--bundle DIR]`: answers for raw rows, inside a project or outside of any."""

import gzip
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.errors import UserMistake
from components.core.files import atomic_file
from components.data.describe import read_rows
from components.data.sniffing import NoRowsError
from components.project.families import loaders
from components.serving.bundle import load_bundle

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = Path("data/export")
FORMS = (".csv", ".csv.gz", ".parquet")


def run(root: Path, *, rows: Path, out: Path, bundle: Path | None = None) -> None:
    """Predict a CSV or Parquet file (also packed); no `bundle`: data/export below `root`, the current folder.

    Doubts about the rows go to stderr. Raises UserMistake for what cannot be read, answered or named.
    """
    if not out.name.lower().endswith(FORMS):
        raise UserMistake(f"-o is {out}: the name must end in {', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    if not (root / out).parent.is_dir():
        raise UserMistake(f"-o is {out}: there is no folder {out.parent}.")
    if (root / out).is_dir() or (root / out).resolve() == (root / rows).resolve():
        what = "a folder" if (root / out).is_dir() else "the file with the rows"
        raise UserMistake(f"-o is {out}: that is {what}. Name another file.")
    if bundle is None and not (root / DEFAULT).is_dir():
        raise UserMistake(
            "there is no data/export here. Grow a model with: espalier run   Or name a folder: --bundle DIR"
        )
    if not (root / rows).is_file():
        raise UserMistake(f"{rows}: there is no such file.")
    loaded = load_bundle(root / (bundle or DEFAULT), loaders())
    frame = _read(root, rows)
    for sentence in loaded.problems(frame):
        print(f"  warning  {sentence}", file=sys.stderr)
    answers = loaded.predict(frame)
    with atomic_file(root / out) as temporary:
        if out.suffix.lower() == ".parquet":
            answers.to_parquet(temporary, index=False)
        else:
            text = answers.to_csv(index=False, float_format="%.9g", lineterminator="\n").encode()
            temporary.write_bytes(gzip.compress(text, mtime=0) if out.suffix.lower() == ".gz" else text)
    print(f"  {len(answers)} {'row' if len(answers) == 1 else 'rows'} answered in {out}", file=sys.stderr)


def _read(root: Path, rows: Path) -> "pd.DataFrame":
    """Read the rows; a file with a header alone gives none, and gets as many answers."""
    try:
        return read_rows(root, str(rows))
    except NoRowsError as error:
        import pandas as pd

        return pd.DataFrame(columns=list(error.columns))
