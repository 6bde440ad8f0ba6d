"""One picture file as pixels: decoded by Pillow, turned as its camera says, on white where it is transparent, resized.

A picture that cannot be decoded is no crash: `UnreadableError` says why in a few words, and ingest counts it.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.core.files import atomic_file
from components.core.lazy import lazy

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageOps

    Opened = PIL.Image.Image
else:
    PIL = lazy("PIL")

SUFFIXES = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")  # 16 bits a pixel
WHITE_16 = 65535.0


class UnreadableError(Exception):
    """Why a picture cannot be read: "0 bytes", "cut off", "no PNG or JPEG"."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of a file as they are, uint8 [height, width, 1 or 3]. Raises UnreadableError."""
    with _opened(path) as image:
        from PIL import ImageOps

        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _pixels(upright)
        except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's decoders raise
            raise UnreadableError("cut off" if "truncated" in str(error) else "damaged") from error


def side_of(path: Path) -> int | None:
    """Return the shorter side in pixels from the header alone; None where there is none to read."""
    try:
        with _opened(path) as image:
            return min(image.size)
    except UnreadableError:
        return None


def resized(pixels_hwd: NDArray[np.uint8], size: int, colours: int) -> NDArray[np.uint8]:
    """Return the whole picture stretched to [size, size, colours]; a picture of that size stays as it is."""
    from PIL import Image

    found = pixels_hwd.shape[2]
    if found == colours and pixels_hwd.shape[:2] == (size, size):
        return pixels_hwd
    image = Image.fromarray(pixels_hwd[:, :, 0] if found == 1 else pixels_hwd)
    if found != colours:
        image = image.convert("L" if colours == 1 else "RGB")
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.uint8).reshape(size, size, colours)


def write_png(path: Path, pixels_hwd: NDArray[np.uint8]) -> None:
    """Write a picture, uint8 [height, width, 1 or 3]."""
    from PIL import Image

    with atomic_file(path) as temporary:
        Image.fromarray(pixels_hwd[:, :, 0] if pixels_hwd.shape[2] == 1 else pixels_hwd).save(temporary, format="PNG")


def _opened(path: Path) -> "Opened":
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size == 0:
            raise UnreadableError("0 bytes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata; of bombs beyond twice the limit there is an error
            return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableError("no PNG or JPEG") from error
    except Image.DecompressionBombError as error:
        raise UnreadableError("too many pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        reason = str(error.strerror).lower() if isinstance(error, OSError) and error.strerror else "damaged"
        raise UnreadableError(reason) from error


def _pixels(image: "Opened") -> NDArray[np.uint8]:
    from PIL import Image

    if image.mode in DEEP_MODES:
        values = np.asarray(image, dtype=np.float64) * (255.0 / WHITE_16)
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)[:, :, None]
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        gray = image.mode in GRAY_MODES
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("L" if gray else "RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode in GRAY_MODES else "RGB")
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
