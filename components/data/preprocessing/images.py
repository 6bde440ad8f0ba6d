"""Pictures as a model's input: shares of full brightness, of one size; nothing but their scale is fitted.

A network gets the raw bytes and, per colour, a centre and a width: (x - centre) / width for x in [0, 1], applied where
it trains, so that one copy of the pictures serves all folds. Trees and lines get the same pixels as plain columns.

Legend: n pictures of one call, H W D height, width and colours.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Features
from components.core.specs import Spec, setting
from components.core.table import IMAGE, Schema, Table

WHITE = 255.0
AT_ONCE = 4096  # pictures that are looked at together
LEAST_WIDTH = 1.0e-3  # a colour that is the same everywhere is only centred

FEATURES = "pixels: every pixel is a column | embedding: what the best network sees, after search"  # of trees and lines

ImageScale = Literal["standard", "unit", "symmetric"]


class ImagePreprocess(Spec):
    """How pictures become a network's inputs; fitted inside each fold."""

    scale: ImageScale = setting("standard", "standard (per colour) | unit [0, 1] | symmetric [-1, 1]")


class PixelFeatures(Spec):
    """Pictures as plain columns for trees and lines: every pixel is one, from 0 to 1."""

    features: Literal["pixels"] = setting("pixels", "pixels: every pixel is a column")


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessor:
    """`components.core.contracts.Preprocessor` for networks: bytes out, and what to do with them."""

    spec: ImagePreprocess
    shape: tuple[int, ...]  # (H, W, D)
    centre_D: NDArray[np.float64] | None = None  # of x in [0, 1]; fitted when it is there
    width_D: NDArray[np.float64] | None = None

    def fit(self, table: Table, rows: NDArray[np.int64]) -> "ImagePreprocessor":
        """Return a copy fitted on these rows alone."""
        colours = self.shape[-1]
        if self.spec.scale == "unit":
            centre_D, width_D = np.zeros(colours), np.ones(colours)
        elif self.spec.scale == "symmetric":
            centre_D, width_D = np.full(colours, 0.5), np.full(colours, 0.5)
        else:
            centre_D, width_D = _centre_and_width(table, rows, colours)
        return replace(self, centre_D=centre_D, width_D=width_D)

    def fit_transform(self, table: Table, rows: NDArray[np.int64]) -> "tuple[ImagePreprocessor, Features]":
        """Return a fitted copy, and the pictures of these rows."""
        fitted = self.fit(table, rows)
        return fitted, fitted.transform(table, rows)

    def transform(self, table: Table, rows: NDArray[np.int64]) -> Features:
        """Return the pictures of these rows, uint8 [n, H, W, D]."""
        return _features(np.zeros((len(rows), 0), dtype=np.float32), (), {IMAGE: table.array(IMAGE, rows)})

    def state(self) -> tuple[Arrays, JSON]:
        """Return what `load` needs."""
        assert self.centre_D is not None, "fit comes first"
        assert self.width_D is not None
        state = {"spec": {"kind": "image", **self.spec.model_dump()}, "shape": list(self.shape)}
        return {"centre": self.centre_D, "width": self.width_D}, state


@dataclass(frozen=True, kw_only=True)
class PixelPreprocessor:
    """`components.core.contracts.Preprocessor` for trees and lines: pixels as columns. Nothing is fitted."""

    spec: PixelFeatures
    shape: tuple[int, ...]

    def fit(self, table: Table, rows: NDArray[np.int64]) -> "PixelPreprocessor":
        """Return itself."""
        return self

    def fit_transform(self, table: Table, rows: NDArray[np.int64]) -> "tuple[PixelPreprocessor, Features]":
        """Return itself, and the pixels of these rows."""
        return self, self.transform(table, rows)

    def transform(self, table: Table, rows: NDArray[np.int64]) -> Features:
        """Return the pixels of these rows as columns, row of pixels after row of pixels [n, H * W * D]."""
        numeric_nF = table.array(IMAGE, rows).reshape(len(rows), math.prod(self.shape)).astype(np.float32)
        numeric_nF /= np.float32(WHITE)
        return _features(numeric_nF, pixel_names(self.shape), {})

    def state(self) -> tuple[Arrays, JSON]:
        """Return what `load` needs."""
        return {}, {"spec": {"kind": "pixels", **self.spec.model_dump()}, "shape": list(self.shape)}


def build_image(spec: ImagePreprocess, schema: Schema) -> ImagePreprocessor:
    """Return the preprocessor of networks, not yet fitted."""
    return ImagePreprocessor(spec=spec, shape=_shape_of(schema))


def build_pixels(spec: PixelFeatures, schema: Schema) -> PixelPreprocessor:
    """Return the preprocessor of trees and lines."""
    return PixelPreprocessor(spec=spec, shape=_shape_of(schema))


def load_image(arrays: Arrays, state: JSON) -> ImagePreprocessor:
    """Return the fitted preprocessor that `state()` described."""
    spec = ImagePreprocess(scale=state["spec"]["scale"])
    return ImagePreprocessor(spec=spec, shape=tuple(state["shape"]), centre_D=arrays["centre"], width_D=arrays["width"])


def load_pixels(arrays: Arrays, state: JSON) -> PixelPreprocessor:
    """Return the preprocessor that `state()` described."""
    spec = PixelFeatures(features=state["spec"]["features"])
    return PixelPreprocessor(spec=spec, shape=tuple(state["shape"]))


def pixel_names(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Name every pixel as a column: "row 3 column 5", and its colour where there are several."""
    height, width, colours = shape
    called = ("",) if colours == 1 else (" red", " green", " blue")
    return tuple(f"row {r} column {c}{colour}" for r in range(height) for c in range(width) for colour in called)


def _centre_and_width(
    table: Table, rows: NDArray[np.int64], colours: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each colour: whole sums, so that no order of adding can change a bit."""
    total_D, squares_D, count = np.zeros(colours, dtype=np.int64), np.zeros(colours, dtype=np.int64), 0
    for start in range(0, len(rows), AT_ONCE):
        pixels_MD = table.array(IMAGE, rows[start : start + AT_ONCE]).reshape(-1, colours)
        counts_LD = np.stack([np.bincount(pixels_MD[:, d], minlength=256) for d in range(colours)], axis=1)
        levels_L1 = np.arange(256, dtype=np.int64)[:, None]
        total_D += (counts_LD * levels_L1).sum(axis=0)
        squares_D += (counts_LD * levels_L1**2).sum(axis=0)
        count += len(pixels_MD)
    mean_D = total_D / max(1, count)
    width_D = np.sqrt(np.maximum(squares_D / max(1, count) - mean_D**2, 0.0)) / WHITE
    return mean_D / WHITE, np.where(width_D < LEAST_WIDTH, 1.0, width_D)


def _shape_of(schema: Schema) -> tuple[int, ...]:
    assert schema.picture is not None, "only pictures have pixels"
    return schema.picture


def _features(numeric_nF: NDArray[np.float32], names: tuple[str, ...], arrays: Arrays) -> Features:
    return Features(
        numeric_NF=numeric_nF,
        codes_NG=np.zeros((len(numeric_nF), 0), dtype=np.int32),
        num_codes_G=(),
        names_F=names,
        names_G=(),
        arrays=arrays,
        num_numbers=len(names),
    )
