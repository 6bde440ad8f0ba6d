"""params.yaml and dvc.yaml of pictures: full and short mean the same, what is not for pictures is a mistake."""

import numpy as np
import pytest
from picture_case import write_pictures

from components.core.ranges import Fixed, FloatRange
from components.project.check import find_mistakes
from components.project.comments import notes_of
from components.project.documents import parse
from components.project.edit import with_value
from components.project.kinds import KINDS, kind_of
from components.project.look_images import look
from components.project.params import read_params, section
from components.project.render import full, short
from components.project.space import space_of
from pipelines.engine.dvc_yaml import render
from pipelines.engine.source_deps import source_mistake, write_deps

VALUES = {
    "seconds": 60,
    "seed": 0,
    "metric": "auto",
    "ingest": {"source": "photos", "size": 12},
    "validate": {"target": "label"},
    "augment": {"rotation": {"low": 0, "high": 20}},
}


@pytest.fixture
def project(tmp_path):
    write_pictures(tmp_path / "photos", each=4)
    (tmp_path / "params.yaml").write_text(full(VALUES, root=tmp_path))
    return tmp_path


def problems(root):
    return [(one.place, one.problem) for one in find_mistakes(root) if not one.doubt]


def test_the_full_and_the_short_file_mean_the_same(project):
    text = (project / "params.yaml").read_text()
    assert problems(project) == []
    document = parse(text, "params.yaml", project)
    assert document.kind == "image"
    brief = short(document.values, notes_of(document), project)
    assert len(brief.splitlines()) < 16
    assert "augment: {rotation: {low: 0, high: 20}}" in brief
    assert full(parse(brief, "params.yaml", project).values, root=project) == text
    assert full(document.values, notes_of(document), project) == text
    assert "# on the fly, for train pictures only; 0 or none = off" in text


def test_a_range_of_the_policy_is_part_of_what_is_searched(project):
    params = read_params(project)
    policy = section(params, "augment")
    found = policy.space()
    assert found.fields["rotation"] == FloatRange(low=0.0, high=20.0)
    assert found.fields["flip"] == Fixed(value="none")
    assert "copies" not in found.fields
    assert policy.settled().rotation == 0.0
    network = space_of(section(params, "search")).fields["network"]
    assert network.kind == "cnn"


@pytest.mark.parametrize(
    ("key", "value", "place", "problem"),
    [
        ("augment", {"rotation": "far"}, "augment.rotation", "is 'far', not a number from 0 to 180"),
        ("augment", {"noise": 0.1}, "augment.noise", "is not a key."),
        ("augment", {"copies": 2}, "augment", "cannot be so: copies would only repeat the pictures"),
        ("validate", {"target": "label", "drop": ["x"]}, "validate.drop", "is not a key."),
        ("boosting", {"features": "colours"}, "boosting.features", "is 'colours', not one of pixels, embedding"),
        ("boosting", {"preprocess": {}}, "boosting.preprocess", "is not a key."),
        ("ingest", {"source": "photos", "size": 4}, "ingest.size", "is 4, not a whole number from 8 to 512, or auto"),
        ("search", {"preprocess": {"scale": "robust"}}, "search.preprocess.scale", "is 'robust', not one of standard"),
    ],
)
def test_what_is_not_for_pictures_is_a_mistake_at_its_place(project, key, value, place, problem):
    text = short({**VALUES, key: value}, root=project)
    (project / "params.yaml").write_text(text)
    found = problems(project)
    assert [one[0] for one in found] == [place]
    assert problem in found[0][1]


def test_networks_that_do_not_take_the_data_say_so(project, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(f"{i},{i % 2}" for i in range(40)) + "\n")
    table = {**VALUES, "ingest": {"source": "t.csv"}, "validate": {"target": "b"}, "augment": {}}
    (project / "params.yaml").write_text(full(table, root=project))
    assert problems(project) == []
    for written in ("cnn", {"kind": "cnn"}):
        (project / "params.yaml").write_text(short({**table, "search": {"network": written}}, root=project))
        assert problems(project) == [("search.network.kind", "is cnn, which takes pictures, not rows of a table.")]
    (project / "params.yaml").write_text(short({**VALUES, "search": {"network": {"kind": "mlp"}}}, root=project))
    assert problems(project) == []


def test_a_source_that_is_gone_is_judged_as_the_pictures_it_was(project):
    (project / "photos").rename(project / "moved")
    assert kind_of({"ingest": {"source": "photos", "size": 12}}, project) == "image"
    found = problems(project)
    assert len(found) == 1
    assert "there is no such folder or file" in found[0][1]


def test_dvc_yaml_lists_the_policy_for_the_search_and_check_mends_it(project):
    text = render("project", "photos", "image")
    (project / "dvc.yaml").write_text(text)
    assert source_mistake(project, "photos", "image") is None
    (project / "dvc.yaml").write_text(render("project", "photos", "table"))
    mistake = source_mistake(project, "photos", "image")
    assert "params of search lack augment" in str(mistake)
    write_deps(project, "photos", "image")
    assert source_mistake(project, "photos", "image") is None
    assert "- augment" in (project / "dvc.yaml").read_text().partition("  search:")[2].partition("outs:")[0]
    repository = render("repository", "photos", "image")
    assert "      - augment\n" in repository.partition("  search:\n")[2].partition("    outs:")[0]


def test_setting_a_key_knows_the_kind(project):
    text = (project / "params.yaml").read_text()
    new = with_value(text, "augment.flip", "horizontal", project)
    assert "  flip: horizontal " in new
    new = with_value(text, "search.network.cnn.filters", 8, project)
    assert "    filters: 8 " in new


def test_init_fits_the_epochs_to_the_clock(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (12_600, 8, 8), dtype=np.uint8)
    y = np.arange(12_600) % 10
    np.savez(tmp_path / "many.npz", x_train=x[:12_000], y_train=y[:12_000], x_test=x[12_000:], y_test=y[12_000:])
    quick, slow = (look(tmp_path, "many.npz", "", seconds) for seconds in (20.0, 20_000.0))
    few, many = (one.values["search"]["training"]["epochs"]["high"] for one in (quick, slow))
    assert few < many == 20
    assert quick.values["split"] == {"by": "column", "column": "split", "folds": 1}
    assert "search" not in look(tmp_path, "many.npz", "", None).values


def test_every_kind_names_the_same_steps():
    steps = [set(kind.steps) for kind in KINDS.values()]
    assert all(one == steps[0] for one in steps)
