"""What `init` sees in a source of pictures: how many, of which classes, of which size; and how long one may train.

An epoch over pictures costs so much that its number is fitted to the clock: the file then says it, and anybody may
change it.
"""

from pathlib import Path
from typing import Any

from components.core.errors import UserMistake
from components.data.images.source import Pictures, find_pictures, settled_size
from components.project.first_look import FirstLook, searched_epochs, shares

COUNTS = {"search": 8, "boosting": 4}
POLICY = {"rotation": 10, "scaling": 0.1, "translation": 0.1}  # no flip: a mirrored 2 is no 2
MANY_PICTURES = 10_000  # from here on one validation part will do
MOST_EPOCHS, LEAST_EPOCHS = 20, 3
SHARE_OF_SEARCH = 0.45  # of the clock, on each core
PIXELS_A_SECOND = 0.8e6  # that the second start point trains on, on one core (Zen 4, torch 2.13, 21 Nov 2026)
STEP_SECONDS, BATCH = 0.005, 64  # what a step costs beside that


def look(root: Path, data: str, target: str, seconds: float | None) -> FirstLook:
    """Look at folders and headers, and decode pictures until one can be read. Raises UserMistake."""
    pictures = find_pictures(root, data)
    _refuse_ruins(pictures, data)
    if target and target != pictures.label:
        raise UserMistake(
            f"{data} holds pictures: their folder is what is predicted, and the column is called {pictures.label}. "
            "Leave --target away."
        )
    size, counts = settled_size(pictures, "auto"), pictures.classes()
    train = pictures.num_train() if pictures.has_parts else round(0.8 * len(pictures))
    folds = 1 if train > MANY_PICTURES else 3
    megabytes = f", {pictures.num_bytes() / 1e6:.1f} MB" if pictures.num_bytes() else ""
    lines = [
        (data, f"{len(pictures)} pictures{megabytes}"),
        (pictures.label, shares(dict(sorted(counts.items())))),
        ("size", f"every picture becomes {size} x {size}"),
    ]
    split: dict[str, Any] = {"folds": folds}
    if pictures.has_parts:
        split = {"by": "column", "column": "split", "folds": folds}
        lines.append(("split", "the source says which are for the test"))
    search: dict[str, Any] = {}
    if seconds is not None:
        epochs = _epochs(seconds, train * (folds - 1) if folds > 1 else round(0.8 * train), size)
        search = {"training": {"epochs": searched_epochs(epochs)}}
        lines.append(("epochs", f"{epochs} at most, so that a few networks are finished in time"))
    return FirstLook(
        lines=tuple(lines),
        values={
            "ingest": {"size": size},
            "validate": {"target": pictures.label},
            "split": split,
            "augment": dict(POLICY),
            **({"search": search} if search else {}),
        },
        counts=COUNTS,
    )


def _refuse_ruins(pictures: Pictures, data: str) -> None:
    """Raise UserMistake where no picture can be read: then there is nothing to make a project of."""
    first: list[str] = []
    for picture in pictures:
        if picture.pixels is not None:
            return
        first = [*first, f"{picture.name}: {picture.why}"][:3]
    raise UserMistake(
        f"{data}: none of its {len(pictures)} pictures can be read ({', '.join(first)}). "
        "Mend them, or name another folder."
    )


def _epochs(seconds: float, trained: int, size: int) -> int:
    """Return how often a network can go over its pictures so that each core finishes a training of middle cost."""
    epoch = trained * size * size / PIXELS_A_SECOND + trained / BATCH * STEP_SECONDS
    return max(LEAST_EPOCHS, min(MOST_EPOCHS, int(SHARE_OF_SEARCH * seconds / max(epoch, 1e-9))))
