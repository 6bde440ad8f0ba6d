"""A preprocessor: typed columns in, model-ready `Features` out; imputed, clipped, scaled, encoded, column by column.

It is data: settings, the names of the columns, small arrays per fitted quantity, and of texts the words. So it is saved
as safetensors and JSON, and `load` runs no code from a file. Which columns come out is fixed by the schema of the train
rows (`layout.py`). Nothing is fitted on a missing or infinite value: infinite ones count as missing.

Fitting has two steps: first what columns become numbers by (levels, means of the target, words), then what is done
with numbers (fill, clip, scale). The fit rows go through both in one call, because means of the target are out-of-fold
there.

Legend: n rows of one call, M measured columns, F numeric columns, G coded columns, q quantiles.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Arrays, Features, Preprocessor
from components.core.table import Schema, Table
from components.data.preprocessing import dates, encode, images, impute, outliers, scale, target_encoding
from components.data.preprocessing.layout import Layout
from components.data.preprocessing.rare import NONE_OF_THESE, level_map
from components.data.preprocessing.spec import PreprocessSpec, kind_of, spec_from_json
from components.data.preprocessing.text import TextModel, word_counts

LARGEST = 1e150  # numbers are held within it, so that squares and sums of them stay finite
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
ROWS_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class ColumnPreprocessor:
    """`components.core.contracts.Preprocessor`: fitted when `fitted` holds its arrays.

    Arrays: fill [M]; low, high [numbers]; centre, width [M] or quantiles [M, q]; and of category i `levels.i`
    (`rare.py`) and `means.i` (`target_encoding.py`), of text i `weights.i` and `directions.i` (`text.py`).
    """

    spec: PreprocessSpec
    layout: Layout
    seed: int = 0
    fitted: Arrays | None = None
    terms: tuple[tuple[str, ...], ...] = ()  # the words of each text column

    def fit(self, table: Table, rows: NDArray[np.int64]) -> "ColumnPreprocessor":
        """Return a copy fitted on these rows alone. Any number of rows will do, also of empty columns."""
        return self.fit_transform(table, rows)[0]

    def fit_transform(self, table: Table, rows: NDArray[np.int64]) -> "tuple[ColumnPreprocessor, Features]":
        """Return a fitted copy, and the features of these rows; means of the target are out-of-fold in them."""
        levels = self._levels(table, rows)
        means, of_rows = self._means(table, rows, levels)
        models = [
            TextModel.fit(word_counts(table, name), rows, self.layout.text_size, self.seed)
            for name in self.layout.texts
        ]
        texts: dict[str, NDArray[Any]] = {f"weights.{place}": model.weights_T for place, model in enumerate(models)}
        texts |= {f"directions.{place}": model.directions_TD for place, model in enumerate(models)}
        learned = replace(self, fitted={**levels, **means, **texts}, terms=tuple(model.terms for model in models))
        raw_nM = learned._measured(table, rows, of_rows)
        fitted = replace(learned, fitted={**(learned.fitted or {}), **self._fit_numbers(raw_nM)})
        return fitted, fitted._features(table, rows, raw_nM)

    def transform(self, table: Table, rows: NDArray[np.int64]) -> Features:
        """Return the features of these rows, in their order."""
        return self._features(table, rows, self._measured(table, rows, None))

    def state(self) -> tuple[Arrays, JSON]:
        """Return the fitted arrays and plain JSON: what `load` needs."""
        assert self.fitted is not None, "fit comes first"
        spec = {"kind": kind_of(self.spec), **self.spec.model_dump()}
        return self.fitted, {"spec": spec, "layout": asdict(self.layout), "terms": self.terms}

    def _levels(self, table: Table, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Say for each category what its levels become."""
        found = {}
        for place, one in enumerate(self.layout.categories):
            found[f"levels.{place}"] = level_map(
                table.column(one.name)[rows],
                len(one.levels),
                self.spec.rare,
                nobody=len(one.levels) if one.how == "target" else NONE_OF_THESE,
                keep_unseen=one.how in ("ordinal", "native"),
            )
        return found

    def _means(
        self, table: Table, rows: NDArray[np.int64], levels: Arrays
    ) -> tuple[dict[str, NDArray[Any]], dict[int, NDArray[np.float64]]]:
        """Return the target's means by level, and the out-of-fold ones of these rows by the category's place."""
        means: dict[str, NDArray[Any]] = {}
        of_rows: dict[int, NDArray[np.float64]] = {}
        answers = None
        for place, one in self.layout.encoded("target"):
            answers = answers or target_encoding.Answers.of(table, rows, self.seed)
            codes = levels[f"levels.{place}"][table.column(one.name)[rows]]
            means[f"means.{place}"], of_rows[place] = target_encoding.encoded(
                codes, len(one.levels), answers, self.spec.smoothing
            )
        return means, of_rows

    def _fit_numbers(self, raw_nM: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """Fit what is done with numbers, column by column, on those that are there."""
        present = [values[~np.isnan(values)] for values in raw_nM.T]
        found: dict[str, NDArray[Any]] = {}
        if self.spec.outliers == "clip":
            ends = [outliers.bounds(values) for values in present[: len(self.layout.numbers)]]
            found["low"], found["high"] = np.array(ends).reshape(-1, 2).T.copy()
            for place, (low, high) in enumerate(ends):
                present[place] = np.clip(present[place], low, high)
        found["fill"] = np.array([impute.stand_in(values, self.spec.impute, self.spec.fill) for values in present])
        if self.spec.scale == "quantile":
            count = scale.num_quantiles(len(raw_nM))
            found["quantiles"] = np.array([scale.quantiles(values, count) for values in present]).reshape(-1, count)
        elif self.spec.scale != "none":
            pairs = [scale.centre_and_width(values, self.spec.scale) for values in present]
            found["centre"], found["width"] = np.array(pairs).reshape(-1, 2).T.copy()
        return found

    def _measured(
        self, table: Table, rows: NDArray[np.int64], of_rows: dict[int, NDArray[np.float64]] | None
    ) -> NDArray[np.float64]:
        """Return the measured columns, NaN where they are missing [n, M]; `of_rows`: means that are known already."""
        assert self.fitted is not None, "fit comes first"
        parts: list[NDArray[np.float64]] = []
        for name in self.layout.numbers:
            values = table.column(name)[rows]
            parts.append(np.clip(np.where(np.isinf(values), np.nan, values), -LARGEST, LARGEST))
        for name in self.layout.dates:
            parts.extend(dates.numbers(table.column(name)[rows], self.spec.dates).T)
        for place, name in enumerate(self.layout.texts):
            parts.extend(self._text(place).transform(word_counts(table, name), rows).T)
        parts.extend(encode.ordinal(self._codes(table, rows, place)) for place, _ in self.layout.encoded("ordinal"))
        for place, _ in self.layout.encoded("target"):
            if of_rows is not None:
                parts.extend(of_rows[place].T)
            else:
                codes = self._codes(table, rows, place)
                parts.extend(target_encoding.looked_up(codes, self.fitted[f"means.{place}"]).T)
        parts.extend(table.column(name)[rows] for name in self.layout.booleans)
        raw_nM = np.empty((len(rows), len(parts)), order="F")
        for position, values in enumerate(parts):
            raw_nM[:, position] = values
        return raw_nM

    def _codes(self, table: Table, rows: NDArray[np.int64], place: int) -> NDArray[Any]:
        assert self.fitted is not None
        return self.fitted[f"levels.{place}"][table.column(self.layout.categories[place].name)[rows]]

    def _text(self, place: int) -> TextModel:
        assert self.fitted is not None
        return TextModel(
            terms=self.terms[place],
            weights_T=self.fitted[f"weights.{place}"],
            directions_TD=self.fitted[f"directions.{place}"],
        )

    def _features(self, table: Table, rows: NDArray[np.int64], raw_nM: NDArray[np.float64]) -> Features:
        names, num_measured = self.layout.names, raw_nM.shape[1]
        numeric = np.zeros((len(rows), len(names)), dtype=np.float32)
        self._finish(raw_nM, numeric[:, :num_measured])
        position = num_measured
        for name in self.layout.indicators:
            numeric[:, position] = _missing(table.column(name)[rows])
            position += 1
        for place, one in self.layout.encoded("one_hot"):
            count = self.layout.num_levels(one)
            numeric[:, position : position + count] = encode.one_hot(self._codes(table, rows, place), count)
            position += count
        codes = np.zeros((len(rows), len(self.layout.codes)), dtype=np.int32)
        for position, (place, _) in enumerate(self.layout.encoded(*encode.CODED)):
            codes[:, position] = encode.native(self._codes(table, rows, place))
        return Features(
            numeric_NF=numeric,
            codes_NG=codes,
            num_codes_G=tuple(count for _, count in self.layout.codes),
            names_F=names,
            names_G=tuple(name for name, _ in self.layout.codes),
            arrays={},
            num_numbers=self.layout.num_numbers,
        )

    def _finish(self, raw_nM: NDArray[np.float64], out_nM: NDArray[np.float32]) -> None:
        """Clip, fill and scale, a block of rows at a time: one block stays near, and one row costs no loop."""
        assert self.fitted is not None
        clipped, fill_M = len(self.layout.numbers), self.fitted["fill"]
        for start in range(0, len(raw_nM), ROWS_AT_ONCE):
            block = raw_nM[start : start + ROWS_AT_ONCE]
            if self.spec.outliers == "clip":
                ends = np.clip(block[:, :clipped], self.fitted["low"], self.fitted["high"])
                block = np.concatenate([ends, block[:, clipped:]], axis=1)
            block = impute.filled(block, fill_M)
            if self.spec.scale == "quantile":
                block = scale.all_to_normal(block, self.fitted["quantiles"])
            elif self.spec.scale == "none":
                block = np.clip(block, -LARGEST_FLOAT32, LARGEST_FLOAT32)
            else:
                block = scale.scaled(block, self.fitted["centre"], self.fitted["width"])
            out_nM[start : start + ROWS_AT_ONCE] = (
                scale.smoothly_clipped(block) if self.spec.scale == "robust_smooth" else block
            )


def _missing(values_n: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a typed column has no value: NaN or infinite, a negative code, no text."""
    if values_n.dtype == object:
        return np.array([not value for value in values_n], dtype=bool)
    return values_n < 0 if values_n.dtype.kind == "i" else ~np.isfinite(values_n)


def build(
    spec: PreprocessSpec | images.ImagePreprocess | images.PixelFeatures, schema: Schema, seed: int = 0
) -> Preprocessor:
    """Return the preprocessor, not yet fitted, for a schema that split has completed with the levels of train rows.

    `seed` decides the inner parts of `encode: target`, and how directions of texts are looked for.
    """
    if isinstance(spec, images.ImagePreprocess):
        return images.build_image(spec, schema)
    if isinstance(spec, images.PixelFeatures):
        return images.build_pixels(spec, schema)
    return ColumnPreprocessor(spec=spec, layout=Layout.of(spec, schema), seed=seed)


def load(arrays: Arrays, state: JSON) -> Preprocessor:
    """Return the fitted preprocessor that `state()` described."""
    if state["spec"]["kind"] == "image":
        return images.load_image(arrays, state)
    if state["spec"]["kind"] == "pixels":
        return images.load_pixels(arrays, state)
    return ColumnPreprocessor(
        spec=spec_from_json(state["spec"]),
        layout=Layout.from_json(state["layout"]),
        fitted=dict(arrays),
        terms=tuple(tuple(terms) for terms in state["terms"]),
    )
