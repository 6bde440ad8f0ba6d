"""Stacking: never worse than the best member on the same folds, ties to the cheaper, nobody kept without weight."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import metrics
from components.core.contracts import Predictions
from components.core.errors import UserMistake
from components.core.files import read_json, write_json
from components.core.predictions import read_member_oof
from components.core.thresholds import as_if_half
from components.ensembles.combine import Combiner, PartScores, weighted_mean
from components.ensembles.ensemble_member import write_ensemble
from components.ensembles.greedy import first_choice, greedy
from components.ensembles.meta_learner import linear
from components.ensembles.stacking import Aligned, StackingSpec, align, choose
from components.ensembles.ways import random_parts

ROWS = 120
FOLD = (np.arange(ROWS) % 3).astype(np.int16)
EQUAL = np.ones(9, dtype=np.int64)


def probabilities(event_n: Any) -> np.ndarray:
    event_n = np.clip(np.asarray(event_n, dtype=np.float64), 0.001, 0.999)
    return np.column_stack([1 - event_n, event_n]).astype(np.float32)


def aligned(values: list[np.ndarray], fold_n: np.ndarray = FOLD) -> Aligned:
    return Aligned(rows_n=np.arange(len(fold_n)), fold_n=fold_n, values_MnC=np.stack(values))


def case(seed: int, task: str, num_members: int, noise: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Truth, and members that know more or less of it, some of them much alike."""
    random = np.random.default_rng(seed)
    hidden, shared = random.normal(size=ROWS), random.normal(size=ROWS)
    guesses = [hidden + noise * (random.normal(size=ROWS) * random.uniform(0, 2) + shared) for _ in range(num_members)]
    if task == "regression":
        return hidden, [guess[:, None].astype(np.float32) for guess in guesses]
    return (hidden > 0).astype(np.int64), [probabilities(1 / (1 + np.exp(-2 * guess))) for guess in guesses]


@given(
    st.integers(0, 10_000),
    st.sampled_from(["roc_auc", "log_loss", "accuracy", "f1", "rmse", "r2"]),
    st.integers(1, 6),
    st.floats(0, 5),
    st.booleans(),
)
@settings(deadline=None, max_examples=30)
def test_never_worse_than_the_best_member(seed: int, name: str, num_members: int, noise: float, one_fold: bool) -> None:
    """On the same folds: by what is reported (combiners that have not seen the fold), and fitted on all rows."""
    metric = metrics.get(name)
    truth_n, values = case(seed, metric.tasks[0], num_members, noise)
    members = aligned(values, np.zeros_like(FOLD) if one_fold else FOLD)
    choice = choose(StackingSpec(), members, truth_n, EQUAL[:num_members], metric=metric, seed=seed)
    sign = 1 if metric.greater_is_better else -1
    best = (sign * choice.member_scores_MP.mean(axis=1)).max()
    tied = 1e-6 * abs(best)  # but for rounding
    assert sign * np.mean(choice.fold_scores) >= best - tied
    fitted = PartScores(metric, truth_n, [np.flatnonzero(members.fold_n == fold) for fold in choice.folds])
    called_nC = as_if_half(choice.combiner(members.values_MnC), choice.threshold)
    assert fitted(called_nC[None])[0] >= best - tied
    assert (choice.combiner.weight_M >= 0).all()
    assert choice.combiner.weight_M.sum() > 0


@pytest.mark.parametrize("method", ["best", "average", "greedy", "linear"])
def test_a_named_method_is_taken_as_it_is(method: Any) -> None:
    truth_n, values = case(0, "binary", 4, 1.0)
    choice = choose(
        StackingSpec(method=method), aligned(values), truth_n, EQUAL[:4], metric=metrics.get("log_loss"), seed=0
    )
    assert choice.method == method
    assert set(choice.method_scores) == {method}
    used = int((choice.combiner.weight_M > 0).sum())
    assert used == {"best": 1, "average": 4}.get(method, used)


