"""What holds pictures, and which: a folder with one folder per class, an .npz file with parts, `example:digits`.

Looking at a source decodes nothing: names, classes and numbers are known from folders and headers alone.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.errors import UserMistake, did_you_mean
from components.data.images import arrays
from components.data.images.reading import SUFFIXES, UnreadableError, read_picture, side_of
from components.data.images.recognise import DIGITS

LABEL = "label"
SAMPLED = 2000  # headers that decide the size
LEAST_SIDE, MOST_SIDE = 8, 64  # of `size: auto`


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of a source; `pixels` uint8 [height, width, 1 or 3] as they are, None where they cannot be read."""

    name: str
    label: str
    part: str | None  # train | test, where the source says so
    pixels: NDArray[np.uint8] | None
    why: str = ""


def find_pictures(root: Path, written: str) -> "Pictures":
    """Look at `ingest.source`, seen from the project's folder. Raises UserMistake."""
    if written.strip() == DIGITS:
        return ArrayPictures(parts=(arrays.load_digits(),), label="digit", has_parts=False, size_bytes=0)
    path = root / written
    if not path.exists():
        near = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, near) or "Paths are seen from the folder that holds params.yaml."
        raise UserMistake(f"ingest.source is {written}: there is no such folder or file. {hint}")
    if path.is_file():
        parts = arrays.load_npz(path, written)
        return ArrayPictures(parts=parts, label=LABEL, has_parts=len(parts) > 1, size_bytes=path.stat().st_size)
    return _class_folders(path, written.rstrip("/"))


@dataclass(frozen=True, kw_only=True)
class ArrayPictures:
    """Pictures that lie in memory as arrays."""

    parts: tuple[arrays.Part, ...]
    label: str  # the name of the label column
    has_parts: bool  # whether the source says which are for training and which for the test
    size_bytes: int
    others: tuple[str, ...] = ()  # files that are neither PNG nor JPEG

    def __len__(self) -> int:
        return sum(len(part.labels) for part in self.parts)

    def __iter__(self) -> Iterator[Picture]:
        for part in self.parts:
            width = len(str(len(part.labels)))
            for number, label in enumerate(part.labels):
                name = f"{part.name}/{number + 1:0{width}}"
                pixels = part.picture(number)
                yield Picture(name=name, label=label, part=part.name if self.has_parts else None, pixels=pixels)

    def num_train(self) -> int:
        """Return how many pictures are in the train part."""
        return len(self.parts[0].labels)

    def side(self) -> int:
        """Return the median of the shorter sides, in pixels."""
        return min(self.parts[0].shape[:2])

    def classes(self) -> dict[str, int]:
        """Count the pictures of each class."""
        return _counted([label for part in self.parts for label in part.labels])

    def num_bytes(self) -> int:
        """Return the bytes on disk."""
        return self.size_bytes


@dataclass(frozen=True, kw_only=True)
class FolderPictures:
    """The files of class folders, in order of name."""

    folder: Path
    files: tuple[tuple[str, Path], ...]  # class, file
    others: tuple[str, ...]
    label: str = LABEL
    has_parts: bool = False

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Picture]:
        for label, path in self.files:
            name = path.relative_to(self.folder).as_posix()
            try:
                yield Picture(name=name, label=label, part=None, pixels=read_picture(path))
            except UnreadableError as error:
                yield Picture(name=name, label=label, part=None, pixels=None, why=str(error))

    def num_train(self) -> int:
        """Return how many pictures may be trained on: all of them."""
        return len(self.files)

    def side(self) -> int:
        """Return the median of the shorter sides, in pixels; of many files every second, third, ... is looked at."""
        every = 1 + len(self.files) // SAMPLED
        sides = [side for _, path in self.files[::every] if (side := side_of(path)) is not None]
        return round(statistics.median(sides)) if sides else MOST_SIDE

    def classes(self) -> dict[str, int]:
        """Count the pictures of each class."""
        return _counted([label for label, _ in self.files])

    def num_bytes(self) -> int:
        """Return the bytes on disk."""
        return sum(path.stat().st_size for _, path in self.files)


Pictures = ArrayPictures | FolderPictures


def settled_size(pictures: Pictures, size: Any) -> int:
    """Return the side that all pictures get."""
    return min(MOST_SIDE, max(LEAST_SIDE, pictures.side())) if size == "auto" else int(size)


def picture_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the PNG and JPEG files of a folder in order of name, and its other files; hidden ones are neither."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    return found, [path for path in files if path.suffix.lower() not in SUFFIXES]


def _class_folders(folder: Path, written: str) -> FolderPictures:
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    loose, others = picture_files(folder)
    rule = "Each folder in it is one class, with its PNG and JPEG pictures directly inside."
    if not inside:
        has = f"{len(loose)} pictures" if loose else "no picture"
        raise UserMistake(f"ingest.source is {written}: the folder holds {has} and no class folders. {rule}")
    if loose:
        raise UserMistake(
            f"ingest.source is {written}: {loose[0].name} lies beside the class folders and has no class. {rule}"
        )
    files: list[tuple[str, Path]] = []
    for one in inside:
        below = sorted(path for path in one.iterdir() if path.is_dir() and not path.name.startswith("."))
        found, odd = picture_files(one)
        if below:
            raise UserMistake(
                f"ingest.source is {written}: {one.name} holds the folder {below[0].name}. {rule} "
                f"Name the folder that holds the classes (perhaps {written}/{one.name}), or move the pictures up."
            )
        if not found:
            raise UserMistake(
                f"ingest.source is {written}: the class folder {one.name} holds no PNG or JPEG picture. "
                "Fill it, or take it away."
            )
        files += [(one.name, path) for path in found]
        others += odd
    if len(inside) == 1:
        raise UserMistake(
            f"ingest.source is {written}: there is one class folder, {inside[0].name}. "
            "One class leaves nothing to tell apart."
        )
    names = tuple(path.relative_to(folder).as_posix() for path in others)
    return FolderPictures(folder=folder, files=tuple(files), others=names)


def _counted(labels: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return counts
