"""Sources of pictures: class folders, .npz, digits; sizes and colours; what cannot be read; clear mistakes."""

import hashlib

import numpy as np
import pytest
from picture_case import break_some, drawn, write_pictures
from PIL import Image

from components.core.errors import UserMistake
from components.core.files import read_json, read_parquet
from components.data.images.describe import describe_pictures, read_asked
from components.data.images.ingest import ImageIngestSpec, ingest_pictures
from components.data.images.reading import read_picture, resized, write_png
from components.data.images.recognise import is_pictures
from components.project.look_images import look
from pipelines.cli import main as cli


@pytest.fixture
def ingested(tmp_path):
    def ingest(**settings):
        out = tmp_path / "data" / "ingest"
        out.mkdir(parents=True, exist_ok=True)
        facts = ingest_pictures(ImageIngestSpec(**settings), tmp_path, out)
        return facts, read_parquet(out / "table.parquet"), np.load(out / "image.npy", mmap_mode="r")

    return ingest


def test_a_folder_of_class_folders_becomes_a_table_and_one_array(ingested, tmp_path):
    write_pictures(tmp_path / "photos")
    facts, table, image = ingested(source="photos")
    assert facts["line"] == "60 pictures, 3 classes"
    assert image.shape == (60, 12, 12, 3)
    assert image.dtype == np.uint8
    assert list(table["picture"][:2]) == ["bar/000.jpg", "bar/001.png"]
    assert [str(label) for label in np.unique(table["label"])] == ["bar", "blob", "cross"]
    assert table["pixels"][7] == hashlib.sha256(image[7].tobytes()).hexdigest()
    lossless = np.asarray(Image.open(tmp_path / "photos" / "bar" / "001.png"))
    assert (image[1] == lossless).all()
    assert sorted(path.name for path in (tmp_path / "data" / "ingest").iterdir()) == [
        "image.npy",
        "ingest.json",
        "table.parquet",
    ]


def test_a_changed_pixel_changes_the_table_and_the_same_pictures_do_not(ingested, tmp_path):
    write_pictures(tmp_path / "photos")
    before = ingested(source="photos")[0]["table"]
    assert ingested(source="photos")[0]["table"] == before
    path = tmp_path / "photos" / "blob" / "001.png"
    pixels = np.array(Image.open(path))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert ingested(source="photos")[0]["table"] != before


def test_what_cannot_be_read_is_left_out_and_named(ingested, tmp_path):
    write_pictures(tmp_path / "photos")
    broken = break_some(tmp_path / "photos")
    facts, table, image = ingested(source="photos")
    assert {one["picture"]: one["why"] for one in facts["unreadable"]} == broken
    assert (facts["bad_rows"], facts["num_others"], facts["others"]) == (3, 1, ["blob/notes.txt"])
    assert len(table["picture"]) == len(image) == 60
    assert "3 unreadable ones left out" in facts["line"]
    with pytest.raises(UserMistake, match=r"bar/cut\.png cannot be read: cut off.*bad_rows: skip"):
        ingested(source="photos", bad_rows="stop")


def test_size_and_channels_are_what_was_asked_for(ingested, tmp_path):
    write_pictures(tmp_path / "photos", each=4)
    assert ingested(source="photos", size=8, channels="gray")[2].shape == (12, 8, 8, 1)
    assert ingested(source="photos", size=16, channels="rgb")[2].shape == (12, 16, 16, 3)


def test_auto_takes_one_colour_where_no_picture_has_more(ingested, tmp_path):
    write_pictures(tmp_path / "photos", each=2)
    for path in (tmp_path / "photos").rglob("*.*"):
        gray = Image.open(path).convert("L")
        path.unlink()
        gray.convert("RGB").save(path.with_suffix(".png"))  # gray, stored in three colours
    assert ingested(source="photos")[2].shape == (6, 12, 12, 1)
    Image.new("RGB", (12, 12), (200, 10, 10)).save(tmp_path / "photos" / "bar" / "red.png")
    assert ingested(source="photos")[2].shape == (7, 12, 12, 3)


