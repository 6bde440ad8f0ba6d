"""Each technique for pictures on cases checked by hand: a place moves where it must, a colour becomes which."""

import numpy as np
import pytest
import torch

from components.augmentation import colour, cutout, geometry, mixing
from components.augmentation.policy import ImagePolicy

EIGHT_BITS = 0.4 / 255  # what eight bits cannot tell


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(height=7, width=7, channels=1, seed=0):
    return torch.rand(1, channels, height, width, generator=random(seed))


def matrix(angle=0.0, factor=1.0, shift=(0.0, 0.0), shear=0.0, signs=(1.0, 1.0), zoom=1.0, middle=(0.0, 0.0)):
    one = {"angle_N": angle, "factor_N": factor, "shift_N2": shift, "shear_N": shear}
    one |= {"signs_N2": signs, "zoom_N": zoom, "middle_N2": middle}
    return geometry.compose(**{name: torch.tensor([value], dtype=torch.float64) for name, value in one.items()})


def sampled(pictures, **how):
    return geometry.sample(pictures, matrix(**how).to(pictures.dtype))


def assert_alike(found, wanted, atol=EIGHT_BITS):
    torch.testing.assert_close(found, wanted, rtol=0, atol=atol)


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (28, 28)])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_goes_against_the_clock_as_numpys(size, turns):
    pictures = picture(*size, channels=3)
    wanted = torch.from_numpy(np.rot90(pictures.numpy(), turns, axes=(2, 3)).copy())
    assert_alike(sampled(pictures, angle=90.0 * turns), wanted, atol=2e-5)


def test_nothing_asked_moves_nothing():
    assert_alike(sampled(picture(6, 9, 3)), picture(6, 9, 3), atol=1e-5)


@pytest.mark.parametrize(("signs", "axes"), [((-1.0, 1.0), (3,)), ((1.0, -1.0), (2,)), ((-1.0, -1.0), (2, 3))])
def test_flips_are_exact_alone_and_the_same_inside_a_matrix(signs, axes):
    pictures = picture(5, 8, 3)
    found = pictures
    for axis, sign in zip((3, 2), signs, strict=True):
        found = geometry.mirror(found, torch.tensor([sign]), axis)
    assert torch.equal(found, pictures.flip(axes))
    assert_alike(sampled(pictures, signs=signs), pictures.flip(axes), atol=1e-5)


def test_a_shift_by_whole_pixels_moves_them_and_mirrors_beyond_the_edge():
    pictures = picture(6, 8)
    found = sampled(pictures, shift=(2.0, -1.0))  # two to the right, one up
    assert_alike(found[:, :, :-1, 2:], pictures[:, :, 1:, :-2], atol=1e-5)
    assert_alike(found[:, :, :-1, :2], pictures[:, :, 1:, :2].flip(3), atol=1e-5)
    assert_alike(found[:, :, -1:, 2:], pictures[:, :, -1:, :-2], atol=1e-5)


def test_half_a_pixel_is_the_mean_of_two():
    pictures = picture(4, 6)
    found = sampled(pictures, shift=(0.5, 0.0))
    assert_alike(found[..., 1:], (pictures[..., 1:] + pictures[..., :-1]) / 2, atol=1e-5)


def test_twice_as_large_shows_the_middle_and_keeps_its_place():
    ramp = torch.arange(9.0).view(1, 1, 1, 9).expand(1, 1, 9, 9) / 8
    found = sampled(ramp, factor=2.0)
    assert_alike(found[0, 0, 4], 0.5 + (torch.arange(9.0) - 4) / 16, atol=1e-5)


def test_a_shear_slants_rows_about_the_middle():
    line = torch.zeros(1, 1, 5, 5)
    line[..., 2] = 1.0
    assert_alike(sampled(line, shear=1.0)[0, 0], torch.eye(5), atol=1e-5)  # one to the right for each down


def test_a_crop_enlarges_its_window():
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 1, 8, 8) / 10
    found = sampled(ramp, zoom=0.5, middle=(2.0, 0.0))  # the right half: pixels 4 to 7
    assert_alike(found[0, 0, 0], torch.tensor([3.75, 4.25, 4.75, 5.25, 5.75, 6.25, 6.75, 7.0]) / 10, atol=1e-5)


