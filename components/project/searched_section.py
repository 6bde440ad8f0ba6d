"""A section that is a search space as a whole: any of its values may be a range (`augment`, for pictures).

The stage of the section takes one value of each; the search that lists the section too takes the space. Where the
stage itself makes something of the values (`copies` above 0), before any search, a range is a mistake.
"""

from collections.abc import Mapping
from typing import Any

from components.core.ranges import Fixed, Group
from components.core.specs import Spec
from components.project.documents import Place
from components.project.reading import Reader
from components.project.space import parse_space
from components.project.written import first_point

COUNT = "copies"  # more than 0: the stage makes rows, once


class SearchedSection(Spec):
    """What was written in the section, judged; `of` is the settings class."""

    of: Any
    values: Any

    def space(self) -> Group:
        """Return what is searched, without the count."""
        found = parse_space(self.values, self.of)
        assert isinstance(found, Group)
        return Group(fields={name: node for name, node in found.fields.items() if name != COUNT})

    def settled(self) -> Any:
        """Return the settings with one value of each; of a range its low end, which nothing is made of."""
        return self.of.model_validate(first_point(parse_space(self.values, self.of)))


def searched_section(spec: type[Spec], value: Mapping[str, Any], at: Place, reader: Reader) -> SearchedSection | None:
    """Judge a section; mistakes go to the reader."""
    before = len(reader.found)
    names = tuple(str(part) for part in at)
    group = reader.group(spec, value, at, names, searched=True)
    if len(reader.found) > before:
        return None
    count = group.fields[COUNT]
    if count != Fixed(value=0):
        for name, node in group.fields.items():
            if not isinstance(node, Fixed):
                problem = f"is a range, but with {'.'.join(names)}.{COUNT} above 0 pictures are made before any search."
                reader.wrong((*at, name), (*names, name), problem, f"Write one value, or {COUNT}: 0.")
    if len(reader.found) == before:
        reader.last_word(spec, first_point(group), at, names)
    return None if len(reader.found) > before else SearchedSection(of=spec, values=dict(value))
