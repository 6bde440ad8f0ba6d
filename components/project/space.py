"""Search spaces out of params.yaml: from the user's notation to the tree that `search` asks Optuna through.

The space has the shape of what it searches: a class becomes a `Group` of its fields, classes known by a word become
`Branches`, and every other value is set, a range or a choice. What is left out takes the range that its class searches
by default, so that the space is whole: `data/search/space.yaml` shows it.
"""

from typing import Any

from components.core.errors import Mistakes
from components.core.ranges import Group, Node, SpaceOf
from components.core.specs import Spec
from components.project.documents import plain
from components.project.forms import Form, form_of_field
from components.project.reading import Reader


def parse_space(value: Any, *specs: type[Spec], name: str = "space") -> Node:
    """Read the space of one or several classes from values in the notation of params.yaml. Raises `Mistakes`."""
    reader = Reader()
    node = reader.node(Form(specs=specs, space=SpaceOf(*specs)), plain(value), (), (name,), searched=True)
    if reader.found or node is None:
        raise Mistakes("params.yaml", [mistake for _, mistake in reader.found])
    return node


def space_of(section: Spec) -> Group:
    """Return the space of a section: one field for each of its fields that is a search space.

    `space_of(SearchSpec)` has preprocess, network and training; `space_of(BoostingSpec)` trees and preprocess.
    """
    spec = type(section)
    fields = {
        name: parse_space(getattr(section, name), *form.specs, name=name)
        for name in spec.model_fields
        if (form := form_of_field(spec, name)).space is not None
    }
    return Group(fields=fields)
