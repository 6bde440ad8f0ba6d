"""Walking a space: names, settled settings, the grid, the written form."""

import io
from collections import Counter

import optuna
import pytest
from analytic_case import SPACE
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from components.core.ranges import Branches, Choice, Fixed, FloatRange, Group, IntRange
from components.search.grid import grid_point, grid_size, grid_values
from components.search.space import ask_trial, choice_labels, distribution, parameters_of, settle_params
from components.search.space_file import scalar, space_text


def test_a_parameter_is_named_by_its_path_with_kinds_and_positions_as_steps():
    params = {
        "network.mlp.layers": 3,
        "network.mlp.dropout": "0.1 to 0.5",
        "network.mlp.dropout.1": 0.25,
        "training.optimizer": "sgd",
        "training.optimizer.sgd.lr": 0.1,
    }
    assert settle_params(SPACE, params) == {
        "network": {"kind": "mlp", "layers": 3, "dropout": 0.25},
        "training": {"epochs": 16, "optimizer": {"kind": "sgd", "lr": 0.1, "nesterov": True}},
    }
    assert list(parameters_of(SPACE, params)) == list(params)


def test_optuna_asks_only_the_branch_that_it_took():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = Counter()
    for _ in range(30):
        trial = study.ask()
        params = ask_trial(SPACE, trial)
        assert params == trial.params
        seen[params["training.optimizer"]] += 1
        others = {"sgd": "adam", "adam": "sgd"}[params["training.optimizer"]]
        assert f"training.optimizer.{others}.lr" not in params
        assert ("network.mlp.dropout.1" in params) == (params["network.mlp.dropout"] == "0.1 to 0.5")
    assert min(seen.values()) > 5


def test_two_branches_of_one_kind_are_known_by_their_names():
    branch = Group(kind="mlp", fields={"width": IntRange(low=1, high=9)})
    space = Group(fields={"network": Branches(groups={"small": branch, "large": branch})})
    assert settle_params(space, {"network": "large", "network.large.width": 4}) == {
        "network": {"kind": "mlp", "width": 4}
    }


def test_equal_looking_choices_get_labels_of_their_own():
    assert choice_labels(Choice(options=(Fixed(value=True), Fixed(value=False)))) == (True, False)
    assert choice_labels(Choice(options=(Fixed(value=1), Fixed(value=True)))) == ("0: 1", "1: true")
    assert choice_labels(Choice(options=(Fixed(value="none"), Group(fields={})))) == ("none", "alternative 1")


def test_steps_end_where_the_last_one_fits():
    assert distribution(FloatRange(low=0.1, high=0.45, step=0.1)).high == 0.4
    assert distribution(FloatRange(low=0.1, high=0.3, step=0.1)).high == 0.3
    assert distribution(IntRange(low=8, high=63, step=8)).high == 56
    assert distribution(IntRange(low=2, high=64, log=True)).log


def test_the_grid_has_each_reachable_point_once():
    """Two optimizers with 3 and 1 points of their own, times 2: eight, not the product of all leaves."""
    space = Group(
        fields={
            "batch": Choice(options=(Fixed(value=8), Fixed(value=16))),
            "optimizer": Branches(
                groups={
                    "adam": Group(kind="adam", fields={"lr": FloatRange(low=0.01, high=1.0, log=True)}),
                    "sgd": Group(kind="sgd", fields={"lr": Fixed(value=0.1)}),
                }
            ),
        }
    )
    assert grid_size(space) == 8
    points = [grid_point(space, number) for number in range(9)]
    assert points[8] is None
    settled = [settle_params(space, point) for point in points[:8]]
    assert len({str(point) for point in settled}) == 8
    adam = sorted(point["optimizer"]["lr"] for point in settled if point["optimizer"]["kind"] == "adam")
    assert adam == pytest.approx([0.01, 0.01, 0.1, 0.1, 1.0, 1.0])
    assert all(list(point) == list(parameters_of(space, point)) for point in points[:8])


def test_grid_points_of_ranges():
    assert list(grid_values(IntRange(low=2, high=4))) == [2, 3, 4]
    assert list(grid_values(IntRange(low=8, high=20, step=8))) == [8, 16]
    assert grid_values(FloatRange(low=0.0, high=1.0)) == (0.0, 0.5, 1.0)
    assert grid_values(FloatRange(low=0.0, high=0.5, step=0.25)) == (0.0, 0.25, 0.5)


leaves = st.one_of(
    st.builds(Fixed, value=st.one_of(st.integers(-9, 9), st.text(max_size=5), st.booleans())),
    st.integers(1, 4).map(lambda span: IntRange(low=2, high=2 + span)),
    st.floats(0.1, 5).map(lambda span: FloatRange(low=0.5, high=0.5 + span)),
)
words = st.sampled_from(["width", "lr", "no", "scale"])
nodes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Choice, options=st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Group, fields=st.dictionaries(words, inner, max_size=3)),
        st.dictionaries(words, st.dictionaries(words, inner, max_size=2), min_size=2, max_size=3).map(
            lambda groups: Branches(groups={kind: Group(kind=kind, fields=fields) for kind, fields in groups.items()})
        ),
    ),
    max_leaves=8,
)
spaces = st.dictionaries(words, nodes, min_size=1, max_size=3).map(lambda fields: Group(fields=fields))


@settings(max_examples=50, deadline=None)
@given(spaces, st.integers(0, 100))
def test_any_space_can_be_walked_by_optuna_and_by_the_grid(space, number):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number))
    params = ask_trial(space, study.ask())
    settled = settle_params(space, params)
    assert set(settled) == set(space.fields)
    size = grid_size(space)
    if size < 500:
        points = [tuple(grid_point(space, index).items()) for index in range(size)]
        assert len(set(points)) == size
        assert grid_point(space, size) is None


@settings(max_examples=50, deadline=None)
@given(spaces)
def test_any_space_can_be_written_and_read(space):
    text = space_text(space, "heading")
    read = YAML(typ="safe").load(io.StringIO(text))
    assert set(read) == set(space.fields)
    fixed = {word: node.value for word, node in space.fields.items() if isinstance(node, Fixed)}
    assert {word: read[word] for word in fixed} == fixed


def test_the_written_space_is_the_notation_of_params_yaml():
    assert space_text(SPACE, "Two\nlines") == (
        "# Two\n# lines\n"
        "network:\n  kind: mlp\n  layers: {low: 2, high: 4}\n  dropout: {choose: [0.0, {low: 0.1, high: 0.5}]}\n"
        "training:\n  epochs: 16\n  optimizer:\n    choose:\n"
        "      - kind: adam\n        lr: {low: 0.0001, high: 0.1, log: true}\n"
        "      - kind: sgd\n        lr: {low: 0.001, high: 1.0, log: true}\n        nesterov: true\n"
    )


def test_scalars_mean_the_same_to_every_reader():
    values = [1e-05, 2.5e-07, 1e16, 0.5, "yes", "no", "relu", "1e5", "", True, None, [1, "a b"], {"a": 1.0}]
    texts = ["1.0e-05", "2.5e-07", "1.0e+16", "0.5", '"yes"', '"no"', "relu", '"1e5"', '""', "true", "none"]
    assert [scalar(value) for value in values] == [*texts, '[1, "a b"]', "{a: 1.0}"]
