"""Boosters behind Evaluate: the same bytes on any number of cores, folds added later, failures as data, the clock.

What all libraries promise is asked of each; what the section makes of them is in `test_boosting_section.py`.
"""

import gzip
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from ensemble_case import folds_of, table_of

from components import metrics
from components.core.contracts import Candidate, Features, Fold, Outcome
from components.core.deadlines import NEVER, Deadline
from components.core.files import hash_folder, read_json
from components.core.predictions import read_member_oof
from components.data.preprocessing.spec import TreePreprocess
from components.ensembles import boosting_catboost, boosting_lightgbm, boosting_xgboost, fold_member
from components.ensembles.boosting import BoosterStopping, TreesSpec
from components.ensembles.boosting_evaluate import BoosterEvaluate, mean_curve
from components.ensembles.boosting_fit import Asked, matrix
from components.ensembles.boosting_libraries import LIBRARIES
from components.ensembles.boosting_member import load_booster
from components.ensembles.fold_member import MANY_ROWS, FoldPart
from components.ensembles.prepared import prepare

FOLDS = folds_of(150)
EACH = pytest.mark.parametrize("library", list(LIBRARIES))


def candidate(number: int, preprocess: dict[str, Any] | None = None, **trees: Any) -> Candidate:
    """`kind` is the library; XGBoost without."""
    spec = {"trees": {"rounds": 20, **trees}, "preprocess": preprocess or {}}
    return Candidate(number=number, spec=spec, structure=trees.get("kind", "xgboost"))


def evaluate(
    generations: Iterator[Sequence[Candidate]],
    folder: Path,
    *,
    task: str = "binary",
    cores: int = 1,
    patience: int = 5,
    folds: Sequence[Fold] = FOLDS,
    deadline: Deadline = NEVER,
    monotone: dict[str, Any] | None = None,
) -> Iterator[Outcome]:
    table = table_of(task)
    evaluator = BoosterEvaluate(
        table=table,
        metric=metrics.resolve("auto", table.schema.task),
        seed=3,
        cores=cores,
        stopping=BoosterStopping(patience=patience),
        monotone=monotone or {},
    )
    return evaluator(generations, folds, report=lambda step, scores: frozenset(), deadline=deadline, checkpoint=folder)


def one(folder: Path, of: Candidate, **words: Any) -> Outcome:
    (outcome,) = evaluate(iter([[of]]), folder, **words)
    return outcome


@EACH
def test_cores_and_company_change_no_byte(library: str, tmp_path: Path) -> None:
    zero, first, second = (candidate(number, kind=library) for number in range(3))
    together = list(evaluate(iter([[zero, first], [second]]), tmp_path / "two", cores=2))
    assert sorted(outcome.number for outcome in together) == [0, 1, 2]
    one(tmp_path / "one", first)
    assert hash_folder(tmp_path / "one" / "00001") == hash_folder(tmp_path / "two" / "00001")
    assert hash_folder(tmp_path / "two" / "00000") != hash_folder(tmp_path / "two" / "00002"), "own name, own seed"


def test_outcome_says_what_the_folder_says(tmp_path: Path) -> None:
    outcome = one(tmp_path, candidate(4))
    described = read_json(tmp_path / "00004" / "member.json")
    assert outcome.folder == tmp_path / "00004"
    assert described["name"] == "xgboost-4"
    assert described["fold_scores"] == list(outcome.fold_scores_S)
    member, table = load_booster(tmp_path / "00004"), table_of("binary")
    for fold, score in zip(FOLDS, outcome.fold_scores_S, strict=True):
        mine = member.oof.fold_n == fold.number
        truth = table.target()[member.oof.rows_n[mine]]
        assert metrics.get("roc_auc")(truth, member.oof.values_nC[mine][None])[0] == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_lightgbm_answers_in_blocks_of_trees_as_it_does_at_once(task: str, tmp_path: Path) -> None:
    one(tmp_path, candidate(0, kind="lightgbm", rounds=130, learning_rate=0.02), task=task)
    member, table = load_booster(tmp_path / "00000"), table_of(task)
    for part in member.parts:
        assert part.model.trees > 60, "more than one block"
        features = part.preprocessor.transform(table, np.arange(20))
        whole = lightgbm.Booster(model_str=part.model.content.decode()).predict(matrix(features))
        np.testing.assert_allclose(LIBRARIES["lightgbm"].read(part.model.content)(features), whole, rtol=1e-12)


