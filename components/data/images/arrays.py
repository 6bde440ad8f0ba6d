"""Pictures that come as arrays: an .npz file with x_train, y_train, x_test, y_test, and scikit-learn's digits.

Labels are numbers or words; where the file has `classes`, a label is a place in it. The official parts stay what they
are: they become the column `split`, with the words train and test.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.errors import UserMistake

KEYS = "x_train and y_train, and x_test and y_test for the test part"
MOST_GRAYS = 16.0  # of the digits


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a file: pictures of one shape, and their labels."""

    name: str  # train | test
    x_NHWD: NDArray[Any]
    labels: tuple[str, ...]
    white: float  # the value of full brightness

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, colours)."""
        return tuple(self.x_NHWD.shape[1:])

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Return one picture, uint8 [height, width, colours]."""
        pixels = self.x_NHWD[number]
        if pixels.dtype == np.uint8 and self.white == 255:
            return pixels
        return np.clip(np.rint(pixels * (255.0 / self.white)), 0, 255).astype(np.uint8)


def load_digits() -> Part:
    """Return the 1797 handwritten digits of scikit-learn, 8 x 8 (Alpaydin and Kaynak 1998)."""
    from sklearn import datasets

    found: Any = datasets.load_digits()
    labels = tuple(str(int(label)) for label in found.target)
    return Part(name="digits", x_NHWD=np.asarray(found.images)[..., None], labels=labels, white=MOST_GRAYS)


def load_npz(path: Path, written: str) -> tuple[Part, ...]:
    """Read train, and test where there is one. Raises UserMistake for what holds no such pictures."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserMistake(f"{written} cannot be read as .npz: {str(error).rstrip('.')}. Write it anew.") from error
    missing = [name for name in ("x_train", "y_train") if name not in held]
    missing += [name for name in ("x_test", "y_test") if (name not in held) and ("x_test" in held or "y_test" in held)]
    if missing:
        raise UserMistake(f"{written} has no {' and no '.join(missing)}. It needs {KEYS}.")
    names = ("train", "test") if "x_test" in held else ("train",)
    parts = tuple(_part(held, name, written) for name in names)
    if len({part.shape for part in parts}) > 1:
        raise UserMistake(f"{written}: x_train is of {parts[0].shape}, x_test of {parts[1].shape}. Bring them to one.")
    return parts


def _part(held: dict[str, NDArray[Any]], name: str, written: str) -> Part:
    x, y = held[f"x_{name}"], held[f"y_{name}"]
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[3] not in (1, 3) or not np.issubdtype(x.dtype, np.number) or not len(x):
        raise UserMistake(
            f"{written}: x_{name} is {x.dtype} of {held[f'x_{name}'].shape}. Pictures are [number, height, width] or "
            "[number, height, width, 3 colours]."
        )
    if y.shape != (len(x),):
        raise UserMistake(f"{written}: y_{name} is of {y.shape}, but there are {len(x)} pictures: one label for each.")
    low, high = float(x.min()), float(x.max())
    if not (low >= 0 and high <= 255):
        raise UserMistake(
            f"{written}: x_{name} goes from {low:g} to {high:g}. Pixels go from 0 to 255, or from 0 to 1."
        )
    white = 1.0 if np.issubdtype(x.dtype, np.floating) and high <= 1 else 255.0
    return Part(name=name, x_NHWD=x, labels=_labels(y, held.get("classes"), written), white=white)


def _labels(y_N: NDArray[Any], classes: NDArray[Any] | None, written: str) -> tuple[str, ...]:
    if not np.issubdtype(y_N.dtype, np.integer):
        return tuple(str(label) for label in y_N)
    if classes is None:
        return tuple(str(int(label)) for label in y_N)
    if y_N.min() < 0 or y_N.max() >= len(classes):
        raise UserMistake(
            f"{written}: a label is {int(y_N.max())}, but classes names {len(classes)}: places from 0 on."
        )
    words = [str(word) for word in classes]
    return tuple(words[int(label)] for label in y_N)
