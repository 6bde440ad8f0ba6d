"""A space in the notation of params.yaml becomes the tree that `search` asks through; what is left out is searched."""

import subprocess
import sys

import pytest

from components.core.errors import Mistakes
from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange
from components.core.specs import Spec, setting
from components.networks.mlp import MLP
from components.project.search_section import SearchSpec
from components.project.space import parse_space, space_of
from components.search.space import settle
from components.training.spec import TrainingSpec


class Lamp(Spec):
    watts: int = setting(40, "power", ge=1, search={"low": 10, "high": 60, "step": 10})
    dim: float = setting(0.0, "how dark", ge=0, le=1)
    on: bool = setting(True, "lit")


def test_a_field_left_out_takes_what_its_class_searches_else_its_default():
    assert parse_space({}, Lamp) == Group(
        fields={
            "watts": IntRange(low=10, high=60, step=10),
            "dim": Fixed(value=0.0),
            "on": Fixed(value=True),
        }
    )


@pytest.mark.parametrize(
    ("written", "node"),
    [
        (0.5, Fixed(value=0.5)),
        ({"low": 0, "high": 1}, FloatRange(low=0.0, high=1.0)),  # the field is real, whatever the ends look like
        ({"low": 0, "high": 1, "step": 0.25}, FloatRange(low=0.0, high=1.0, step=0.25)),
        ({"low": 1e-4, "high": 1, "log": True}, FloatRange(low=1e-4, high=1.0, log=True)),
        ({"low": 0.5, "high": 0.5}, Fixed(value=0.5)),
        (
            {"choose": [0.0, {"low": 0.1, "high": 0.5}]},
            Choice(options=(Fixed(value=0.0), FloatRange(low=0.1, high=0.5))),
        ),
    ],
)
def test_every_form_of_a_range(written, node):
    space = parse_space({"dim": written}, Lamp)
    assert isinstance(space, Group)
    assert space.fields["dim"] == node


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"low": 0.2}, "high is missing"),
        ({"low": 0.9, "high": 0.2}, r"low is above high. Write \{low: 0.2, high: 0.9\}"),
        ({"low": 0, "high": 1, "log": True}, "log needs low above 0"),
        ({"low": 0.1, "high": 1, "log": True, "step": 0.1}, "log and step do not go together"),
        ({"low": 0, "high": 1, "step": 0}, "step is not above 0"),
        ({"low": 0, "high": 2}, "not a number from 0 to 1"),
        ({"low": "a", "high": 1}, "its ends are numbers"),
        ({"choose": [0.1]}, "at least two values"),
        ({"choose": [0.1, 0.1]}, "names 0.1 twice"),
        ({"options": [0.1, 0.2]}, "not a key of a range. Did you mean 'choose'"),
        (True, "is true, not a number from 0 to 1"),
        (float("nan"), "not a number from 0 to 1"),
    ],
)
def test_mistakes_that_deserve_their_own_sentence(written, message):
    with pytest.raises(Mistakes, match=message):
        parse_space({"dim": written}, Lamp)


def test_a_range_of_whole_numbers_has_whole_ends():
    with pytest.raises(Mistakes, match="whole numbers are meant"):
        parse_space({"watts": {"low": 1, "high": 2.5}}, Lamp)


def test_classes_known_by_a_word_become_branches_and_one_alone_a_group():
    space = parse_space({"optimizer": {"choose": ["adam", {"kind": "sgd", "lr": 0.1}]}}, TrainingSpec)
    assert isinstance(space, Group)
    branches = space.fields["optimizer"]
    assert isinstance(branches, Branches)
    assert list(branches.groups) == ["adam", "sgd"]
    assert branches.groups["sgd"].kind == "sgd"
    assert branches.groups["sgd"].fields["lr"] == Fixed(value=0.1)
    alone = parse_space({"schedule": "step"}, TrainingSpec)
    assert isinstance(alone, Group)
    assert isinstance(alone.fields["schedule"], Group)
    assert alone.fields["schedule"].kind == "step"


def test_two_branches_of_one_kind_need_names():
    twice = {"choose": [{"kind": "mlp", "layers": 1}, {"kind": "mlp", "layers": 2}]}
    with pytest.raises(Mistakes, match=r"space.mlp stands twice in one list. Give each a name"):
        parse_space(twice, MLP)
    named = {"choose": [{"kind": "mlp", "name": "small"}, {"kind": "mlp", "name": "large"}]}
    space = parse_space(named, MLP)
    assert isinstance(space, Branches)
    assert {name: group.kind for name, group in space.groups.items()} == {"small": "mlp", "large": "mlp"}


def test_the_space_of_search_has_three_parts_with_paths_as_the_messages_have_them():
    asked = {}

    def ask(path, parameter):
        asked[path] = parameter
        return parameter[0] if isinstance(parameter, tuple) else parameter.low

    space = space_of(SearchSpec(training={"optimizer": {"kind": "adamw"}}, network={"dropout": 0.1}))
    settled = settle(space, ask)
    assert list(space.fields) == ["preprocess", "network", "training"]
    assert isinstance(asked["training.optimizer.adamw.lr"], FloatRange)
    assert isinstance(asked["network.mlp.layers"], IntRange)
    assert TrainingSpec.model_validate(settled["training"]).optimizer.kind == "adamw"
    assert MLP.model_validate(settled["network"]).dropout == 0.1


def test_settings_are_read_without_the_heavy_libraries():
    code = (
        "import sys\n"
        "from components.project.sections import SECTIONS, section_class\n"
        "for word in SECTIONS: section_class(word)\n"
        "from components.project.space import space_of\n"
        "space_of(section_class('search')()); space_of(section_class('boosting')())\n"
        "print([m for m in ('torch', 'sklearn', 'xgboost', 'optuna', 'prefect', 'dvc', 'plotly') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