def numbers_and_levels() -> tuple[np.ndarray, np.ndarray]:
    """Three numbers, some missing, and a category; two classes."""
    rng = np.random.default_rng(0)
    x_NF = np.column_stack([rng.normal(size=(600, 3)), rng.integers(0, 9, 600)])
    x_NF[rng.random(600) < 0.1, 0] = np.nan
    return x_NF, (x_NF[:, 1] + (x_NF[:, 3] % 3) + rng.normal(size=600) > 1).astype(int)


def test_a_lean_lightgbm_answers_the_same_with_a_third_of_the_bytes() -> None:
    x_NF, y_N = numbers_and_levels()
    settings = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(x_NF, y_N, categorical_feature=[3]), 50)
    whole = booster.model_to_string()
    lean = boosting_lightgbm.lean(whole)
    answers = lightgbm.Booster(model_str=lean).predict(x_NF, raw_score=True)
    np.testing.assert_allclose(answers, booster.predict(x_NF, raw_score=True), rtol=0, atol=1e-7)
    assert len(gzip.compress(lean.encode())) < 0.4 * len(gzip.compress(whole.encode()))
    assert not any(f"{word}=" in lean for word in boosting_lightgbm.STATISTICS)


def test_a_lean_xgboost_gives_the_same_bits_with_half_of_the_bytes() -> None:
    x_NF, y_N = numbers_and_levels()
    rows = xgboost.DMatrix(x_NF, y_N, feature_types=["q", "q", "q", "c"], enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, rows, 50)
    bare = xgboost.Booster()
    whole = bytes(booster.save_raw("ubj"))
    lean = boosting_xgboost.lean(whole)
    bare.load_model(bytearray(lean))
    np.testing.assert_array_equal(bare.predict(rows), booster.predict(rows))
    assert len(gzip.compress(lean)) < 0.6 * len(gzip.compress(whole))