def test_two_halves_of_the_truth_are_better_than_either() -> None:
    random = np.random.default_rng(0)
    truth_n = random.integers(0, 2, ROWS)
    known = random.random(ROWS) < 0.5
    values = [
        probabilities(np.where(known, truth_n, 0.5)),
        probabilities(np.where(known, 0.5, truth_n)),
        probabilities(random.random(ROWS)),
    ]
    choice = choose(StackingSpec(), aligned(values), truth_n, EQUAL[:3], metric=metrics.get("roc_auc"), seed=0)
    assert choice.method in ("greedy", "linear")
    assert np.mean(choice.fold_scores) > choice.member_scores_MP.mean(axis=1).max() + 0.05
    assert choice.combiner.weight_M[2] < 0.2 * choice.combiner.weight_M[:2].min()


def test_the_reported_score_is_that_of_unseen_folds() -> None:
    """Members that are pure noise: fitted weights look better than chance on their own rows, reported ones must not."""
    random = np.random.default_rng(1)
    truth_n = random.integers(0, 2, ROWS)
    values = [probabilities(random.random(ROWS)) for _ in range(30)]
    metric = metrics.get("roc_auc")
    choice = choose(
        StackingSpec(method="greedy"), aligned(values), truth_n, np.ones(30, dtype=np.int64), metric=metric, seed=0
    )
    seen = metric(truth_n, choice.combiner(np.stack(values))[None])[0]
    assert seen > 0.6 > np.mean(choice.fold_scores)


def test_greedy_by_hand() -> None:
    """Truth 0; members +1, -1 and +3: the mean of the first two is right, the third is never asked."""
    truth_n = np.zeros(6)
    values = np.stack([np.full((6, 1), value, dtype=np.float32) for value in (1.0, -1.0, 3.0)])
    scores = PartScores(metrics.get("mse"), truth_n, [np.arange(6)])
    np.testing.assert_array_equal(greedy(values, scores, EQUAL[:3]).weight_M, [0.5, 0.5, 0.0])


def test_ties_go_to_the_used_then_to_the_cheaper() -> None:
    score_M = np.array([0.9, 0.9, 0.9 - 1e-9, 0.5])
    none = np.zeros(4, dtype=np.int64)
    assert first_choice(score_M, none, np.array([5, 4, 3, 1])) == 2
    assert first_choice(score_M, np.array([1, 0, 0, 7]), np.array([5, 4, 3, 1])) == 0
    assert first_choice(np.full(4, -np.inf), none, np.array([5, 4, 3, 1])) == 3


def test_twins_cost_nothing() -> None:
    """Of two members that say the same, the cheaper one is the ensemble."""
    truth_n, values = case(3, "binary", 1, 0.5)
    twins = aligned([values[0], values[0]])
    choice = choose(StackingSpec(), twins, truth_n, np.array([100, 10]), metric=metrics.get("roc_auc"), seed=0)
    assert (choice.combiner.weight_M > 0).tolist() == [False, True]


def test_a_member_worse_than_none_still_answers() -> None:
    """Its best weight would be zero, and an ensemble without members predicts nothing."""
    truth_n, values = case(0, "binary", 1, 0.3)
    wrong = aligned([values[0][:, ::-1].copy()])
    choice = choose(StackingSpec(method="linear"), wrong, truth_n, EQUAL[:1], metric=metrics.get("roc_auc"), seed=0)
    np.testing.assert_array_equal(choice.combiner.weight_M, [1.0])


def test_the_linear_meta_learner_finds_known_weights() -> None:
    random = np.random.default_rng(0)
    parts = random.normal(size=(3, 2000, 1)).astype(np.float32)
    truth_n = 10.0 + 0.7 * parts[0, :, 0] + 0.3 * parts[1, :, 0] - 0.5 * parts[2, :, 0]
    found = linear(parts, truth_n)
    np.testing.assert_allclose(found.weight_M, [0.7, 0.3, 0.0], atol=0.03)
    np.testing.assert_allclose(found.intercept_C, [10.0], atol=0.03)