def test_auto_size_is_that_of_most_pictures_and_at_most_64(ingested, tmp_path):
    write_pictures(tmp_path / "photos", each=2, side=100, shapes=("bar", "blob"))
    assert ingested(source="photos")[2].shape[1:3] == (64, 64)


def test_pictures_much_wider_than_most_are_named(ingested, tmp_path):
    write_pictures(tmp_path / "photos", each=4)
    Image.new("RGB", (60, 12), (9, 90, 200)).save(tmp_path / "photos" / "bar" / "wide.png")
    assert ingested(source="photos")[0]["odd"] == {"number": 1, "pictures": ["bar/wide.png"]}


def test_transparent_deep_and_turned_pictures_are_read_as_people_see_them(tmp_path):
    clear = Image.new("RGBA", (3, 3), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert (read_picture(tmp_path / "clear.png") == 255).all()
    deep = np.full((3, 3), 65535, dtype=np.uint16)
    deep[0, 0] = 0
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png")[:, :, 0].tolist() == [[0, 255, 255], [255] * 3, [255] * 3]
    wide = Image.fromarray(np.tile(np.arange(0, 160, 10, dtype=np.uint8), (8, 1)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by the camera
    wide.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (16, 8, 1)


def test_a_picture_of_the_right_size_is_not_touched():
    pixels = drawn("bar", np.random.default_rng(0), side=9)
    assert resized(pixels, 9, 3) is pixels
    assert resized(pixels, 6, 1).shape == (6, 6, 1)


def test_npz_with_parts_becomes_the_column_split(ingested, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, size=(30, 10, 10), dtype=np.uint8)
    y = np.arange(30) % 3
    np.savez(tmp_path / "small.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    facts, table, image = ingested(source="small.npz")
    assert facts["columns"] == ["picture", "pixels", "label", "split"]
    assert table["split"].tolist() == ["train"] * 20 + ["test"] * 10
    assert table["label"].tolist() == [str(label) for label in y]
    assert (image[..., 0] == x).all()
    np.savez(tmp_path / "shares.npz", x_train=x[:20] / 255.0, y_train=y[:20], classes=np.array(["a", "b", "c"]))
    facts, table, image = ingested(source="shares.npz")
    assert facts["columns"] == ["picture", "pixels", "label"]
    assert table["label"][:3].tolist() == ["a", "b", "c"]
    assert (image[..., 0] == x[:20]).all()


def test_the_digits_are_pictures(ingested):
    facts, table, image = ingested(source="example:digits")
    assert facts["columns"] == ["picture", "pixels", "digit"]
    assert image.shape == (1797, 8, 8, 1)
    assert (image.min(), image.max()) == (0, 255)
    assert sorted(set(table["digit"])) == [str(digit) for digit in range(10)]


def make(tmp_path, *paths):
    for path in paths:
        file = tmp_path / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (len(path), 9, 9)).save(file)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ((), r"holds no picture and no class folders\. Each folder in it is one class"),
        (("a.png", "b.png"), r"holds 2 pictures and no class folders"),
        (("cats/a.png", "b.png"), r"b\.png lies beside the class folders and has no class"),
        (("cats/a.png",), r"there is one class folder, cats"),
        (("train/cats/a.png", "test/cats/b.png"), r"test holds the folder cats\..*perhaps photos/test"),
        (("cats/a.png", "na/b.png"), r"the class 'na' would read as missing"),
    ],
)
def test_folders_that_are_laid_out_otherwise_are_explained(ingested, tmp_path, paths, message):
    (tmp_path / "photos").mkdir()
    make(tmp_path, *paths)
    with pytest.raises(UserMistake, match=message):
        ingested(source="photos")


def test_an_empty_class_and_a_source_of_ruins_are_mistakes(ingested, tmp_path):
    make(tmp_path, "cats/a.png")
    (tmp_path / "photos" / "dogs").mkdir()
    with pytest.raises(UserMistake, match="the class folder dogs holds no PNG or JPEG"):
        ingested(source="photos")
    for name in ("cats/a.png", "dogs/b.png"):
        (tmp_path / "photos" / name).write_bytes(b"")
    with pytest.raises(UserMistake, match=r"no picture can be read \(cats/a\.png: 0 bytes"):
        ingested(source="photos")
    with pytest.raises(UserMistake, match=r"there is no such folder or file\. Did you mean 'photos'"):
        ingested(source="photo")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, "has no x_train and no y_train"),
        ({"x_train": np.zeros((4, 3)), "y_train": np.zeros(4)}, r"Pictures are \[number, height, width\]"),
        ({"x_train": np.zeros((4, 3, 3)), "y_train": np.zeros(3)}, "one label for each"),
        ({"x_train": np.full((4, 3, 3), 300), "y_train": np.zeros(4)}, "Pixels go from 0 to 255"),
        ({"x_train": np.zeros((4, 3, 3)), "y_train": np.zeros(4), "x_test": np.zeros((2, 3, 3))}, "has no y_test"),
    ],
)
def test_an_npz_of_something_else_is_explained(ingested, tmp_path, arrays, message):
    np.savez(tmp_path / "odd.npz", **arrays)
    with pytest.raises(UserMistake, match=message):
        ingested(source="odd.npz")


