"""Findings about pictures, and the split after them: copies never stand on two sides."""

import shutil

import numpy as np
import pytest
from picture_case import break_some, write_pictures
from PIL import Image

from components.core.errors import UserMistake
from components.core.files import read_parquet
from components.core.table import Schema, Table
from components.data.findings import read_findings
from components.data.images.ingest import ImageIngestSpec, ingest_pictures
from components.data.images.validation import ImageValidateSpec, validate_pictures
from components.data.splits import SplitSpec, read_folds, split


@pytest.fixture
def photos(tmp_path):
    return write_pictures(tmp_path / "photos")


@pytest.fixture
def validated(tmp_path):
    def validate(**settings):
        for word in ("ingest", "validate"):
            (tmp_path / "data" / word).mkdir(parents=True, exist_ok=True)
        ingest_pictures(ImageIngestSpec(source="photos"), tmp_path, tmp_path / "data" / "ingest")
        out = tmp_path / "data" / "validate"
        facts = validate_pictures(ImageValidateSpec(**settings), tmp_path / "data" / "ingest", out)
        return facts, read_findings(out / "findings.json"), read_parquet(out / "rows.parquet")["row"]

    return validate


def words(findings):
    return [(one.word, one.severity) for one in findings]


def test_good_pictures_have_no_findings_and_a_schema_of_pictures(validated, photos, tmp_path):
    facts, findings, rows = validated()
    assert (findings, len(rows), facts["task"]) == ([], 60, "multiclass")
    assert facts["line"] == "12 x 12 colour, 3 classes, nothing wrong"
    schema = Schema.read(tmp_path / "data" / "validate" / "schema.json")
    assert schema.picture == (12, 12, 3)
    assert [(one.name, one.kind, one.use) for one in schema.columns] == [
        ("picture", "image", "feature"),
        ("pixels", "id", "left_out"),
        ("label", "categorical", "target"),
    ]
    assert schema.compared == ("pixels",)


def test_folders_called_by_numbers_are_classes(validated, photos):
    for number, path in enumerate(sorted(photos.iterdir())):
        path.rename(photos / str(number))
    assert validated()[0]["task"] == "multiclass"


def test_pictures_that_cannot_be_read_are_findings(validated, photos):
    break_some(photos)
    _, findings, rows = validated()
    assert words(findings) == [("unreadable", "warning"), ("unreadable", "note")]
    assert "3 of 63 pictures cannot be read: bar/cut.png (cut off)" in findings[0].sentence
    assert len(rows) == 60
    for number in range(70):
        (photos / "bar" / f"z{number}.png").write_bytes(b"")
    with pytest.raises(UserMistake, match=r"error +unreadable +73 of 133 pictures"):
        validated()
    assert len(validated(on_error={"unreadable": "warn"})[2]) == 60


def test_copies_are_dropped_and_pictures_of_two_classes_altogether(validated, photos, tmp_path):
    shutil.copy(photos / "bar" / "001.png", photos / "bar" / "again.png")
    shutil.copy(photos / "blob" / "001.png", photos / "cross" / "twin.png")
    facts, findings, rows = validated()
    assert words(findings) == [("duplicates", "warning"), ("duplicates", "warning")]
    assert "blob/001.png and cross/twin.png" in findings[0].sentence
    assert "1 picture is copied" in findings[1].sentence
    names = read_parquet(tmp_path / "data" / "ingest" / "table.parquet")["picture"][rows]
    assert not {"bar/again.png", "blob/001.png", "cross/twin.png"} & set(names)
    assert len(rows) == 59
    assert "3 duplicates dropped" in facts["line"]
    assert len(validated(duplicates="keep")[2]) == 62


def test_kept_copies_never_stand_on_two_sides(validated, photos, tmp_path):
    for number in range(8):
        shutil.copy(photos / "bar" / "001.png", photos / "bar" / f"again{number}.png")
        shutil.copy(
            photos / "blob" / f"{number:03}.{'jpg' if number % 3 == 0 else 'png'}", photos / "blob" / f"x{number}.png"
        )
    validated(duplicates="keep")
    out = tmp_path / "data" / "split"
    out.mkdir()
    split(SplitSpec(folds=3), tmp_path / "data" / "ingest", tmp_path / "data" / "validate", out, seed=0)
    columns = read_parquet(out / "rows.parquet")
    pixels = read_parquet(tmp_path / "data" / "ingest" / "table.parquet")["pixels"][columns["row"]]
    for copy in np.unique(pixels):
        sides = {
            (part, fold)
            for part, fold, mine in zip(columns["part"], columns["fold"], pixels, strict=True)
            if mine == copy
        }
        assert len(sides) == 1
    test_rows, folds = read_folds(out)
    assert len(test_rows) + sum(len(fold.score_rows) for fold in folds) == 76


def test_many_pictures_in_two_classes_stop_the_run(validated, photos):
    for path in sorted((photos / "blob").iterdir())[:5]:
        shutil.copy(path, photos / "cross" / f"twin-{path.name}")
    with pytest.raises(UserMistake, match=r"error +duplicates +10 pictures stand in more than one class"):
        validated()
    assert len(validated(on_error={"duplicates": "warn"})[2]) == 55


def test_blank_rare_and_bent_pictures_are_named(validated, photos):
    Image.new("RGB", (12, 12), (8, 8, 8)).save(photos / "bar" / "blank.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (12, 60, 3), dtype=np.uint8)).save(
        photos / "bar" / "wide.png"
    )
    for path in sorted((photos / "cross").iterdir())[4:]:
        path.unlink()
    findings = validated()[1]
    assert sorted(words(findings)) == [("constant", "warning"), ("proportions", "note"), ("rare", "warning")]
    found = {one.word: one.sentence for one in findings}
    assert "bar/blank.png" in found["constant"]
    assert "bar/wide.png. Bent to 12 x 12" in found["proportions"]
    assert "cross (4)" in found["rare"]


@pytest.mark.parametrize("target", ["labl", "pixels", "picture"])
def test_the_target_is_the_column_of_the_folders(validated, photos, target):
    with pytest.raises(UserMistake, match=f"validate.target is '{target}', not a column of labels"):
        validated(target=target)


def test_pictures_of_some_rows_are_read_from_real_and_made_files(tmp_path):
    real, made = tmp_path / "ingest", tmp_path / "augment"
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, 256, size=(n, 4, 4, 1), dtype=np.uint8) for n in (5, 3))
    import json

    from components.core.files import write_parquet

    for folder, name, block in ((real, "table", first), (made, "made", second)):
        folder.mkdir()
        write_parquet(folder / f"{name}.parquet", {"picture": [f"{i}" for i in range(len(block))]})
        np.save(folder / ("image.npy" if name == "table" else "made_image.npy"), block)
    (real / "ingest.json").write_text(json.dumps({"table": "sha256:t"}))
    schema = Schema(table="sha256:t", task="binary", target="label", classes=("a", "b"), columns=(), picture=(4, 4, 1))
    table = Table.open(schema, real / "table.parquet", made / "made.parquet")
    rows = np.array([6, 0, 4, 7])
    assert (table.array("image", rows) == np.concatenate([first, second])[rows]).all()
    assert (table.array("image") == np.concatenate([first, second])).all()
    assert Table.open(schema, real / "table.parquet").array("image").shape == (5, 4, 4, 1)