def test_the_linear_meta_learner_makes_the_doubtful_surer() -> None:
    """Members that are right but shy: the pool sharpens them, which no mean can."""
    random = np.random.default_rng(0)
    event_n = random.random(4000)
    truth_n = (random.random(4000) < event_n).astype(np.int64)
    shy = probabilities(1 / (1 + ((1 - event_n) / event_n) ** 0.3))
    found = linear(np.stack([shy, shy]), truth_n)
    assert found.weight_M.sum() == pytest.approx(1 / 0.3, rel=0.1)
    loss = metrics.get("log_loss")
    assert loss(truth_n, found(np.stack([shy, shy]))[None])[0] < loss(truth_n, shy[None])[0] - 0.02


def test_combiner_survives_json() -> None:
    truth_n, values = case(2, "binary", 3, 1.0)
    combiner = linear(np.stack(values), truth_n)
    again = Combiner.from_json(combiner.to_json())
    np.testing.assert_array_equal(again(np.stack(values)), combiner(np.stack(values)))


def test_a_certain_member_is_no_infinity() -> None:
    values = np.stack([np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)] * 2)
    combiner = Combiner(form="linear", weight_M=np.array([3.0, 0.5]), intercept_C=np.zeros(2))
    assert np.isfinite(combiner(values)).all()


def test_align_takes_the_rows_that_all_have() -> None:
    def oof(rows: list[int]) -> Predictions:
        rows_n = np.array(rows, dtype=np.int64)
        return Predictions(
            rows_n=rows_n, fold_n=(rows_n % 2).astype(np.int16), values_nC=rows_n[:, None].astype(np.float32)
        )

    both = align([oof([5, 1, 2, 9]), oof([2, 3, 5, 9])])
    np.testing.assert_array_equal(both.rows_n, [2, 5, 9])
    np.testing.assert_array_equal(both.fold_n, [0, 1, 1])
    np.testing.assert_array_equal(both.values_MnC[:, :, 0], [[2, 5, 9], [2, 5, 9]])
    with pytest.raises(UserMistake, match="no row has out-of-fold predictions of all members"):
        align([oof([1, 2]), oof([3, 4])])


def test_random_parts_are_a_partition() -> None:
    np.testing.assert_array_equal(np.sort(np.concatenate(random_parts(17, 0))), np.arange(17))
    assert len(random_parts(3, 0)) == 3


def test_only_members_with_weight_are_copied(tmp_path: Path) -> None:
    truth_n, values = case(0, "binary", 3, 1.0)
    sources = []
    for number, value in enumerate(values):
        folder = tmp_path / f"m{number}"
        write_json(
            folder / "member.json", {"name": f"m{number}", "family": "linear", "cost": 10 + number, "table": "t"}
        )
        sources.append(folder)
        assert value.shape == (ROWS, 2)
    choice = choose(
        StackingSpec(method="average"), aligned(values), truth_n, EQUAL[:3], metric=metrics.get("log_loss"), seed=0
    )
    write_ensemble(
        tmp_path / "out",
        method="average",
        combiner=weighted_mean(np.array([1.0, 0.0, 3.0]), 2),
        sources=sources,
        oof=choice.oof,
        folds=choice.folds,
        fold_scores=choice.fold_scores,
    )
    assert sorted(path.name for path in (tmp_path / "out" / "members").iterdir()) == ["m0", "m2"]
    described = read_json(tmp_path / "out" / "member.json")
    assert (described["family"], described["cost"], described["folds"]) == ("ensemble", 22, [0, 1, 2])
    assert read_json(tmp_path / "out" / "ensemble.json")["combiner"]["weights"] == [0.25, 0.75]
    np.testing.assert_array_equal(read_member_oof(tmp_path / "out").values_nC, choice.oof.values_nC)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="greater than 0"):
        StackingSpec(max_ms_per_row=-1)
