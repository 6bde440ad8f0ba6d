"""A changed space: its own study, and the best of the earlier one offered, not taken."""

from analytic_case import SPACE, AnalyticEvaluate, search

from components.core.ranges import Fixed, Group, IntRange
from components.search.offers import offers, searched_part, start_lines, still_fitting, write_about
from components.search.start import fit

ABOUT = {"metric": "rmse", "table": "sha256:1"}
NETWORK, TRAINING = SPACE.fields["network"], SPACE.fields["training"]


def with_layers(node):
    """The space with other layers."""
    network = Group(kind="mlp", fields={**NETWORK.fields, "layers": node})
    return Group(fields={"network": network, "training": TRAINING})


def grown(tmp_path, name, space, about=ABOUT):
    study = tmp_path / name
    result = search(study, AnalyticEvaluate(), space=space, trials=24, sampler="random")
    write_about(study, about)
    return result


def test_the_best_that_still_fit_are_offered_in_the_users_notation(tmp_path):
    old = grown(tmp_path, "old", SPACE)
    grown(tmp_path, "of other rows", SPACE, {**ABOUT, "table": "sha256:2"})
    narrow = with_layers(IntRange(low=3, high=5))
    (tmp_path / "new").mkdir()
    write_about(tmp_path / "new", ABOUT)
    found = offers(tmp_path / "new", narrow, [], greater_is_better=False)
    fitting = [it for it in old.trials if it.score is not None and it.params["network.mlp.layers"] >= 3]
    best = sorted(fitting, key=lambda trial: trial.score)[:4]
    assert [fit(narrow, point) for point in found] == [(dict(trial.params), []) for trial in best]
    assert found[0]["network"]["kind"] == "mlp"
    assert "epochs" not in found[0]["training"]  # it is set: there is nothing to say
    assert start_lines(found).startswith("start:\n  - {network: {kind: mlp, layers: ")
    again = offers(tmp_path / "new", narrow, [dict(best[0].params)], greater_is_better=False)
    assert again[0] == found[1]  # the first is begun with anyway
    assert offers(tmp_path / "new", with_layers(Fixed(value=17)), [], greater_is_better=False) == []


def test_what_was_taken_or_lies_outside_by_now_is_offered_no_more(tmp_path):
    point = {"network": {"kind": "mlp", "layers": 4}}
    assert still_fitting(SPACE, [point], []) == [point]
    assert still_fitting(SPACE, [point], [{"network": {"layers": 4}}]) == []
    assert still_fitting(with_layers(IntRange(low=1, high=3)), [point], []) == []


def test_only_what_is_searched_is_told():
    spec = {
        "network": {"kind": "mlp", "layers": 3, "dropout": 0.0},
        "training": {"epochs": 16, "optimizer": {"kind": "sgd", "lr": 0.1, "nesterov": True}},
    }
    assert searched_part(SPACE, spec) == {
        "network": {"kind": "mlp", "layers": 3, "dropout": 0.0},
        "training": {"optimizer": {"kind": "sgd", "lr": 0.1}},
    }
