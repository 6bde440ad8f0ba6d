"""Made rows: inside one part, from that part alone, raw, with sources, the same bytes every time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from pydantic import ValidationError

from components.augmentation.folds import made_file, parts_of, read_folds_with_made
from components.augmentation.making import augment
from components.augmentation.noise import noisy_copies
from components.augmentation.smote import smote
from components.augmentation.spec import AugmentSpec
from components.core.contracts import Fold
from components.core.errors import UserMistake
from components.core.files import atomic_folder, read_json, read_parquet, write_json
from components.core.table import ColumnSchema, Schema, Table

CLASSES = ("no", "rare", "yes")
KINDS = {
    "size": "numeric",
    "count.all": "numeric",  # whole numbers, and a name with a dot
    "price": "numeric",  # stored as text
    "colour": "categorical",
    "code": "categorical",  # stored as whole numbers
    "member": "boolean",
    "joined": "datetime",
    "note": "text",
}
LEVELS = {"colour": ("blue", "green", "red"), "code": ("1", "2", "3"), "member": ("false", "true")}


def schema_of(task="multiclass"):
    columns = [
        ColumnSchema(name=name, kind=kind, use="left_out" if kind == "text" else "feature", levels=LEVELS.get(name))
        for name, kind in KINDS.items()
    ]
    target = ColumnSchema(name="y", kind="numeric" if task == "regression" else "categorical", use="target")
    return Schema(
        table="sha256:t",
        task=task,
        target="size" if task == "regression" else "y",
        classes=() if task == "regression" else CLASSES,
        columns=(*columns, target),
    )


def write_table(folder: Path, num_rows=60, seed=0) -> Path:
    """Raw rows of every kind, some values missing; the first third "no", a tenth "rare", the rest "yes"."""
    random = np.random.default_rng(seed)
    number = np.arange(num_rows)
    gaps = number % 7 == 3
    price = [None if gap else f"{value:.2f}" for gap, value in zip(gaps, random.normal(9, 2, num_rows), strict=True)]
    table = pa.table(
        {
            "size": pa.array(np.where(gaps, np.nan, random.normal(5, 3, num_rows)), from_pandas=True),
            "count.all": random.integers(0, 9, num_rows),
            "price": pa.array(price, pa.string()),
            "colour": pa.array(np.where(gaps, None, random.choice(["red", "green", "blue"], num_rows)), pa.string()),
            "code": random.integers(1, 4, num_rows),
            "member": pa.array([None if gap else bool(flag) for gap, flag in zip(gaps, number % 2, strict=True)]),
            "joined": pa.array(["2020-01-01"] * num_rows),
            "note": [f"note {n}" for n in number],
            "y": np.where(number % 10 == 0, "rare", np.where(number % 3 == 0, "no", "yes")).tolist(),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "table.parquet")
    write_json(folder / "ingest.json", {"table": "sha256:t"})
    return folder / "table.parquet"


def folds_of(num_rows, count, rest=0):
    """`count` scored parts, row n in part n % count; the last `rest` rows are in none."""
    rows = np.arange(num_rows)
    scored = rows < num_rows - rest
    return [
        Fold(
            number=number,
            fit_rows=rows[(rows % count != number) | ~scored],
            score_rows=rows[(rows % count == number) & scored],
        )
        for number in range(count)
    ]


def run(spec, folder, folds, seed=0, num_rows=60):
    table = write_table(folder / "ingest", num_rows)
    out = folder / "augment"
    out.mkdir()
    facts = augment(spec, schema_of(), table, parts_of(folds), out, seed=seed)
    return facts, table, out


def test_nothing_asked_is_one_file_of_the_same_bytes(tmp_path):
    first, _, out = run(AugmentSpec(), tmp_path / "a", folds_of(60, 3), seed=0)
    _, _, other = run(AugmentSpec(noise=0.5), tmp_path / "b", folds_of(60, 5), seed=9)
    assert first == {"table": "sha256:t", "rows": 60, "made": 0, "line": "nothing asked"}
    assert [path.name for path in out.iterdir()] == ["augment.json"]
    assert (out / "augment.json").read_bytes() == (other / "augment.json").read_bytes()
    assert made_file(out) is None
    folds = folds_of(60, 3)
    assert read_folds_with_made(folds, out, "sha256:t") == folds


@pytest.mark.parametrize(
    "spec", [AugmentSpec(copies=2, noise=0.1), AugmentSpec(smote=True), AugmentSpec(copies=1, noise=0.1, smote=True)]
)
class TestEveryTechnique:
    def test_no_fold_fits_on_a_row_made_from_one_it_scores(self, spec, tmp_path):
        folds = folds_of(60, 3, rest=8)
        facts, _, out = run(spec, tmp_path, folds)
        source = read_parquet(out / "made_rows.parquet")["source"]
        completed = read_folds_with_made(folds, out, "sha256:t")
        used = np.zeros(facts["made"], dtype=int)
        for before, fold in zip(folds, completed, strict=True):
            made = fold.fit_rows[fold.fit_rows >= 60] - 60
            used[made] += 1
            assert len(made)
            assert fold.fit_rows[: len(before.fit_rows)].tolist() == before.fit_rows.tolist()
            assert fold.score_rows.tolist() == before.score_rows.tolist()
            assert not set(source[made]) & set(fold.score_rows)
        parts = read_parquet(out / "made_rows.parquet")["fold"]
        assert used.tolist() == np.where(parts == -1, 3, 2).tolist()

    def test_a_part_is_made_from_its_own_rows_alone(self, spec, tmp_path):
        folds = folds_of(60, 3)
        _, table, out = run(spec, tmp_path, folds)
        changed = pq.read_table(table).to_pandas()
        others = np.arange(60) % 3 != 0
        changed.loc[others, "size"] = 1e5
        changed.loc[others, "colour"] = "red"
        pq.write_table(pa.Table.from_pandas(changed, schema=pq.read_schema(table)), table)
        (tmp_path / "again").mkdir()
        augment(spec, schema_of(), table, parts_of(folds), tmp_path / "again", seed=0)
        of_part_0 = read_parquet(out / "made_rows.parquet")["fold"] == 0
        before = pd.read_parquet(out / "made.parquet")[of_part_0]
        after = pd.read_parquet(tmp_path / "again" / "made.parquet")[of_part_0]
        pd.testing.assert_frame_equal(before, after)

    def test_the_same_seed_gives_the_same_bytes_and_another_one_others(self, spec, tmp_path):
        outs = [run(spec, tmp_path / str(n), folds_of(60, 3), seed=seed)[2] for n, seed in enumerate((0, 0, 1))]
        for name in ("made.parquet", "made_rows.parquet", "augment.json"):
            assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
        assert (outs[0] / "made.parquet").read_bytes() != (outs[2] / "made.parquet").read_bytes()

    def test_made_rows_are_typed_as_real_ones(self, spec, tmp_path):
        facts, table, out = run(spec, tmp_path, folds_of(60, 3))
        both = Table.open(schema_of(), table, made_file(out))
        alone = Table.open(schema_of(), table)
        source = read_parquet(out / "made_rows.parquet")["source"]
        assert (both.num_real, both.num_rows) == (60, 60 + facts["made"])
        for name, kind in KINDS.items():
            values = both.column(name)
            np.testing.assert_array_equal(values[:60], alone.column(name))  # a real row is read as before
            if kind == "numeric":
                np.testing.assert_array_equal(np.isnan(values[60:]), np.isnan(values[source]))
            elif kind == "categorical":
                assert (values[60:] >= -1).all()
        assert both.target()[60:].tolist() == both.target()[source].tolist()
        assert both.column("note")[60:].tolist() == both.column("note")[source].tolist()
        assert both.column("joined")[60:].tolist() == both.column("joined")[source].tolist()


def test_noise_moves_numbers_by_shares_of_the_parts_own_deviation():
    random = np.random.default_rng(0)
    numbers = np.column_stack([random.normal(0, 10, 500), random.normal(0, 0.1, 500), np.full(500, 3.0)])
    numbers[0, 0] = np.nan
    source, moved = noisy_copies(numbers, 4, 0.5, np.random.default_rng(1))
    assert source.tolist() == list(range(500)) * 4
    steps = moved - numbers[source]
    np.testing.assert_allclose(np.nanstd(steps, axis=0), [5.0, 0.05, 0.0], rtol=0.1)
    assert np.isnan(steps[:, 0]).sum() == 4


def test_a_single_fold_makes_rows_only_where_they_can_be_fitted_on():
    parts = parts_of(folds_of(20, 1, rest=15))
    assert {number: rows.tolist() for number, rows in parts.items()} == {-1: list(range(5, 20))}


@settings(max_examples=40, deadline=None)
@given(
    random=st.integers(0, 2**32).map(np.random.default_rng),
    rare=st.integers(2, 9),
    common=st.integers(9, 20),
    times=st.integers(1, 3),
)
def test_smote_fills_up_with_rows_between_two_of_the_class(random, rare, common, times):
    class_n = np.array([1] * rare + [0] * common)
    numbers = random.normal(0, [1, 100], (rare + common, 2))
    made = smote(numbers, np.zeros((len(class_n), 0)), class_n, times, random)
    _, referee = SMOTE(k_neighbors=min(5, rare - 1), random_state=0).fit_resample(numbers, class_n)
    assert len(made.source_m) == (len(referee) - len(class_n)) * times == (common - rare) * times
    assert (class_n[made.source_m] == 1).all()
    own = numbers[class_n == 1]
    for source, row in zip(made.source_m, made.numbers_mM, strict=True):
        ways = own - numbers[source]  # from the source to each of its class
        step = row - numbers[source]
        cross = np.abs(ways[:, 0] * step[1] - ways[:, 1] * step[0])
        inside = (np.abs(step) <= np.abs(ways) + 1e-9).all(axis=1)
        assert ((cross < 1e-6) & inside).any()


def test_smote_takes_the_categories_that_most_neighbours_have():
    numbers = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2], [9.3]])
    codes = np.array([[0.0], [1.0], [1.0], [2.0], [2.0], [2.0], [2.0]])
    class_n = np.array([1, 1, 1, 0, 0, 0, 0])
    made = smote(numbers, codes, class_n, 20, np.random.default_rng(0))
    from_first = made.category_from_mG[made.source_m == 0, 0]
    assert set(codes[from_first, 0]) == {1.0}
    assert made.numbers_mM.min() >= 0.0
    assert made.numbers_mM.max() <= 0.2


def test_smote_measures_in_deviations_not_in_units():
    # the second column varies by a thousand: 40 of it are little, 3 of the first are much
    near = [[0.01 * n, 40.0 * n] for n in range(6)]
    far = [[3.0, 0.1 * n] for n in range(6)]
    common = [[-1.0, 1000.0], [1.0, -1000.0]] * 8
    class_n = np.array([1] * 12 + [0] * 16)
    made = smote(np.array(near + far + common), np.zeros((28, 0)), class_n, 9, np.random.default_rng(0))
    assert made.numbers_mM[made.source_m == 0, 0].max() <= 0.05
    assert made.numbers_mM[made.source_m == 6, 0].tolist() == [3.0] * (made.source_m == 6).sum()


def test_smote_leaves_a_class_of_one_row_and_says_so(tmp_path):
    class_n = np.array([0, 0, 0, 1, 2, 2])
    made = smote(np.arange(6.0)[:, None], np.zeros((6, 0)), class_n, 1, np.random.default_rng(0))
    assert made.too_rare == (1,)
    assert class_n[made.source_m].tolist() == [2]
    facts, _, _ = run(AugmentSpec(smote=True), tmp_path, folds_of(60, 5))  # all six rare rows stand in part 0
    assert "too_rare" not in facts
    assert facts["smote"] == facts["made"] > 0


def test_smote_of_a_number_is_a_mistake_with_a_way_out(tmp_path):
    table = write_table(tmp_path / "ingest")
    with pytest.raises(UserMistake, match=r"augment.smote is true, but size is a number.*Write smote: false"):
        augment(AugmentSpec(smote=True), schema_of("regression"), table, parts_of(folds_of(60, 3)), tmp_path, seed=0)


def test_copies_without_noise_are_refused():
    with pytest.raises(ValidationError, match=r"copies without noise would only repeat rows. Set noise"):
        AugmentSpec(copies=1)


def test_made_rows_of_another_table_are_refused(tmp_path):
    _, _, out = run(AugmentSpec(), tmp_path, folds_of(60, 3))
    with pytest.raises(AssertionError, match="made rows are for table sha256:t, the folds for sha256:u"):
        read_folds_with_made(folds_of(60, 3), out, "sha256:u")


def test_augment_json_counts_by_technique(tmp_path):
    facts, _, out = run(AugmentSpec(copies=1, noise=0.1, smote=True), tmp_path, folds_of(60, 3))
    assert facts == {**read_json(out / "augment.json"), "line": facts["line"]}
    assert facts["noise"] == 60
    # a part has 20 rows: its most frequent class, twice over, is filled up to by the others
    assert facts["made"] == facts["noise"] + facts["smote"]
    both = Table.open(schema_of(), tmp_path / "ingest" / "table.parquet", made_file(out))
    parts = np.concatenate([np.arange(60) % 3, read_parquet(out / "made_rows.parquet")["fold"]])
    for part in range(3):
        assert len(set(np.unique_counts(both.target()[parts == part]).counts)) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.just(1e-310)), min_size=12, max_size=12),
    classes=st.lists(st.sampled_from(CLASSES), min_size=12, max_size=12),
    num_parts=st.integers(2, 6),
)
def test_any_numbers_and_classes_make_rows_or_none(tmp_path, sizes, classes, num_parts):
    table = write_table(tmp_path / "ingest", 12)
    raw = pq.read_table(table)
    for name, values in (("size", pa.array(sizes, pa.float64())), ("y", pa.array(classes))):
        raw = raw.set_column(raw.column_names.index(name), name, values)
    pq.write_table(raw, table)
    with atomic_folder(tmp_path / "augment") as out:
        spec = AugmentSpec(copies=1, noise=1.0, smote=True)
        facts = augment(spec, schema_of(), table, parts_of(folds_of(12, num_parts)), out, seed=0)
    both = Table.open(schema_of(), table, made_file(tmp_path / "augment"))
    assert both.num_rows == 12 + facts["made"]
    assert np.isfinite(both.column("size")[12:]).sum() <= facts["made"]
    assert not np.isinf(both.column("size")[12:]).any()
