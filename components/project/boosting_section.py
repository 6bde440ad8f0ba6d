"""The section `boosting`: how is searched and stopped (`components/ensembles/boosting.py`), and over which trees.

The file says one `trees` for every library. `boosting_space` makes of it what is searched: a branch for each library
with the lines that it has a counterpart for, its own range where a line stands as by default, and `rows: auto` settled
by the size of the table.
"""

from typing import Annotated, Any

from components.core.contracts import JSON
from components.core.ranges import Branches, Choice, Fixed, Group, Node, SpaceOf
from components.core.specs import setting
from components.data.preprocessing.spec import TreePreprocess
from components.ensembles.boosting import BoostingSettings, Direction, Sample, TreesSpec
from components.ensembles.boosting_fit import Library
from components.ensembles.boosting_libraries import FIRST, LARGE, LIBRARIES, refusals
from components.project.forms import form_of_field
from components.project.space import parse_space, space_of
from components.project.written import left_out


class BoostingSpec(BoostingSettings):
    """Gradient-boosted trees, tuned on the same folds. Below trees and preprocess any value may be a range."""

    monotone: dict[str, Direction] = setting(
        {}, "{tenure: falling}: the answer, or the second class, never rises with it; numbers only"
    )
    trees: Annotated[Any, SpaceOf(TreesSpec)] = setting({}, "one booster; a line as here means the library's own range")
    preprocess: Annotated[Any, SpaceOf(TreePreprocess)] = setting({}, "fitted inside each fold")

    def preprocess_of(self, candidate: JSON) -> TreePreprocess:
        """Return what is fitted for a candidate in each fold."""
        return TreePreprocess.model_validate(candidate["preprocess"])


def boosting_space(section: BoostingSettings, sample: Sample = None) -> Group:
    """Return what is searched; `sample`: rows of a part of a large table (`sample_of`), None on all others."""
    of = form_of_field(type(section), "trees").specs[0]
    written: JSON = getattr(section, "trees", {})
    groups: dict[str, Group] = {word: _trees(LIBRARIES[word], of, written, sample) for word in section.libraries}
    trees: Node = Branches(groups=groups) if len(groups) > 1 else groups[section.libraries[0]]
    if section.libraries == (FIRST,):
        trees = Group(fields=groups[FIRST].fields)  # without a kind: its parameters keep short names
    return Group(fields={**space_of(section).fields, "trees": trees})


def _trees(library: Library, of: type[Any], written: JSON, sample: Sample) -> Group:
    ranges = {**library.ranges, **({} if sample is None else LARGE)}
    ranges = {word: found for word, found in ranges.items() if left_out(of, word) == left_out(TreesSpec, word)}
    own = {word: value for word, value in written.items() if value != left_out(of, word)}
    found = parse_space({**ranges, **own}, of, name="trees")
    assert isinstance(found, Group), "one class is one group"
    fields = {word: node for word, node in found.fields.items() if word not in library.lacks}
    if fields["rows"] == Fixed(value="auto"):
        whole = Fixed(value="all")
        fields["rows"] = whole if sample in (None, "all") else Choice(options=(Fixed(value=sample), whole))
    return Group(fields=fields, kind=library.word)


def refused_settings(section: BoostingSettings) -> list[tuple[tuple[str, ...], str, str]]:
    """Return what a section asks of a library that cannot do it: key below `boosting`, what is wrong, the way out."""
    of = form_of_field(type(section), "trees").specs[0]
    return list(refusals(section.libraries, getattr(section, "trees", {}), lambda word: left_out(of, word)))
