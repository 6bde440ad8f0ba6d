"""Judge values against settings classes: all mistakes at once, each with place, value, rule and way out (UX 3.4).

One walk serves both kinds of sections. In a plain section every value is one value; below a search space (ARCHITECTURE
5) a value may be a range, and a field that is left out takes what its class searches by default. The result is a node
of `core.ranges`; `plain_of` turns a node without ranges back into JSON. pydantic has the last word on every class.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from components.core.errors import Mistake, did_you_mean
from components.core.ranges import Branches, Choice, Fixed, Group, Node
from components.core.specs import Spec
from components.project.documents import Place
from components.project.forms import Form, form_of_field, kind_of
from components.project.ranges import MISNAMED, RANGE_KEYS, number_of, range_of, wrong_in_range
from components.project.words import show, write
from components.project.written import first_point, left_out, plain_of

SWITCHES = {"on": "true", "yes": "true", "off": "false", "no": "false"}


class Reader:
    """Collects mistakes while it reads. `names` are the dotted words a person knows a place by, `at` finds its line."""

    def __init__(self) -> None:
        self.found: list[tuple[Place, Mistake]] = []

    def wrong(self, at: Place, names: Sequence[str], problem: str, way_out: str = "") -> None:
        """Note a mistake."""
        self.found.append((at, Mistake(place=".".join(names), problem=problem, way_out=way_out)))

    def doubt(self, at: Place, names: Sequence[str], problem: str) -> None:
        """Note what may not be meant, but stops nothing."""
        self.found.append((at, Mistake(place=".".join(names), problem=problem, way_out="", doubt=True)))

    def group(
        self, spec: type[Spec], value: Mapping[str, Any], at: Place, names: tuple[str, ...], *, searched: bool
    ) -> Group:
        """Read a mapping as a class. Where it is searched, fields that are left out are there, too."""
        kind, fields = kind_of(spec), {}
        allowed = [name for name in spec.model_fields if name != "kind"]
        for key in value:
            if key not in allowed and key not in ("kind", "name"):
                near = did_you_mean(key, allowed)
                near = near.replace("'", f"'{'.'.join(names)}.", 1) if near and names else near
                known = f"Its keys are {', '.join(allowed)}." if allowed else "Nothing can be set there."
                self.wrong((*at, key), (*names, key), "is not a key.", near or known)
        for name in allowed:
            form = form_of_field(spec, name)
            if name in value:
                node = self.node(form, value[name], (*at, name), (*names, name), searched=searched)
                if node is not None:
                    fields[name] = node
            elif spec.model_fields[name].is_required():
                self.wrong(at, (*names, name), "is missing.", f"Add it: {spec.model_fields[name].description}.")
            elif searched and form.space is None:
                node = self.node(form, left_out(spec, name), at, (*names, name), searched=True)
                assert node is not None, f"the default of {spec.__name__}.{name} is no valid value"
                fields[name] = node
        return Group(fields=fields, kind=kind)

    def node(self, form: Form, value: Any, at: Place, names: tuple[str, ...], *, searched: bool) -> Node | None:
        """Read one value; None after a mistake."""
        searched = searched or form.space is not None
        if form.anything:
            return Fixed(value=value)
        value = _settled_words(form, value)
        if isinstance(value, Mapping) and form.values is None:
            if "choose" in value or (not form.specs and set(value) & {*RANGE_KEYS, *MISNAMED}):
                return self._range_or_choice(form, value, at, names, searched=searched)
            if form.specs:
                return self._class(form, value, at, names, searched=searched)
        elif isinstance(value, Mapping) and form.values is not None:
            return self._mapping(form.values, value, at, names)
        elif isinstance(value, list) and form.items is not None:
            return self._list(form.items, value, at, names)
        elif isinstance(value, str) and (value in form.kinds or (form.space and value in form.space.refused)):
            return self._class(form, {"kind": value}, at, names, searched=searched)
        fixed = self._leaf(form, value, at, names)
        return None if fixed is None else fixed

    def _leaf(self, form: Form, value: Any, at: Place, names: tuple[str, ...]) -> Fixed | None:
        if isinstance(value, str) and value in form.words:
            return Fixed(value=value)
        if isinstance(value, bool) and form.truth:
            return Fixed(value=value)
        if value is None and form.null:
            return Fixed(value=None)
        number = number_of(value) if (form.whole or form.real) and not isinstance(value, bool) else None
        if number is not None and form.within(number):
            if form.real:
                return Fixed(value=float(number))
            if float(number).is_integer():
                return Fixed(value=int(number))
        if form.text and not isinstance(value, (list, Mapping)):
            return Fixed(value=value if isinstance(value, str) else write(value))
        if form.truth and isinstance(value, str) and not (form.whole or form.real or form.words):
            self.wrong(at, names, f"is the word '{value}'.", f"Write {SWITCHES.get(value.lower(), 'true or false')}.")
            return None
        near = did_you_mean(value, form.all_words) if isinstance(value, str) else ""
        self.wrong(at, names, f"is {show(value)}, not {form.describe()}.", near)
        return None

    def _list(self, items: Form, value: list[Any], at: Place, names: tuple[str, ...]) -> Fixed:
        nodes = [self.node(items, item, (*at, i), names, searched=False) for i, item in enumerate(value)]
        return Fixed(value=[plain_of(node) for node in nodes if node is not None])

    def _mapping(self, values: Form, value: Mapping[str, Any], at: Place, names: tuple[str, ...]) -> Fixed:
        nodes = {key: self.node(values, item, (*at, key), (*names, key), searched=False) for key, item in value.items()}
        return Fixed(value={key: plain_of(node) for key, node in nodes.items() if node is not None})

    def _class(
        self, form: Form, value: Mapping[str, Any], at: Place, names: tuple[str, ...], *, searched: bool
    ) -> Group | None:
        """Read {kind: adamw, lr: ...}, or the only class of a form."""
        kinds = form.kinds
        obvious = bool(kinds) and (form.space is not None or len(form.specs) == 1)  # of a space, the first one
        word = value.get("kind", next(iter(kinds)) if obvious else None)
        if not kinds:
            group = self.group(form.specs[0], value, at, names, searched=searched)
            return self._checked(form.specs[0], group, at, names)
        if form.space is not None and word in form.space.refused:
            way_out = f"Write one of {', '.join(kinds)}."
            self.wrong((*at, "kind"), (*names, "kind"), f"is {word}, which {form.space.refused[word]}.", way_out)
            return None
        if not isinstance(word, str) or word not in kinds:
            rule = f"not one of {', '.join(kinds)}."
            problem = "has no kind." if word is None else f"is {show(word)}, {rule}"
            way_out = f"Write kind: one of {', '.join(kinds)}." if word is None else did_you_mean(str(word), kinds)
            self.wrong((*at, "kind"), names if word is None else (*names, "kind"), problem, way_out)
            return None
        named = str(value.get("name", word))
        group = self.group(kinds[word], value, at, (*names, named), searched=searched)
        return self._checked(kinds[word], group, at, (*names, named))

    def _checked(self, spec: type[Spec], group: Group, at: Place, names: tuple[str, ...]) -> Group:
        """Let the class itself judge a first point of a group: validators over several fields live there."""
        if not any(place[: len(at)] == at for place, _ in self.found) and _complete(spec, group):
            self.last_word(spec, first_point(group), at, names)
        return group

    def last_word(self, spec: type[Spec], value: Any, at: Place, names: tuple[str, ...]) -> Spec | None:
        """Return the settings, or note what pydantic finds wrong with them."""
        try:
            return spec.model_validate(value)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                inside = [str(part) for part in one["loc"] if str(part) in spec.model_fields]
                message = str(one["msg"]).removeprefix("Value error, ").rstrip(".")
                self.wrong((*at, *inside), (*names, *inside), f"cannot be so: {message}.")
            return None

    def _range_or_choice(
        self, form: Form, value: Mapping[str, Any], at: Place, names: tuple[str, ...], *, searched: bool
    ) -> Node | None:
        for key in value:
            if key not in (*RANGE_KEYS, "choose"):
                near = f"Did you mean '{MISNAMED[key]}'?" if key in MISNAMED else "A range has low, high, step, log."
                self.wrong((*at, key), (*names, key), "is not a key of a range.", near)
                return None
        if not searched:
            self.wrong(at, names, f"is {show(value)}: nothing is searched here.", f"Write {form.describe()}.")
            return None
        if "choose" in value:
            return self._choice(form, value, at, names)
        return self._range(form, value, at, names)

    def _choice(self, form: Form, value: Mapping[str, Any], at: Place, names: tuple[str, ...]) -> Node | None:
        options = value["choose"]
        if not isinstance(options, list) or len(options) < 2 or len(value) > 1:
            rule = "choose is a list of at least two values, with nothing beside it."
            self.wrong(at, names, f"is {show(value)}: {rule}", "One value alone is written without choose.")
            options = options if isinstance(options, list) else []
            searchable = False
        else:
            searchable = True
        nodes: list[Node] = []
        for position, option in enumerate(options):
            node = self.node(form, option, (*at, "choose", position), names, searched=True)
            if node is not None and node in nodes and not isinstance(node, Group):
                self.wrong((*at, "choose", position), names, f"names {show(option)} twice.", "Take one of them out.")
            nodes.extend([node] if node is not None else [])
        if not searchable or len(nodes) < len(options):
            return None
        if not all(isinstance(node, Group) and node.kind is not None for node in nodes):
            return Choice(options=tuple(nodes))
        groups: dict[str, Group] = {}
        for position, (option, group) in enumerate(zip(options, nodes, strict=True)):
            assert isinstance(group, Group)
            word = str(option.get("name", group.kind) if isinstance(option, Mapping) else group.kind)
            if word in groups:
                cure = f"Give each a name: {{kind: {group.kind}, name: ..., ...}}."
                self.wrong((*at, "choose", position), (*names, word), "stands twice in one list.", cure)
            groups[word] = group
        return Branches(groups=groups)

    def _range(self, form: Form, value: Mapping[str, Any], at: Place, names: tuple[str, ...]) -> Node | None:
        rule = wrong_in_range(form, value)
        if rule is None:
            return range_of(form, value)
        self.wrong(at, names, f"is {show(value)}{rule[0]}", rule[1])
        return None


def _complete(spec: type[Spec], group: Group) -> bool:
    return all(name in group.fields for name, info in spec.model_fields.items() if info.is_required())


def _settled_words(form: Form, value: Any) -> Any:
    """Read the words for nothing and for "yes, as it is": null, none, true."""
    if value is None and not form.null:
        value = "none"
    if value == "none" and "none" not in form.words:
        if form.null:
            return None
        if form.items is not None:
            return []
        if form.values is not None or (form.specs and not form.words):
            return {}
    if value is True and not form.truth and any(kind_of(spec) is None for spec in form.specs):
        return {}
    if isinstance(value, (str, int, float)) and form.items is not None and not isinstance(value, bool):
        return value if value in form.words else [value]
    return value
