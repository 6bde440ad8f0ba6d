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
from components.serving.bundle import Bundle, load_bundle
from components.serving.pictures import asked_pictures, doubts_about

if TYPE_CHECKING:
    import pandas as pd

DEFAULT = Path("data/export")
FORMS = (".csv", ".csv.gz", ".parquet")


def run(root: Path, *, rows: Path, out: Path, bundle: Path | None = None) -> None:
    """Predict a CSV or Parquet file (also packed), or a folder of pictures; no `bundle`: data/export below `root`.

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
    if not (root / rows).exists():
        raise UserMistake(f"{rows}: there is no such file.")
    loaded = load_bundle(root / (bundle or DEFAULT), loaders())
    answers, doubts = _answer(loaded, root, rows)
    for sentence in doubts:
        print(f"  warning  {sentence}", file=sys.stderr)
    with atomic_file(root / out) as temporary:
        if out.suffix.lower() == ".parquet":
            answers.to_parquet(temporary, index=False)
        else:
            text = answers.to_csv(index=False, float_format="%.9g", lineterminator="\n").encode()
            temporary.write_bytes(gzip.compress(text, mtime=0) if out.suffix.lower() == ".gz" else text)
    noun = loaded.schema.noun
    print(f"  {len(answers)} {noun if len(answers) == 1 else f'{noun}s'} answered in {out}", file=sys.stderr)


def _answer(loaded: Bundle, root: Path, rows: Path) -> "tuple[pd.DataFrame, list[str]]":
    """Read what is asked, as the model needs it; return the answers, and doubts about what was asked."""
    if loaded.schema.picture is not None:
        asked = asked_pictures(loaded.schema, root / rows)
        return loaded.answer(asked), doubts_about(asked)
    if not (root / rows).is_file():
        raise UserMistake(f"{rows} is a folder, and this model answers rows of a table: name a file.")
    frame = _read(root, rows)
    return loaded.predict(frame), loaded.problems(frame)


def _read(root: Path, rows: Path) -> "pd.DataFrame":
    """Read the rows; a file with a header alone gives none, and gets as many answers."""
    try:
        return read_rows(root, str(rows))
    except NoRowsError as error:
        import pandas as pd

        return pd.DataFrame(columns=list(error.columns))
