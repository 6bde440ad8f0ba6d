"""Pictures that somebody wants answered, and what an exported model of pictures says about itself.

The pictures are read and resized exactly as at ingest. The example is made up (a ramp, a disc, noise), so that no
picture of anybody's leaves the project with the model.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.errors import UserMistake
from components.core.table import PICTURE, Schema
from components.data.images.describe import Asked, read_asked, read_one
from components.data.images.reading import SUFFIXES, write_png

EXAMPLE = "example"
MOST_NAMED = 5


def asked_pictures(schema: Schema, path: Path) -> Asked:
    """Read a folder of pictures, flat or with folders inside, or one picture. Raises UserMistake."""
    assert schema.picture is not None, "this model answers rows"
    if path.is_dir():
        asked = read_asked(path, schema.picture)
    elif path.suffix.lower() in SUFFIXES:
        asked = read_one(path, schema.picture)
    else:
        raise UserMistake(f"{path.name} is no picture, and this model answers pictures: name a folder of PNG or JPEG.")
    if not asked.names:
        raise UserMistake(f"{path} holds no picture that can be read: {_named(asked)}.")
    return asked


def doubts_about(asked: Asked) -> list[str]:
    """Return one sentence for what gets no answer."""
    if not asked.unreadable:
        return []
    number = len(asked.unreadable)
    what = "1 picture cannot be read and gets" if number == 1 else f"{number} pictures cannot be read and get"
    return [f"{what} no answer: {_named(asked)}"]


def example_pictures(shape: tuple[int, ...]) -> dict[str, NDArray[np.uint8]]:
    """Return three made-up pictures: name -> uint8 [H, W, D]."""
    height, width, colours = shape
    rows, columns = np.mgrid[0:height, 0:width]
    ramp = 255 * columns / max(1, width - 1)
    disc = 255 * (np.hypot(rows - height / 2, columns - width / 2) < height / 3)
    noise = np.random.default_rng(0).integers(0, 256, size=(height, width))
    made = {"disc": disc, "noise": noise, "ramp": ramp}
    return {name: np.repeat(values.astype(np.uint8)[:, :, None], colours, axis=2) for name, values in made.items()}


def write_example(folder: Path, schema: Schema) -> Path:
    """Write the made-up pictures into `folder/example`, and return it."""
    assert schema.picture is not None
    (folder / EXAMPLE).mkdir()
    for name, pixels in example_pictures(schema.picture).items():
        write_png(folder / EXAMPLE / f"{name}.png", pixels)
    return folder / EXAMPLE


def readme_text(schema: Schema) -> str:
    """Return README.md of a bundle that answers pictures."""
    assert schema.picture is not None
    height, width, _ = schema.picture
    answer = ", ".join(f"`probability_{name}`" for name in schema.classes[:4])
    answer += ", …" if len(schema.classes) > 4 else ""
    return f"""# A model that predicts `{schema.target}` of pictures

Wherever Espalier is installed (`pip install "espalier-automl[cpu]"`), without the project that grew it:

```console
$ espalier predict photos -o answers.csv --bundle .
```

```python
from pathlib import Path

from components.project.families import loaders
from components.serving.bundle import load_bundle

answers = load_bundle(Path("."), loaders()).predict_pictures(Path("photos"))
```

It takes a folder of PNG and JPEG pictures, flat or with folders inside, of any size: each becomes {width} x {height},
as those it was grown on. It answers `{PICTURE}`, `prediction` and {answer}, one line per picture, in order of name.
Try it with `{EXAMPLE}`, three made-up pictures; `example_answer.csv` holds what it answered when it was written.
No file here is a program: JSON, safetensors, and the boosters' own formats (UBJSON, text, cbm).
"""


def _named(asked: Asked) -> str:
    names = [f"{name} ({why})" for name, why in asked.unreadable]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
