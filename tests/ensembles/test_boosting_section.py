"""The section `boosting`: what is searched with each library, what is refused, monotone columns, large tables."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ensemble_case import folds_of, frame_of, schema_of, table_of

from components import metrics
from components.core.contracts import Candidate
from components.core.deadlines import NEVER
from components.core.errors import UserMistake
from components.core.ranges import Branches, Fixed, FloatRange, Group
from components.core.table import Table
from components.data.validation import ValidateSpec
from components.ensembles import boosting_device, boosting_libraries
from components.ensembles.boosting import BoosterStopping, TreesSpec, sample_of
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.ensembles.boosting_libraries import LIBRARIES, start_points
from components.ensembles.boosting_member import load_booster
from components.project.boosting_section import BoostingSpec, boosting_space, refused_settings
from components.project.check_boosting import judge_boosting
from components.project.image_boosting import ImageBoostingSpec
from components.project.reading import Reader
from components.project.written import left_out
from components.search.start import fit, fitted

EACH = pytest.mark.parametrize("library", list(LIBRARIES))
ALL = tuple(LIBRARIES)


def grow(library: str, task: str, folder: Path, trees: dict[str, Any], **words: Any) -> Any:
    """One member on three folds of 150 rows."""
    evaluate = BoosterEvaluate(
        table=table_of(task),
        metric=metrics.resolve("auto", task),
        seed=1,
        cores=1,
        stopping=BoosterStopping(patience=100),
        **words,
    )
    candidate = Candidate(number=0, spec={"trees": {"kind": library, **trees}, "preprocess": {}}, structure=library)
    done = evaluate(
        iter([[candidate]]),
        folds_of(150),
        report=lambda step, scores: frozenset(),
        deadline=NEVER,
        checkpoint=folder,
    )
    (outcome,) = done
    assert outcome.state == "complete", outcome.cause
    return load_booster(folder / "00000")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("libraries", [*((word,) for word in ALL), ALL], ids=str)
@pytest.mark.parametrize("sample", [None, 100_000])
def test_start_points_lie_in_the_space(task: Any, libraries: tuple[Any, ...], sample: int | None) -> None:
    space = boosting_space(BoostingSpec(library=libraries), sample)
    points = start_points(libraries, task, sample=sample)
    assert [fit(space, point)[1] for point in points] == [[]] * len(points)
    assert len(fitted(space, points)) == len(points) == len(libraries) * (3 if sample is None else 9)
    kinds = [point["trees"].get("kind", "xgboost") for point in points]
    assert kinds[: len(libraries)] == list(libraries), "each library comes early"


def test_one_library_has_short_names_and_several_are_branches() -> None:
    alone = boosting_space(BoostingSpec(library="xgboost")).fields["trees"]
    assert isinstance(alone, Group)
    assert alone.kind is None
    assert set(alone.fields) == set(TreesSpec.model_fields)
    both = boosting_space(BoostingSpec(library=("xgboost", "catboost"))).fields["trees"]
    assert isinstance(both, Branches)
    assert list(both.groups) == ["xgboost", "catboost"]
    assert not LIBRARIES["catboost"].lacks & both.groups["catboost"].fields.keys()


def test_a_line_as_by_default_means_the_librarys_own_range() -> None:
    """What `params --full` writes out changes nothing; what was set is taken by every library."""
    default = left_out(TreesSpec, "max_depth")
    plain = boosting_space(BoostingSpec(library="catboost"))
    assert boosting_space(BoostingSpec(library="catboost", trees={"max_depth": default})) == plain
    assert boosting_space(BoostingSpec(library="catboost", trees={"max_depth": 5})) != plain
    pictures = boosting_space(ImageBoostingSpec(library="lightgbm")).fields["trees"]
    assert isinstance(pictures, Group)
    assert pictures.fields["columns"] == FloatRange(low=0.1, high=0.5), "a picture's own range comes first"


@EACH
def test_what_has_no_counterpart_is_refused_with_one_sentence(library: Any) -> None:
    for word in TreesSpec.model_fields:
        value: Any = {"low": 1, "high": 2}
        refused = refused_settings(BoostingSpec(library=library, trees={word: value}))
        if word in LIBRARIES[library].lacks:
            (one,) = refused
            assert one == (("trees", word), f"is set, but {library} has no counterpart for it.", "Take the line out.")
        else:
            assert not refused
    assert not refused_settings(BoostingSpec(library=library, trees={"l1": {"low": 1.0e-4, "high": 5.0, "log": True}}))


def test_a_library_that_is_not_installed_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = boosting_libraries.importlib.util.find_spec

    def without(name: str) -> Any:
        return None if name in ("lightgbm", "catboost") else found(name)

    monkeypatch.setattr(boosting_libraries.importlib.util, "find_spec", without)
    reader = Reader()
    judge_boosting({"boosting": BoostingSpec(library=("lightgbm", "catboost", "xgboost"))}, reader)
    told = [(mistake.place, mistake.problem, mistake.way_out) for _, mistake in reader.found]
    assert told == [
        (
            "boosting.library",
            f"is {library}, which is not installed.",
            f"Install it: pip install 'espalier-automl[{extra}]'; or write another library.",
        )
        for library, extra in (("lightgbm", "cpu"), ("catboost", "boosters"))
    ]


def test_a_library_that_does_not_load_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """LightGBM does not bring its OpenMP along; a file that is no library stands for one that misses it."""
    torn = tmp_path / "lightgbm" / "lib" / "lib_lightgbm.so"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b"no library")
    torn.parent.with_name("__init__.py").write_text("")
    assert not refused_settings(BoostingSpec(library="lightgbm"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
    ((key, problem, way_out),) = refused_settings(BoostingSpec(library="lightgbm"))
    assert key == ("library",)
    assert problem.startswith("is lightgbm, which does not load: ")
    assert "apt-get install libgomp1" in way_out


def test_a_library_is_named_once() -> None:
    with pytest.raises(ValueError, match="library names at least one, and none twice"):
        BoostingSpec(library=("xgboost", "xgboost"))
    with pytest.raises(ValueError, match="library names at least one, and none twice"):
        BoostingSpec(library=())


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize(("direction", "sign"), [("rising", 1.0), ("falling", -1.0)])
@EACH
def test_monotone_columns(library: str, direction: Any, sign: float, task: str, tmp_path: Path) -> None:
    """`width` says nothing: free, a booster follows its noise up and down; bound, it only rises or falls with it."""
    trees = {"rounds": 40, "learning_rate": 0.3, "max_depth": 4, "leaves": 8 if library == "lightgbm" else "auto"}
    frame = pd.concat([frame_of(task).iloc[:20]] * 60, ignore_index=True)
    frame["width"] = np.repeat(np.linspace(-3, 3, 60), 20)
    rows = Table.of(schema_of(task), frame)

    def steps(folder: str, **words: Any) -> Any:
        answers = grow(library, task, tmp_path / folder, trees, **words).predict(rows)[:, -1]
        return sign * np.diff(answers.reshape(60, 20).astype(np.float64), axis=0)

    scale = 1.0 if task == "binary" else 1000.0
    assert steps("free").min() < -1e-3 * scale
    assert steps("bound", monotone={"width": direction}).min() > -1e-6 * scale


def test_monotone_columns_that_have_no_direction_are_refused() -> None:
    reader = Reader()
    validate = ValidateSpec(target="paid", drop=("id",), columns={"colour": "categorical"}, task="multiclass")
    monotone = {"id": "rising", "colour": "rising", "paid": "falling", "age": "rising"}
    judge_boosting({"boosting": BoostingSpec(monotone=monotone), "validate": validate}, reader)
    assert [(mistake.place, mistake.problem) for _, mistake in reader.found] == [
        ("boosting.monotone.id", "is not a column that trees see."),
        ("boosting.monotone.colour", "is categorical by validate.columns: only numbers rise and fall."),
        ("boosting.monotone.paid", "is not a column that trees see."),
        ("boosting.monotone", "is set, but the task is multiclass: two classes or numbers."),
    ]


def test_a_large_table_is_begun_on_a_part_of_its_rows() -> None:
    """Counted from rows, columns and outputs, so that it is the same on every machine."""
    assert sample_of(25_000, 14, 1) is None
    assert sample_of(640_000, 30, 1) == 133_333
    assert sample_of(640_000, 30, 10) == 13_333
    assert sample_of(32_000, 261, 10) == 2000
    assert sample_of(1920, 970, 1) is None
    space = boosting_space(BoostingSpec(library="xgboost"), 133_333)
    trees = space.fields["trees"]
    assert isinstance(trees, Group)
    first, *others = start_points(("xgboost",), "binary", sample=133_333)
    quick = {"rows": 133_333, "learning_rate": 0.3, "max_bins": 64}
    assert first["trees"].items() >= quick.items()
    assert [point["trees"]["rows"] for point in others] == [133_333] * 2 + ["all"] * 3 + [133_333] * 3
    small = boosting_space(BoostingSpec(library="xgboost")).fields["trees"]
    assert isinstance(small, Group)
    assert small.fields["rows"] == Fixed(value="all")
    spec = BoostingSpec(library="xgboost", trees={"rows": 500, "learning_rate": 0.05})
    own = boosting_space(spec, 133_333).fields["trees"]
    assert isinstance(own, Group)
    assert (own.fields["rows"], own.fields["learning_rate"]) == (Fixed(value=500), Fixed(value=0.05))


def test_a_table_of_few_rows_and_very_many_columns_is_begun_in_large_steps_on_all_of_them() -> None:
    """Bins of 1500 columns take 0.09 s a tree, however few rows there are."""
    assert sample_of(1920, 1500, 1) == "all"
    trees = boosting_space(BoostingSpec(library="xgboost"), "all").fields["trees"]
    assert isinstance(trees, Group)
    assert trees.fields["rows"] == Fixed(value="all")
    points = [point["trees"] for point in start_points(("xgboost",), "binary", sample="all")]
    assert [(one["rows"], one["max_bins"]) for one in points] == [("all", 64)] * 3 + [("all", 256)] * 3
    assert points[0]["learning_rate"] == 0.3


@pytest.mark.parametrize(("rate", "rounds"), [(0.3, 334), (0.1, 1000), (0.05, 2000), (0.005, 2000)])
def test_rounds_go_by_the_rate(rate: float, rounds: int) -> None:
    assert TreesSpec(learning_rate=rate).most_rounds == rounds
    assert TreesSpec(learning_rate=rate, rounds=7).most_rounds == 7


def test_where_xgboost_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert boosting_device.choose("cpu", ALL) == "cpu"
    monkeypatch.setattr(boosting_device, "DRIVER", tmp_path / "none")
    assert boosting_device.choose("auto", ALL) == "cpu"
    assert boosting_device.choose("cuda", ("catboost",)) == "cpu", "it stays on the processor whatever is there"
    with pytest.raises(UserMistake, match=r"device is cuda, and there is no NVIDIA driver here. Write device: auto"):
        boosting_device.choose("cuda", ALL)
    monkeypatch.setattr(boosting_device, "DRIVER", tmp_path)
    monkeypatch.setattr(boosting_device, "has_gpu", lambda: False)
    with pytest.raises(UserMistake, match=r"the installed XGBoost cannot use a GPU \(pip install"):
        boosting_device.choose("cuda", ALL)
    monkeypatch.setattr(boosting_device, "has_gpu", lambda: True)
    assert boosting_device.choose("auto", ALL) == "cuda"
