"""A preprocessor: typed columns in, model-ready `Features` out; imputed, scaled, encoded, column by column.

It is data: settings, the names of the columns, and one small array per fitted quantity. So it is saved as safetensors
and JSON, and `load` runs no code from a file. All columns that come out are fixed by the schema of the train rows, in
this order: numbers (numeric, boolean, datetime, and ordinal categories), indicators of missing values, one-hot levels;
native codes beside them. Nothing is fitted on a missing or infinite value: infinite ones count as missing.

Legend: n rows of one call, F numeric columns, G coded columns, q quantiles.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Features, Preprocessor
from components.core.table import Schema, Table
from components.data.preprocessing import encode, images, impute, scale
from components.data.preprocessing.spec import NetworkPreprocess, PreprocessSpec, spec_from_json

LARGEST = 1e150  # numbers are held within it, so that squares and sums of them stay finite
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column enters how; all of it known from schema and settings, before any row is seen."""

    numbers: tuple[str, ...]
    ordinals: tuple[str, ...]
    indicators: tuple[str, ...]  # those of numbers and ordinals that get one
    one_hots: tuple[tuple[str, tuple[str, ...]], ...]  # column, its levels
    codes: tuple[tuple[str, int], ...]  # column, count of its codes: levels and one for "none of these"

    @classmethod
    def of(cls, spec: PreprocessSpec, schema: Schema) -> "Layout":
        """Lay out the feature columns of a schema; text and id columns are left out."""
        numbers = [c for c in schema.features if c.kind in ("numeric", "boolean", "datetime")]
        categories = [(c, c.levels or ()) for c in schema.features if c.kind == "categorical"]
        how = {c.name: encode.encoding(spec.encode, len(levels)) for c, levels in categories}
        ordinals = [c for c, _ in categories if how[c.name] == "ordinal"]
        return cls(
            numbers=tuple(c.name for c in numbers),
            ordinals=tuple(c.name for c in ordinals),
            indicators=tuple(c.name for c in [*numbers, *ordinals] if spec.indicator and c.missing is not False),
            one_hots=tuple((c.name, levels) for c, levels in categories if how[c.name] == "one_hot"),
            codes=tuple((c.name, len(levels) + 1) for c, levels in categories if how[c.name] == "native"),
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """The columns that are imputed and scaled."""
        return self.numbers + self.ordinals

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the numeric columns that come out, in order."""
        levels = [f"{name}={level}" for name, levels in self.one_hots for level in levels]
        return (*self.measured, *(f"{name} is missing" for name in self.indicators), *levels)

    @classmethod
    def from_json(cls, value: JSON) -> "Layout":
        """Read what `dataclasses.asdict` and JSON made of a layout."""
        return cls(
            numbers=tuple(value["numbers"]),
            ordinals=tuple(value["ordinals"]),
            indicators=tuple(value["indicators"]),
            one_hots=tuple((name, tuple(levels)) for name, levels in value["one_hots"]),
            codes=tuple((name, count) for name, count in value["codes"]),
        )


@dataclass(frozen=True, kw_only=True)
class ColumnPreprocessor:
    """`components.core.contracts.Preprocessor`: fitted when `fitted` holds the arrays of impute and scale."""

    spec: PreprocessSpec
    layout: Layout
    fitted: Arrays | None = None  # fill [M]; centre, width [M] or quantiles [M, q]; M = len(layout.measured)

    def fit(self, table: Table, rows: NDArray[np.int64]) -> "ColumnPreprocessor":
        """Return a copy fitted on these rows alone. Any number of rows will do, also of empty columns."""
        present = [values[~np.isnan(values)] for values in self._measured(table, rows)]
        fitted: dict[str, NDArray[Any]] = {
            "fill": np.array([impute.stand_in(values, self.spec.impute, self.spec.fill) for values in present])
        }
        if self.spec.scale == "quantile":
            count = scale.num_quantiles(len(rows))
            fitted["quantiles"] = np.array([scale.quantiles(values, count) for values in present]).reshape(-1, count)
        elif self.spec.scale != "none":
            pairs = [scale.centre_and_width(values, self.spec.scale) for values in present]
            fitted["centre"] = np.array([centre for centre, _ in pairs])
            fitted["width"] = np.array([width for _, width in pairs])
        return replace(self, fitted=fitted)

    def fit_transform(self, table: Table, rows: NDArray[np.int64]) -> "tuple[ColumnPreprocessor, Features]":
        """Return a fitted copy, and the features of these rows as a model is to be fitted on them."""
        fitted = self.fit(table, rows)
        return fitted, fitted.transform(table, rows)

    def transform(self, table: Table, rows: NDArray[np.int64]) -> Features:
        """Return the features of these rows, in their order."""
        assert self.fitted is not None, "fit comes first"
        names = self.layout.names
        numeric = np.zeros((len(rows), len(names)), dtype=np.float32)
        measured = self._measured(table, rows)
        for position, values in enumerate(measured):
            numeric[:, position] = self._finished(values, position)
        for position, name in enumerate(self.layout.indicators, start=len(measured)):
            numeric[:, position] = np.isnan(measured[self.layout.measured.index(name)])
        position = len(measured) + len(self.layout.indicators)
        for name, levels in self.layout.one_hots:
            numeric[:, position : position + len(levels)] = encode.one_hot(table.column(name)[rows], len(levels))
            position += len(levels)
        codes = np.zeros((len(rows), len(self.layout.codes)), dtype=np.int32)
        for position, (name, _) in enumerate(self.layout.codes):
            codes[:, position] = encode.native(table.column(name)[rows])
        return Features(
            numeric_NF=numeric,
            codes_NG=codes,
            num_codes_G=tuple(count for _, count in self.layout.codes),
            names_F=names,
            names_G=tuple(name for name, _ in self.layout.codes),
            arrays={},
            num_numbers=len(self.layout.measured),
        )

    def state(self) -> tuple[Arrays, JSON]:
        """Return the fitted arrays (float64) and plain JSON: what `load` needs."""
        assert self.fitted is not None, "fit comes first"
        kind = "network" if isinstance(self.spec, NetworkPreprocess) else "trees"
        return self.fitted, {"spec": {"kind": kind, **self.spec.model_dump()}, "layout": asdict(self.layout)}

    def _measured(self, table: Table, rows: NDArray[np.int64]) -> Sequence[NDArray[np.float64]]:
        numbers = [table.column(name)[rows] for name in self.layout.numbers]
        held = [np.clip(np.where(np.isinf(values), np.nan, values), -LARGEST, LARGEST) for values in numbers]
        return [*held, *(encode.ordinal(table.column(name)[rows]) for name in self.layout.ordinals)]

    def _finished(self, values_n: NDArray[np.float64], position: int) -> NDArray[np.float64]:
        assert self.fitted is not None
        values_n = impute.filled(values_n, float(self.fitted["fill"][position]))
        if self.spec.scale == "quantile":
            return scale.to_normal(values_n, self.fitted["quantiles"][position])
        if self.spec.scale == "none":
            return np.clip(values_n, -LARGEST_FLOAT32, LARGEST_FLOAT32)
        return scale.scaled(values_n, float(self.fitted["centre"][position]), float(self.fitted["width"][position]))


def build(spec: PreprocessSpec | images.ImagePreprocess | images.PixelFeatures, schema: Schema) -> Preprocessor:
    """Return the preprocessor, not yet fitted, for a schema that split has completed with the levels of train rows."""
    if isinstance(spec, images.ImagePreprocess):
        return images.build_image(spec, schema)
    if isinstance(spec, images.PixelFeatures):
        return images.build_pixels(spec, schema)
    return ColumnPreprocessor(spec=spec, layout=Layout.of(spec, schema))


def load(arrays: Arrays, state: JSON) -> Preprocessor:
    """Return the fitted preprocessor that `state()` described."""
    if state["spec"]["kind"] == "image":
        return images.load_image(arrays, state)
    if state["spec"]["kind"] == "pixels":
        return images.load_pixels(arrays, state)
    layout = Layout.from_json(state["layout"])
    return ColumnPreprocessor(spec=spec_from_json(state["spec"]), layout=layout, fitted=dict(arrays))
