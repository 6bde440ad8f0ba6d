"""Which column enters a model how, and which columns come out: known from schema and settings, before any row is seen.

What comes out, in this order:

    numbers   numeric columns, the parts of dates, the directions of texts, ordinal categories, means of the target
    flags     booleans, indicators of missing values, one-hot levels
    codes     one for each category that stays one, beside the numbers and flags
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from components.core.contracts import JSON
from components.core.table import ColumnSchema, Schema
from components.data.preprocessing import dates, target_encoding
from components.data.preprocessing.encode import CODED, How, encoding
from components.data.preprocessing.spec import NetworkPreprocess, PreprocessSpec, TreePreprocess


@dataclass(frozen=True, kw_only=True)
class Category:
    """A column of levels, and how it enters."""

    name: str
    levels: tuple[str, ...]  # those of all train rows
    how: How


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns that go in, by what is done with them, and the names of those that come out."""

    numbers: tuple[str, ...]
    dates: tuple[str, ...]
    texts: tuple[str, ...]
    booleans: tuple[str, ...]
    categories: tuple[Category, ...]
    indicators: tuple[str, ...]  # columns that get a flag where they miss a value
    date_parts: tuple[str, ...]
    text_size: int
    answers: tuple[str, ...]  # what the columns of `encode: target` are
    shares: bool  # whether rare levels have a place behind the others

    @classmethod
    def of(cls, spec: PreprocessSpec, schema: Schema) -> "Layout":
        """Lay out the feature columns of a schema; id columns are left out, and texts where they become no number."""
        above: How = "target"
        if isinstance(spec, NetworkPreprocess):
            above = "embedding"
        elif isinstance(spec, TreePreprocess):
            above = "native"
        named = {kind: tuple(c.name for c in schema.features if c.kind == kind) for kind in _PLAIN}
        categories = [_category(spec, column, above) for column in schema.features if column.kind == "categorical"]
        ordinals = [category.name for category in categories if category.how == "ordinal"]
        texts = named["text"] if spec.text else ()
        flagged = {*named["numeric"], *named["datetime"], *named["boolean"], *texts, *ordinals}
        return cls(
            numbers=named["numeric"],
            dates=named["datetime"],
            texts=texts,
            booleans=named["boolean"],
            categories=tuple(categories),
            indicators=tuple(
                c.name for c in schema.features if spec.indicator and c.missing is not False and c.name in flagged
            ),
            date_parts=dates.names(spec.dates),
            text_size=spec.text,
            answers=target_encoding.names(schema),
            shares=spec.rare > 1,
        )

    def encoded(self, *how: How) -> Iterator[tuple[int, Category]]:
        """Yield the categories that enter so, with their places among all categories."""
        return ((place, one) for place, one in enumerate(self.categories) if one.how in how)

    def num_levels(self, category: Category) -> int:
        """Count the levels of a category, the one that rare levels share too."""
        return len(category.levels) + self.shares

    @cached_property
    def num_numbers(self) -> int:
        """How many of the columns that come out are measured numbers."""
        return len(self._number_names)

    @cached_property
    def measured(self) -> tuple[str, ...]:
        """The columns that are imputed and scaled: the numbers, and booleans."""
        return (*self._number_names, *self.booleans)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the numeric columns that come out, in order."""
        levels = [f"{one.name}={level}" for _, one in self.encoded("one_hot") for level in self._levels(one)]
        return (*self.measured, *(f"{name} is missing" for name in self.indicators), *levels)

    @cached_property
    def codes(self) -> tuple[tuple[str, int], ...]:
        """The coded columns that come out, and how many codes each has: one stands for "none of these"."""
        return tuple((one.name, self.num_levels(one) + 1) for _, one in self.encoded(*CODED))

    @cached_property
    def _number_names(self) -> tuple[str, ...]:
        parts = [
            name if len(self.date_parts) == 1 else f"{name}: {part}" for name in self.dates for part in self.date_parts
        ]
        texts = [f"{name}: direction {number + 1}" for name in self.texts for number in range(self.text_size)]
        ordinals = [one.name for _, one in self.encoded("ordinal")]
        means = [f"{one.name}: {answer}" for _, one in self.encoded("target") for answer in self.answers]
        return (*self.numbers, *parts, *texts, *ordinals, *means)

    def _levels(self, category: Category) -> tuple[str, ...]:
        return (*category.levels, *(["(rare)"] if self.shares else []))

    @classmethod
    def from_json(cls, value: JSON) -> "Layout":
        """Read what `dataclasses.asdict` and JSON made of a layout."""
        categories = tuple(
            Category(name=one["name"], levels=tuple(one["levels"]), how=one["how"]) for one in value["categories"]
        )
        lists = ("numbers", "dates", "texts", "booleans", "indicators", "date_parts", "answers")
        return cls(
            categories=categories,
            text_size=value["text_size"],
            shares=value["shares"],
            **{name: tuple(value[name]) for name in lists},
        )


_PLAIN = ("numeric", "datetime", "text", "boolean")


def _category(spec: PreprocessSpec, column: ColumnSchema, above: How) -> Category:
    levels = column.levels or ()
    return Category(name=column.name, levels=levels, how=encoding(spec.encode, len(levels), above))
