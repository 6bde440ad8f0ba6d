"""The bundle: one folder that predicts raw rows wherever Espalier is installed, without the project that grew it.

It is a copy of the ensemble with its schema, so nothing is fitted, guessed or converted here. `bundle.json` is written
last; a folder without it is no bundle. All is JSON, Parquet, safetensors and boosters' own formats: no code runs.
Form of the members: `components/core/predictions.py`; of the ensemble: `components/ensembles/`; what is wrong with the
rows that somebody asks: `problems.py`; the texts beside the model: `card.py`.

    bundle.json                 format, espalier, table, task, target, classes, metric, score, fold_scores, threshold,
                                files
    schema.json                 names, kinds, levels and ranges of the columns
    member.json, ensemble.json  the ensemble
    members/<name>/             its members; their out-of-fold predictions stay behind
    README.md, card.md          how to predict; what it is, how good, and what it must not be used for
    example.csv, example_answer.csv   three made-up rows, and what this bundle answers (pictures: the folder example)
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Loaders, Member
from components.core.errors import UserMistake
from components.core.files import read_json, write_json, write_text
from components.core.table import IMAGE, PICTURE, Schema, Table
from components.core.thresholds import called
from components.data.images.describe import Asked
from components.serving import pictures, problems
from components.serving.card import card_text, example_columns, readme_text
from components.serving.pictures import asked_pictures

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
EXPLAINING = ("README.md", "card.md", "example.csv", "example_answer.csv", "out.json", "bundle.json", pictures.EXAMPLE)
COPY_AGAIN = "Copy the exported folder again, or make it anew: espalier run --stage export --force"
LEFT_BEHIND = ("oof-*", "out.json", "stacking.json")


class Bundle:
    """A loaded model with its schema: `predict(frame)` answers, `problems(frame)` doubts."""

    def __init__(self, member: Member, schema: Schema, facts: JSON) -> None:
        self.member = member
        self.schema = schema
        self.facts = facts

    def predict(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Answer raw rows: columns `prediction` and `probability_<class>`, same index and order as `frame`.

        Columns are found by name, in any order; more than needed do not matter. Raises UserMistake when one is missing.
        """
        if self.schema.picture is not None:
            raise UserMistake("this model answers pictures, not rows of a table: name a folder of PNG or JPEG.")
        features = problems.needed(self.schema, frame)
        if len(frame):
            values_NC = self.member.predict(Table.of(self.schema, features))
        else:
            values_NC = np.zeros((0, self.schema.num_outputs), dtype=np.float32)
        return self._answers(values_NC, frame.index)

    def predict_pictures(self, path: Path) -> "pd.DataFrame":
        """Answer a folder of pictures (or one): columns `picture`, `prediction`, `probability_<class>`, by name.

        Raises UserMistake where there is no picture that can be read; those that cannot be are left out.
        """
        return self.answer(asked_pictures(self.schema, path))

    def answer(self, asked: Asked) -> "pd.DataFrame":
        """Answer pictures that have been read: see `predict_pictures`."""
        import pandas as pd

        names = pd.DataFrame({PICTURE: list(asked.names)})
        values_NC = self.member.predict(Table.of(self.schema, names, {IMAGE: asked.image}))
        return pd.concat([names, self._answers(values_NC, names.index)], axis=1)

    def _answers(self, values_NC: NDArray[np.float32], index: "pd.Index[Any]") -> "pd.DataFrame":
        import pandas as pd

        if self.schema.task == "regression":
            return pd.DataFrame({"prediction": values_NC[:, 0].astype(np.float64)}, index=index)
        classes = np.array(self.schema.classes, dtype=object)
        answers: dict[str, Any] = {"prediction": classes[called(values_NC, self.facts["threshold"])]}
        for c, name in enumerate(self.schema.classes):
            answers[f"probability_{name}"] = values_NC[:, c].astype(np.float64)
        return pd.DataFrame(answers, index=index)

    def problems(self, frame: "pd.DataFrame") -> list[str]:
        """Return one sentence for each doubt about these rows; raises UserMistake when a needed column is missing."""
        return problems.doubts(self.schema, frame)


def load_bundle(folder: Path, loaders: Loaders) -> Bundle:
    """Load a bundle; raises UserMistake when the folder is none, not whole, or was made by a newer Espalier."""
    if not (folder / "bundle.json").is_file():
        raise UserMistake(f"{folder} is no exported model: it has no bundle.json. Grow one with: espalier run")
    try:
        facts = read_json(folder / "bundle.json")
    except ValueError:
        raise UserMistake(f"{folder / 'bundle.json'} is damaged. {COPY_AGAIN}") from None
    if facts["format"] > FORMAT:
        raise UserMistake(
            f"{folder} was written by espalier {facts['espalier']}, in a form (format {facts['format']}) that this "
            "version cannot read. Update: pip install -U espalier-automl"
        )
    _refuse_torn(folder, facts["files"])
    member = loaders["ensemble"](folder)
    return Bundle(member, Schema.read(folder / "schema.json"), facts)


def write_bundle(folder: Path, ensemble: Path, loaders: Loaders, facts: dict[str, Any], *, card: bool) -> Bundle:
    """Write a bundle into an empty folder from an ensemble folder (with its schema.json); load it, and return it.

    `facts` are what the bundle says about itself: metric, title, score, fold_scores, greater_is_better, espalier, and
    from which probability (`threshold`) on the event is called; None: the likelier class.
    """
    import pandas as pd

    shutil.copytree(ensemble, folder, ignore=shutil.ignore_patterns(*LEFT_BEHIND), dirs_exist_ok=True)
    schema = Schema.read(folder / "schema.json")
    described = {
        **facts,
        "format": FORMAT,
        "table": schema.table,
        "task": schema.task,
        "target": schema.target,
        "classes": list(schema.classes),
    }
    bundle = Bundle(loaders["ensemble"](folder), schema, described)
    if schema.picture is None:
        example = pd.DataFrame(example_columns(schema))
        _write_csv(folder / "example.csv", example)
        answers, readme = bundle.predict(example), readme_text(schema)
    else:
        answers, readme = bundle.predict_pictures(pictures.write_example(folder, schema)), pictures.readme_text(schema)
    _write_csv(folder / "example_answer.csv", answers)
    write_text(folder / "README.md", readme)
    if card:
        write_text(folder / "card.md", card_text(schema, described))
    write_json(folder / "bundle.json", {**described, "files": _files(folder)})
    return bundle


def _files(folder: Path) -> dict[str, int]:
    """Return the bytes of each file that predicting needs; texts and examples may be edited or left behind."""
    needed = [path for path in folder.rglob("*") if path.is_file()]
    places = {path.relative_to(folder): path.stat().st_size for path in needed}
    return {place.as_posix(): size for place, size in places.items() if place.parts[0] not in EXPLAINING}


def _refuse_torn(folder: Path, files: JSON) -> None:
    """Compare with what was exported: a copy that ended early would fail somewhere inside a library."""
    for name, size in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            how = "has another size than was exported" if path.is_file() else "is missing"
            raise UserMistake(f"{folder} is not whole: {name} {how}. {COPY_AGAIN}")


def _write_csv(path: Path, frame: "pd.DataFrame") -> None:
    write: Callable[..., str] = frame.to_csv
    write_text(path, write(index=False, float_format="%.6g", lineterminator="\n"))