def test_techniques_go_one_after_another():
    pictures = picture(9, 9, 3)
    step = sampled(sampled(pictures.flip(3), angle=90.0), shift=(1.0, 2.0))
    assert_alike(sampled(pictures, signs=(-1.0, 1.0), angle=90.0, shift=(1.0, 2.0)), step, atol=2e-5)


def test_a_crop_stays_inside_the_picture():
    found = geometry.draw(ImagePolicy(crop=0.6), 4000, (20, 10), random())
    for axis, side in enumerate((10, 20)):
        reach = found[:, axis, 2].abs() + found[:, axis, axis] * side / 2
        assert float(reach.max()) <= side / 2 + 1e-9
    assert float(found[:, 0, 0].min()) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("policy", "drawn", "bound"),
    [
        (ImagePolicy(rotation=30), lambda m: torch.rad2deg(torch.atan2(m[:, 1, 0], m[:, 0, 0])), 30),
        (ImagePolicy(scaling=0.2), lambda m: 1 / m[:, 0, 0] - 1, 0.2),
        (ImagePolicy(translation=0.25), lambda m: -m[:, 0, 2], 0.25 * 40),
        (ImagePolicy(translation=0.25), lambda m: -m[:, 1, 2], 0.25 * 20),
        (ImagePolicy(shear=0.4), lambda m: -m[:, 0, 1], 0.4),
    ],
)
def test_draws_are_uniform_up_to_the_magnitude(policy, drawn, bound):
    found = drawn(geometry.draw(policy, 20000, (20, 40), random()))
    assert float(found.abs().max()) <= bound * (1 + 1e-9)
    assert float(found.mean()) == pytest.approx(0, abs=0.02 * bound)
    assert float(found.abs().mean()) == pytest.approx(bound / 2, rel=0.02)


@pytest.mark.parametrize(("word", "means"), [("horizontal", (0, 1)), ("vertical", (1, 0)), ("both", (0, 0))])
def test_every_second_picture_is_flipped(word, means):
    found = geometry.draw_flips(ImagePolicy(flip=word), 10000, random()).mean(0)
    assert found.tolist() == pytest.approx(means, abs=0.04)


def coloured(pictures, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0):
    how = {"brightness_N": brightness, "contrast_N": contrast, "saturation_N": saturation, "hue_N": hue}
    found = colour.compose(
        pictures.shape[1], **{name: torch.tensor([value], dtype=torch.float64) for name, value in how.items()}
    )
    like = pictures.dtype
    return colour.apply(pictures, colour.Colour(matrix_NDD=found.matrix_NDD.to(like), lift_N=found.lift_N.to(like)))


def plain(*channels):
    return torch.tensor(channels, dtype=torch.float32).view(1, -1, 1, 1).expand(1, -1, 2, 2)


@pytest.mark.parametrize(("turn", "wanted"), [(1 / 3, (0, 1, 0)), (-1 / 3, (0, 0, 1)), (0.0, (1, 0, 0))])
def test_hue_turns_red_to_green_and_to_blue(turn, wanted):
    assert_alike(coloured(plain(1, 0, 0), hue=turn), plain(*wanted), atol=1e-6)


def test_hue_and_saturation_leave_gray_gray():
    assert_alike(coloured(plain(0.3, 0.3, 0.3), hue=0.2, saturation=1.7), plain(0.3, 0.3, 0.3), atol=1e-6)


