"""What a source of pictures looks like, for `init` and `check`, and the pictures that somebody wants answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.errors import UserMistake
from components.core.table import PICTURE, PIXELS
from components.data.describe import SourceFacts
from components.data.images.reading import UnreadableError, read_picture, resized
from components.data.images.source import FolderPictures, find_pictures, picture_files


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Pictures of a folder, in order of name, as a model takes them; and those that cannot be read."""

    names: tuple[str, ...]
    image: NDArray[np.uint8]  # [n, H, W, D]
    unreadable: tuple[tuple[str, str], ...]  # name, why


def describe_pictures(root: Path, source: str, *, bad_rows: str = "skip") -> SourceFacts:
    """Look at a source; no picture is decoded. Raises UserMistake when it holds none."""
    found = find_pictures(root, source)
    parts = ("split",) if found.has_parts else ()
    return SourceFacts(
        files=(source,) if isinstance(found, FolderPictures) else (),
        format="pictures",
        columns=(PICTURE, PIXELS, found.label, *parts),
        rows=len(found),
        rows_exact=True,
        size_bytes=found.num_bytes(),
        separator=None,
        encoding=None,
    )


def read_asked(folder: Path, shape: tuple[int, ...]) -> Asked:
    """Read all pictures of a folder, flat or with folders inside, resized to `shape`. Raises UserMistake for none."""
    files = [path for one in (folder, *_below(folder)) for path in picture_files(one)[0]]
    if not files:
        raise UserMistake(f"{folder} holds no PNG or JPEG picture.")
    return _read(sorted((path.relative_to(folder).as_posix(), path) for path in files), shape)


def read_one(path: Path, shape: tuple[int, ...]) -> Asked:
    """Read one picture, resized to `shape`."""
    return _read([(path.name, path)], shape)


def _read(files: Sequence[tuple[str, Path]], shape: tuple[int, ...]) -> Asked:
    names, pictures, unreadable = [], [], []
    for name, path in files:
        try:
            pictures.append(resized(read_picture(path), shape[0], shape[2]))
            names.append(name)
        except UnreadableError as error:
            unreadable.append((name, str(error)))
    image = np.stack(pictures) if pictures else np.zeros((0, *shape), dtype=np.uint8)
    return Asked(names=tuple(names), image=image, unreadable=tuple(unreadable))


def _below(folder: Path) -> list[Path]:
    inside = folder.rglob("*")
    return [
        path for path in inside if path.is_dir() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]