def test_an_npz_that_is_none_is_explained(ingested, tmp_path):
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UserMistake, match=r"torn\.npz cannot be read as \.npz"):
        ingested(source="torn.npz")


def test_the_kind_of_a_source_is_told_from_its_name_and_folder(tmp_path):
    write_pictures(tmp_path / "photos", each=1)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.csv").write_text("a,b\n1,2\n")
    for source, pictures in (
        ("photos", True),
        ("example:digits", True),
        ("any.npz", True),
        ("raw", False),
        ("raw/*.csv", False),
        ("raw/a.csv", False),
        ("example:iris", False),
        ("not-there", False),
    ):
        assert is_pictures(tmp_path, {"source": source}) is pictures, source
    assert is_pictures(tmp_path, {"source": "not-there", "size": 32})


def test_describing_opens_no_picture_and_asking_reads_any_layout(tmp_path):
    write_pictures(tmp_path / "photos", each=3)
    broken = break_some(tmp_path / "photos")
    facts = describe_pictures(tmp_path, "photos")
    assert (facts.rows, facts.columns) == (9 + len(broken), ("picture", "pixels", "label"))
    asked = read_asked(tmp_path / "photos", (12, 12, 3))
    assert asked.image.shape == (9, 12, 12, 3)
    assert list(asked.names) == sorted(asked.names)
    assert {name for name, _ in asked.unreadable} == set(broken)
    flat = read_asked(tmp_path / "photos" / "bar", (6, 6, 1))
    assert flat.names == ("000.jpg", "001.png", "002.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserMistake, match="holds no PNG or JPEG picture"):
        read_asked(tmp_path / "empty", (6, 6, 1))


def test_ingest_json_says_what_is_shown(ingested, tmp_path):
    write_pictures(tmp_path / "photos", each=2)
    facts = ingested(source="photos")[0]
    assert {**read_json(tmp_path / "data" / "ingest" / "ingest.json"), "line": facts["line"]} == facts


def test_init_refuses_a_folder_of_ruins_with_one_message_and_writes_nothing(tmp_path, monkeypatch, capsys):
    for name in ("bar/empty.png", "bar/words.png", "blob/words.jpg", "blob/more.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if "empty" in name else "no picture at all")
    monkeypatch.chdir(tmp_path)
    assert cli(["init", "--data", "photos"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("photos: none of its 4 pictures can be read (bar/empty.png: 0 bytes, bar/words.png: no PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    write_png(tmp_path / "photos" / "blob" / "whole.png", np.zeros((8, 8, 1), dtype=np.uint8))
    assert look(tmp_path, "photos", "", None).values["ingest"] == {"size": 8}