@EACH
@pytest.mark.parametrize("cores", [2, 3])
def test_folds_answer_many_rows_side_by_side_as_they_do_alone(
    tmp_path: Path, library: str, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three folds on two cores are cut in halves."""
    one(tmp_path, candidate(0, kind=library), task="multiclass")
    member, table = load_booster(tmp_path / "00000"), table_of("multiclass")
    many = np.tile(np.arange(150), 1 + MANY_ROWS // 150)
    asked: list[int] = []
    plain = FoldPart.predict
    monkeypatch.setattr(fold_member, "num_cores", lambda: cores)
    monkeypatch.setattr(FoldPart, "predict", lambda part, *given: (asked.append(len(given[1])), plain(part, *given))[1])
    found = member.predict(table, many)
    assert sorted(asked) == ([len(many) // 2] * 6 if cores == 2 else [len(many)] * 3)
    np.testing.assert_array_equal(found, np.tile(member.predict(table, np.arange(150)), (len(many) // 150, 1)))


def test_like_rows_lie_together() -> None:
    """By level first, then by number, which is what a tree's questions are about."""
    random = np.random.default_rng(0)
    codes_NG, numbers_NF = random.integers(0, 3, (500, 2)), random.normal(size=(500, 1)).astype(np.float32)
    numbers_NF[::50] = np.nan
    order = fold_member.like_rows_together(
        Features(
            numeric_NF=numbers_NF, codes_NG=codes_NG, num_codes_G=(3, 3), names_F=("x",), names_G=("a", "b"), arrays={}
        )
    )
    assert sorted(order) == list(range(500))
    assert (np.diff(codes_NG[order], axis=0) != 0).any(axis=1).sum() == 8  # nine pairs of levels, each in one run
    assert np.nansum(np.diff(numbers_NF[order, 0]) < 0) <= 8


@EACH
def test_several_threads_may_ask_one_model(tmp_path: Path, library: str) -> None:
    """As a server does; LightGBM's own booster would answer some with the trees that others asked for."""
    one(tmp_path, candidate(0, kind=library, rounds=90, learning_rate=0.02), patience=90)
    member, table = load_booster(tmp_path / "00000"), table_of("binary")
    rows = [np.roll(np.arange(150), number) for number in range(8)]
    alone = [member.predict(table, some) for some in rows]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, expected in zip(pool.map(lambda some: member.predict(table, some), rows), alone, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_folds_can_be_added_later(tmp_path: Path) -> None:
    first = one(tmp_path / "later", candidate(0), folds=FOLDS[:1])
    rest = one(tmp_path / "later", candidate(0), folds=FOLDS[1:])
    whole = one(tmp_path / "once", candidate(0))
    assert first.fold_scores_S + rest.fold_scores_S == whole.fold_scores_S
    assert hash_folder(tmp_path / "later") == hash_folder(tmp_path / "once")


def test_out_of_fold_means_out_of_fold(tmp_path: Path) -> None:
    """The model of a fold has not seen what it scores: with noise for a target, nothing is to be learned."""
    one(tmp_path, candidate(0, max_depth=10, learning_rate=1.0), task="multiclass", patience=100)
    oof = read_member_oof(tmp_path / "00000")
    np.testing.assert_array_equal(oof.rows_n, np.arange(150))
    member, table = load_booster(tmp_path / "00000"), table_of("multiclass")
    for part in member.parts:
        mine = part.oof.rows_n
        np.testing.assert_array_equal(part.predict(table, mine), part.oof.values_nC)


CHANGES: dict[str, Any] = {
    "learning_rate": 0.3,
    "max_depth": 1,
    "leaves": 3,
    "min_child_weight": 8.0,
    "subsample": 0.3,
    "columns": 0.4,
    "columns_by_level": 0.4,
    "columns_by_node": 0.4,
    "l2": 50.0,
    "l1": 5.0,
    "max_bins": 8,
    "rounds": 3,
    "rows": 60,
}
BASE = {"max_bins": 256, "leaves": 8, "max_depth": 4, "subsample": 0.9, "min_child_weight": 0.5}


def test_every_setting_is_tried_below() -> None:
    assert set(TreesSpec.model_fields) == {*CHANGES, "one_hot"}


@pytest.mark.parametrize("word", CHANGES)
@EACH
def test_every_setting_does_something(library: str, word: str, tmp_path: Path) -> None:
    """What a library has no counterpart for, it says; all others change what it predicts."""
    same = {"kind": library, "rounds": 20, **BASE}
    one(tmp_path / "default", candidate(0, **same), folds=FOLDS[:1])
    one(tmp_path / "changed", candidate(0, **{**same, word: CHANGES[word]}), folds=FOLDS[:1])
    default, changed = (load_booster(tmp_path / name / "00000").oof.values_nC for name in ("default", "changed"))
    assert (np.abs(default - changed).max() < 1e-9) == (word in LIBRARIES[library].lacks)


@EACH
def test_few_levels_are_taken_one_by_one(library: str) -> None:
    """Eight levels, half of them yes: one split finds the set, one level against all others does not."""
    random = np.random.default_rng(0)
    codes = random.integers(1, 9, 2000).astype(np.int32)
    target = (np.isin(codes, (2, 3, 5, 8)) ^ (random.random(2000) < 0.05)).astype(np.int64)
    features = Features(
        numeric_NF=np.zeros((2000, 0), dtype=np.float32),
        codes_NG=codes[:, None],
        num_codes_G=(9,),
        names_F=(),
        names_G=("level",),
        arrays={},
    )
    losses = {}
    for one_hot in (2, 30):
        trees = TreesSpec(one_hot=one_hot, max_depth=1, rounds=1, learning_rate=1.0, subsample=1.0, columns=1.0)
        asked = Asked(trees=trees, task="binary", num_outputs=2, seed=0, patience=5)
        grown = LIBRARIES[library].grow(asked, (features, target), (features, target), lambda: False)
        assert grown is not None
        losses[one_hot] = grown.curves["validation"][0]
    assert losses[2] < losses[30] - 0.1


def test_preprocessing_does_something(tmp_path: Path) -> None:
    one(tmp_path / "native", candidate(0), folds=FOLDS[:1])
    one(tmp_path / "other", candidate(0, {"encode": "one_hot", "impute": "median"}), folds=FOLDS[:1])
    native, other = (load_booster(tmp_path / name / "00000") for name in ("native", "other"))
    assert np.abs(native.oof.values_nC - other.oof.values_nC).max() > 1e-3


@EACH
def test_early_stopping_keeps_the_best_round(library: str, tmp_path: Path) -> None:
    of = candidate(0, kind=library, rounds=200, learning_rate=0.5)
    outcome = one(tmp_path, of, folds=FOLDS[:1], patience=7)
    losses = outcome.curves["validation"]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 7 < 200
    assert outcome.facts["trees"] == best
    assert outcome.curves["train"].shape == losses.shape


def test_mean_curve_ends_where_the_first_fold_ends() -> None:
    curves = [np.array([4.0, 2.0, 1.0], dtype=np.float32), np.array([2.0, 1.0], dtype=np.float32)]
    np.testing.assert_array_equal(mean_curve(curves), np.array([3.0, 1.5], dtype=np.float32))


@pytest.mark.parametrize(
    ("door", "refused"),
    [(boosting_xgboost, {"max_depth": -1}), (boosting_lightgbm, {"num_leaves": 1}), (boosting_catboost, {"depth": 99})],
    ids=list(LIBRARIES),
)
def test_a_failed_candidate_stops_nobody_else(
    door: Any, refused: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, library = door.words, door.LIBRARY.word

    def broken(asked: Asked) -> dict[str, Any]:
        return {**words(asked), **(refused if asked.trees.max_depth == 9 else {})}

    monkeypatch.setattr(door, "words", broken)
    candidates = [candidate(0, kind=library, max_depth=9), candidate(1, kind=library)]
    outcomes = {outcome.number: outcome for outcome in evaluate(iter([candidates]), tmp_path)}
    assert outcomes[0].state == "failed"
    assert outcomes[0].cause is not None
    assert outcomes[0].cause.startswith("error: ")
    assert outcomes[0].folder is None
    assert outcomes[1].state == "complete"


@EACH
def test_the_deadline_leaves_no_half_member(library: str, tmp_path: Path) -> None:
    assert list(evaluate(iter([[candidate(0)]]), tmp_path, deadline=Deadline.after(0.0))) == []
    stop = tmp_path / "stop"

    def generations() -> Iterator[list[Candidate]]:
        yield [candidate(0)]
        stop.write_text("")
        yield [candidate(1, kind=library, rounds=100_000, learning_rate=1e-6)]

    found = list(evaluate(generations(), tmp_path, patience=100_000, deadline=Deadline(stop_file=stop)))
    assert [outcome.number for outcome in found] == [0]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["00000", "stop"]


def test_the_next_generation_is_pulled_when_the_last_is_decided(tmp_path: Path) -> None:
    seen: list[str] = []

    def generations() -> Iterator[list[Candidate]]:
        for number in (0, 2):
            seen.append(f"pull {number}")
            yield [candidate(number), candidate(number + 1)]

    for outcome in evaluate(generations(), tmp_path, cores=2):
        seen.append(f"done {outcome.number // 2}")
    assert seen == ["pull 0", "done 0", "done 0", "pull 2", "done 1", "done 1"]


def test_who_wants_no_more_is_not_kept_waiting(tmp_path: Path) -> None:
    endless = candidate(1, rounds=1_000_000, learning_rate=1e-9)
    outcomes = evaluate(iter([[candidate(0), endless]]), tmp_path, patience=1_000_000)
    assert next(outcomes).number == 0
    outcomes.close()  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir()] == ["00000"]


@EACH
def test_large_targets_are_learned_in_their_own_units(library: str, tmp_path: Path) -> None:
    """Standardised inside: 50 around 1000 is learned as well as 1 around 0, and comes back around 1000."""
    one(tmp_path, candidate(0, kind=library), task="regression")
    values = load_booster(tmp_path / "00000").predict(table_of("regression"))
    assert 950 < values.mean() < 1050
    assert values.std() > 20


@EACH
def test_a_booster_may_be_cut_off_in_its_very_first_round(library: str) -> None:
    (prepared,) = prepare(TreePreprocess(), table_of("binary"), FOLDS[:1])
    fit, scored = (prepared.fit, prepared.fit_target), (prepared.scored, prepared.score_target)
    asked = Asked(trees=TreesSpec(rounds=20), task="binary", num_outputs=2, seed=0, patience=5)
    grow = LIBRARIES[library].grow
    assert grow(asked, fit, scored, lambda: True) is None
    grown = grow(asked, fit, scored, lambda: False)
    assert grown is not None
    assert 1 <= grown.rounds <= 20
