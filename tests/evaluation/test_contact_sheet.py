"""The contact sheet: a strip per technique, the pictures as they are in front, the same sheet from the same seed."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from evaluation_case import make_case, told_about, view_of
from PIL import Image

from components.augmentation.policy import TECHNIQUES, ImagePolicy
from components.core.files import write_json
from components.core.table import ColumnSchema, Table
from components.evaluation.complete import complete
from components.evaluation.judge import judge
from components.evaluation.report.contact_sheet import (
    FRAME_COLOUR,
    SHOWN,
    VERSIONS,
    Sheet,
    caption,
    chosen,
    section,
    sheet_of,
    strips,
)
from components.evaluation.report.page import render

FULL = dict.fromkeys(TECHNIQUES, 0.3) | {"rotation": 25.0, "flip": "both", "mixup": 1.0, "cutmix": 1.0}


def pictures(num=20, size=(16, 12), channels=3):
    return np.random.default_rng(0).integers(0, 256, (num, *size, channels), dtype=np.uint8)


def opened(strip):
    return np.asarray(Image.open(io.BytesIO(strip.png)).convert("RGBA")).astype(int)


def tiles(strip, size):
    """Return the tiles of a strip by their place: what lies between frames and gaps."""
    found = opened(strip)
    scale = strip.tile
    frame, gap, group_gap = (max(1, round(length / scale)) for length in (2, 3, 14))
    step = size[1] + 2 * frame
    group = (1 + VERSIONS) * step + VERSIONS * gap
    assert found.shape[1] == SHOWN * group + (SHOWN - 1) * group_gap
    lefts = [p * (group + group_gap) + v * (step + gap) + frame for p in range(SHOWN) for v in range(1 + VERSIONS)]
    assert np.abs(found[0, 0] - FRAME_COLOUR).max() < 8  # of 256 colours
    assert found[0, group, 3] == 0  # gaps are clear
    cut = [found[frame:-frame, left : left + size[1], :3] for left in lefts]
    return np.stack(cut).reshape(SHOWN, 1 + VERSIONS, *size, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_technique_that_can_be_seen_has_a_strip_and_the_last_has_all(channels):
    own = pictures(channels=channels)
    found = strips(ImagePolicy(**FULL), own, 0)
    hidden = ("saturation", "hue") if channels == 1 else ()
    assert [one.technique for one in found] == [n for n in TECHNIQUES if n not in hidden] + ["all together"]
    for one in found:
        shown = tiles(one, (16, 12))
        if channels == 1:
            assert np.array_equal(shown[:, 0], np.repeat(own[:SHOWN], 3, axis=3))
        else:  # 256 colours
            assert np.abs(shown[:, 0] - own[:SHOWN]).mean() < 25
        assert np.abs(shown[:, 1:] - shown[:, :1]).max() > 10


def test_a_flip_is_seen_as_a_flip():
    own = pictures(channels=1)
    (found,) = strips(ImagePolicy(flip="horizontal"), own, 0)
    turned = 0
    for original, *changed in tiles(found, (16, 12)):
        for one in changed:
            assert np.array_equal(one, original) or np.array_equal(one, original[:, ::-1])
            turned += not np.array_equal(one, original)
    assert 0 < turned < SHOWN * VERSIONS


def test_the_same_seed_gives_the_same_sheet():
    policy = ImagePolicy(rotation=20, mixup=0.5)
    assert strips(policy, pictures(), 3) == strips(policy, pictures(), 3)
    assert strips(policy, pictures(), 3) != strips(policy, pictures(), 4)
    assert strips(ImagePolicy(), pictures(), 3) == ()


def test_large_pictures_are_shrunk_and_small_ones_enlarged_by_the_page():
    (large,) = strips(ImagePolicy(rotation=20), pictures(4, (200, 300)), 0)
    (small,) = strips(ImagePolicy(rotation=20), pictures(4, (8, 8), 1), 0)
    assert opened(large).shape[0] < 100
    assert large.tile == 1
    assert small.tile == 8
    assert len(large.png) < 100_000


def test_chosen_are_the_first_of_each_class_in_turn():
    truth = np.array([2, 0, 0, 0, 1, 0, 2, 1])
    rows = np.array([7, 0, 1, 2, 4, 6])
    assert chosen(rows, truth, 5).tolist() == [1, 7, 0, 2, 4]
    assert sorted(chosen(rows, truth, 99).tolist()) == sorted(rows.tolist())
    assert chosen(np.arange(5), np.array([0.5, 0.1, 0.9, 0.3, 0.7]), 3).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rotation", 15.0, "up to 15° to either side"),
        ("scaling", 0.1, "up to 10 % smaller or larger"),
        ("flip", "vertical", "every second picture, top and bottom"),
        ("mixup", 0.2, "blended with another, Beta(0.2, 0.2)"),
    ],
)
def test_captions_say_what_the_magnitude_means(name, value, words):
    assert caption(ImagePolicy(**{name: value}), name) == words


def test_a_caption_for_every_technique():
    assert all(caption(ImagePolicy(**FULL), name) for name in TECHNIQUES)


def with_pictures(case, channels=1):
    """The case with a picture for each row."""
    schema = case.table.schema
    column = ColumnSchema(name="picture", kind="image", use="left_out")
    schema = replace(schema, picture=(16, 12, channels), columns=(*schema.columns, column))
    frame = case.table.raw(np.arange(case.table.num_rows), [one.name for one in case.table.schema.columns])
    table = Table.of(schema, frame, {"image": pictures(case.table.num_rows, channels=channels)})
    return replace(case, table=table)


def test_the_report_shows_the_policy_of_the_best_network(tmp_path):
    case = make_case("iris", resamples=100)
    for name, policy in (("cnn-3", {"rotation": 20.0, "cutout": 0.3}), ("cnn-1", {"flip": "both"})):
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "member.json", {"spec": {"augment": policy}})
    assert sheet_of(case, tmp_path, ("cnn-3", "cnn-1")) is None  # a table
    assert sheet_of(with_pictures(case), tmp_path, ()) is None  # no network
    sheet = sheet_of(with_pictures(case), tmp_path, ("cnn-3", "cnn-1"))
    assert [one.technique for one in sheet.strips] == ["rotation", "cutout", "all together"]
    view = replace(view_of(case, complete(judge(case), told_about(case))), sheet=sheet)
    html = render(view)
    assert "up to 20° to either side" in html
    assert "settings of cnn-3" in html
    sources = re.findall(r'<img alt="[^"]+" width="\d+" src="data:image/png;base64,([^"]+)">', html)
    assert [base64.b64decode(one) for one in sources] == [one.png for one in sheet.strips]
    assert "img-src data:" in html


def test_a_policy_without_techniques_is_said():
    assert "as they are" in section(Sheet(member="cnn-1", strips=()))
    assert section(None) == ""
