"""Small pictures of two or three shapes, written as files: what every test of this folder stands on."""

from pathlib import Path

import numpy as np
from PIL import Image

SHAPES = ("bar", "blob", "cross")


def drawn(shape, rng, side=12, colours=3):
    """Return one noisy picture of a shape, uint8 [side, side, colours]."""
    pixels = rng.integers(0, 60, size=(side, side, colours))
    at = rng.integers(2, side - 4)
    if shape in ("bar", "cross"):
        pixels[at : at + 2, :] += 150
    if shape == "cross":
        pixels[:, at : at + 2] += 150
    if shape == "blob":
        pixels[at : at + 3, at : at + 3] += 150
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_pictures(folder: Path, each=20, shapes=SHAPES, side=12, seed=0):
    """Write `each` pictures of each shape below `folder`, every third one a JPEG; return the folder."""
    rng = np.random.default_rng(seed)
    for shape in shapes:
        (folder / shape).mkdir(parents=True)
        for number in range(each):
            form = "jpg" if number % 3 == 0 else "png"
            Image.fromarray(drawn(shape, rng, side)).save(folder / shape / f"{number:03}.{form}")
    return folder


def break_some(folder: Path):
    """Add what cannot be read, and what is no picture; return the names that cannot be read."""
    whole = next((folder / "bar").glob("*.png")).read_bytes()
    (folder / "bar" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "bar" / "empty.jpg").write_bytes(b"")
    (folder / "blob" / "words.png").write_text("no picture at all")
    (folder / "blob" / "notes.txt").write_text("taken in May")
    (folder / "blob" / ".hidden.png").write_text("left by a program")
    return {"bar/cut.png": "cut off", "bar/empty.jpg": "0 bytes", "blob/words.png": "no PNG or JPEG"}