def test_without_saturation_only_gray_is_left():
    gray = 0.299 * 0.8 + 0.587 * 0.4 + 0.114 * 0.1
    assert_alike(coloured(plain(0.8, 0.4, 0.1), saturation=0.0), plain(gray, gray, gray), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_multiplies_and_is_cut_off_at_white(channels):
    values = [0.2, 0.6, 0.4][:channels]
    assert_alike(coloured(plain(*values), brightness=2.0), plain(*[min(1.0, 2 * v) for v in values]), atol=1e-6)


def test_contrast_stretches_about_the_mean_gray():
    pictures = torch.tensor([0.2, 0.4, 0.6, 0.4]).view(1, 1, 2, 2)
    assert_alike(coloured(pictures, contrast=1.5), torch.tensor([0.1, 0.4, 0.7, 0.4]).view(1, 1, 2, 2), atol=1e-6)
    assert_alike(coloured(pictures, contrast=0.0), torch.full((1, 1, 2, 2), 0.4), atol=1e-6)
    both = coloured(pictures, brightness=0.5, contrast=0.5)
    assert_alike(both, coloured(coloured(pictures, brightness=0.5), contrast=0.5), atol=1e-6)


def test_gray_pictures_have_no_hue_and_no_saturation():
    assert colour.draw(ImagePolicy(hue=0.5, saturation=1.0), 8, 1, random()) is None
    assert colour.draw(ImagePolicy(hue=0.5), 8, 3, random()) is not None


@pytest.mark.parametrize(
    ("policy", "drawn", "bound"),
    [
        (ImagePolicy(brightness=0.3), lambda found: found.matrix_NDD[:, 0, 0] - 1, 0.3),
        (ImagePolicy(contrast=0.4), lambda found: found.lift_N, 0.4),
    ],
)
def test_colours_are_uniform_up_to_the_magnitude(policy, drawn, bound):
    found = drawn(colour.draw(policy, 20000, 1, random()))
    assert float(found.abs().max()) <= bound
    assert float(found.abs().mean()) == pytest.approx(bound / 2, rel=0.02)


def test_cutout_covers_one_square_with_the_pictures_mean():
    pictures = picture(8, 8, 3).expand(200, 3, 8, 8)
    box_N4 = cutout.draw(ImagePolicy(cutout=0.5), 200, (8, 8), random())
    found = cutout.apply(pictures, box_N4)
    mean = pictures[0].mean((1, 2))
    whole = 0
    for one, (top, bottom, left, right) in zip(found, box_N4.tolist(), strict=True):
        assert bottom - top <= 4
        assert right - left <= 4
        whole += (bottom - top) * (right - left) == 16
        assert_alike(one[:, top:bottom, left:right], mean[:, None, None].expand(3, bottom - top, right - left), 1e-6)
        kept = torch.ones(8, 8, dtype=torch.bool)
        kept[top:bottom, left:right] = False
        assert torch.equal(one[:, kept], pictures[0][:, kept])
    assert 20 < whole < 120  # middles are anywhere: some squares hang over the edge


def test_the_smallest_cutout_covers_a_pixel():
    box_N4 = cutout.draw(ImagePolicy(cutout=0.001), 500, (9, 9), random())
    assert float(((box_N4[:, 1] - box_N4[:, 0]) * (box_N4[:, 3] - box_N4[:, 2])).to(torch.float64).mean()) > 0.8


def test_mixup_blends_with_the_partner():
    pictures = torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2)])
    share = torch.tensor([0.75, 0.25])
    found = mixing.apply(pictures, torch.tensor([1, 0]), share, torch.tensor([True, True]), None)
    assert found.mean((1, 2, 3)).tolist() == [0.25, 0.25]


def test_cutmix_takes_a_box_and_says_how_much_is_left():
    found = mixing.draw(ImagePolicy(cutmix=1.0), 60, 64, (6, 10), random())
    pictures = torch.arange(64.0).view(64, 1, 1, 1).expand(64, 1, 6, 10)
    mixed = mixing.apply(pictures, found.partner_B, found.share_B.to(torch.float32), found.blended_B, found.box_B4)
    for own in range(64):
        partner = int(found.partner_B[own])
        if partner == own:
            assert torch.equal(mixed[own], pictures[own])
            continue
        from_own = mixed[own] == own
        assert bool((from_own | (mixed[own] == partner)).all())
        assert float(from_own.double().mean()) == pytest.approx(float(found.share_B[own]))
    assert found.partner_B[60:].tolist() == [60, 61, 62, 63]
    assert found.share_B[60:].tolist() == [1.0] * 4


@pytest.mark.parametrize(("strength", "deviation"), [(0.2, 0.4226), (1.0, 0.2887), (8.0, 0.1213)])
def test_the_share_of_mixup_is_beta(strength, deviation):
    found = mixing.draw(ImagePolicy(mixup=strength), 20000, 20000, (4, 4), random())
    assert float(found.share_B.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(found.share_B.std()) == pytest.approx(deviation, rel=0.02)  # sqrt(1 / (4 (2 a + 1)))
    assert sorted(found.partner_B.tolist()) == list(range(20000))


def test_with_both_each_picture_gets_one():
    found = mixing.draw(ImagePolicy(mixup=1.0, cutmix=1.0), 4000, 4000, (16, 16), random())
    assert float(found.blended_B.double().mean()) == pytest.approx(0.5, abs=0.03)
    height = found.box_B4[:, 1] - found.box_B4[:, 0]
    assert int(height[found.blended_B].abs().sum()) == 0
    assert float(height[~found.blended_B].double().mean()) > 4
