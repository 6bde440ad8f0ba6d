"""The choice among ways: honest where members are noise, the cheaper of ties, and what each new way can do."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import metrics
from components.ensembles import tries
from components.ensembles.combine import PartScores
from components.ensembles.convex import convex
from components.ensembles.decision_threshold import AtBestThreshold
from components.ensembles.meta_learner import linear
from components.ensembles.pareto import beginnings, with_front
from components.ensembles.quick_scores import Additions
from components.ensembles.stacking import Aligned, Choice, Second, StackingSpec, choose


def probabilities(event_n: Any) -> np.ndarray:
    event_n = np.clip(np.asarray(event_n, dtype=np.float64), 0.001, 0.999)
    return np.stack([1 - event_n, event_n], axis=-1).astype(np.float32)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x)))


def chosen(values: Any, truth_n: np.ndarray, *, metric: str, cost: Any = None, **more: Any) -> Choice:
    values = np.asarray(values)
    num = len(truth_n)
    fold_n = (np.arange(num) % 5).astype(np.int16)
    cost_M = np.ones(len(values), dtype=np.int64) if cost is None else np.array(cost)
    second = more.pop("second", None)
    return choose(
        StackingSpec(**more),
        Aligned(rows_n=np.arange(num), fold_n=fold_n, values_MnC=values),
        truth_n,
        cost_M,
        metric=metrics.get(metric),
        seed=0,
        second=second,
    )


def test_fifty_random_members_promise_nothing() -> None:
    """200 rows, 50 members of pure chance: the best of them looks good, and the nested score says the truth."""
    looks, nested, fresh = [], [], []
    for seed in range(4):
        random = np.random.default_rng(seed)
        truth_n = random.integers(0, 2, 200)
        choice = chosen(probabilities(random.random((50, 200))), truth_n, metric="roc_auc")
        best = choice.member_scores_MP.mean(axis=1).max()
        assert np.mean(choice.fold_scores) >= best - 1e-6
        looks.append(best)
        nested.append(np.mean(choice.nested_scores))
        new_n = random.integers(0, 2, 4000)
        answers = choice.combiner(probabilities(random.random((50, 4000))))
        fresh.append(metrics.get("roc_auc")(new_n, answers[None])[0])
    assert np.mean(looks) > 0.57
    assert np.mean(nested) == pytest.approx(np.mean(fresh), abs=0.04)
    assert np.mean(fresh) == pytest.approx(0.5, abs=0.02)


def test_the_nested_score_of_good_members_is_that_of_fresh_rows() -> None:
    random = np.random.default_rng(3)
    hidden_n = random.normal(size=20_400)
    truth_n = (random.random(20_400) < sigmoid(2 * hidden_n)).astype(np.int64)
    values = probabilities(sigmoid(hidden_n + random.normal(size=(8, 20_400)) * 1.5))
    choice = chosen(values[:, :400], truth_n[:400], metric="roc_auc")
    fresh = metrics.get("roc_auc")(truth_n[400:], choice.combiner(values[:, 400:])[None])[0]
    assert choice.method != "best"
    assert np.mean(choice.nested_scores) == pytest.approx(fresh, abs=0.03)


def test_what_chance_cannot_tell_apart_goes_to_the_cheapest() -> None:
    """A dear twin with a little noise of its own helps a little, less than chance: the cheap one stays alone."""
    random = np.random.default_rng(0)
    hidden_n = random.normal(size=300)
    truth_n = (random.random(300) < sigmoid(2 * hidden_n)).astype(np.int64)
    cheap, dear = probabilities(sigmoid(2 * hidden_n)), probabilities(sigmoid(2 * hidden_n + 0.1 * random.normal()))
    choice = chosen([cheap, dear], truth_n, metric="log_loss", cost=[1, 1000])
    assert (choice.combiner.weight_M > 0).tolist() == [True, False]
    assert "best" in choice.tied


def test_a_member_that_was_lucky_among_many_does_not_tie_with_what_is_better_without_luck() -> None:
    """Four alike: the best of them looks nearly as good as their mean, and on a fold it has not seen it is not."""
    fewer = 0
    for seed in range(8):
        random = np.random.default_rng(seed)
        hidden_n = random.normal(size=200)
        truth_n = (random.random(200) < sigmoid(2 * hidden_n)).astype(np.int64)
        values = probabilities(sigmoid(1.5 * hidden_n + 0.6 * random.normal(size=(4, 200))))
        fewer += chosen(values, truth_n, metric="log_loss").method == "best"
    assert fewer == 0


def test_a_second_layer_must_be_ahead_by_more_than_chance() -> None:
    random = np.random.default_rng(1)
    hidden_n = random.normal(size=500)
    truth_n = (random.random(500) < sigmoid(2 * hidden_n)).astype(np.int64)
    first = probabilities(sigmoid(hidden_n + random.normal(size=(3, 500))))
    noisy = Second(values_nC=probabilities(sigmoid(hidden_n + 0.9 * random.normal(size=500))), cost=100)
    better = Second(values_nC=probabilities(sigmoid(2 * hidden_n)), cost=100)
    assert chosen(first[:1].repeat(2, axis=0), truth_n, metric="log_loss", second=better).method == "two_layers"
    choice = chosen(first, truth_n, metric="log_loss", second=better)
    assert (choice.method, len(choice.combiner.weight_M)) == ("two_layers", 4)
    assert chosen(first, truth_n, metric="log_loss", second=noisy).method != "two_layers"


def test_a_second_layer_that_leaks_is_not_taken_for_a_small_gain() -> None:
    """Knows of each row's label a little that new rows will not have: within two errors, so it stays out."""
    random = np.random.default_rng(2)
    hidden_n = random.normal(size=200)
    truth_n = (random.random(200) < sigmoid(2 * hidden_n)).astype(np.int64)
    first = probabilities(sigmoid(2 * hidden_n + 0.5 * random.normal(size=(3, 200))))
    leaking = sigmoid(2 * hidden_n + 0.4 * random.normal(size=200) + 0.1 * (truth_n - 0.5))
    assert chosen(first, truth_n, metric="roc_auc", second=Second(values_nC=probabilities(leaking), cost=1)).method != (
        "two_layers"
    )


def test_convex_weights_are_found_and_sum_to_one() -> None:
    random = np.random.default_rng(0)
    weight_M = np.array([0.7, 0.3, 0.0])
    parts = probabilities(random.random((3, 20_000)))
    truth_n = (random.random(20_000) < weight_M @ parts[:, :, 1]).astype(np.int64)
    np.testing.assert_allclose(convex(parts, truth_n).weight_M, weight_M, atol=0.03)
    numbers = random.normal(size=(3, 5000, 1)).astype(np.float32)
    truth_n = weight_M @ numbers[:, :, 0] + 0.1 * random.normal(size=5000)
    found = convex(numbers, truth_n)
    np.testing.assert_allclose(found.weight_M, weight_M, atol=0.02)
    assert found.weight_M.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("fit", [convex, linear])
def test_a_member_with_little_weight_stays_behind(fit) -> None:
    """It would cost time and space in every answer; what is left is fitted without it."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(3, 5000, 1)).astype(np.float32)
    truth_n = np.array([0.75, 0.2, 0.05]) @ numbers[:, :, 0] + 0.1 * random.normal(size=5000)
    found = fit(numbers, truth_n)
    np.testing.assert_array_equal(found.weight_M > 0, [True, True, False])
    np.testing.assert_array_equal(found.weight_M[:2], fit(numbers[:2], truth_n).weight_M)


def test_few_rows_leave_convex_weights_near_the_mean() -> None:
    random = np.random.default_rng(0)
    parts = probabilities(random.random((3, 2000)))
    truth_n = (random.random(2000) < parts[0, :, 1]).astype(np.int64)
    few, many = convex(parts[:, :3], truth_n[:3]), convex(parts, truth_n)
    assert few.weight_M[0] < 0.75 < 0.9 < many.weight_M[0]
    assert few.weight_M.min() > 0


def test_convex_and_average_are_part_of_auto() -> None:
    random = np.random.default_rng(0)
    truth_n = random.normal(size=300)
    values = (truth_n + random.normal(size=(6, 300)))[:, :, None].astype(np.float32)
    choice = chosen(values, truth_n, metric="rmse")
    assert set(choice.method_scores) == {"best", "average", "greedy", "convex", "linear"}
    assert choice.method_scores["convex"] < choice.method_scores["best"] / 1.5


@pytest.mark.parametrize(("most", "number"), [("MOST_ROWS", 1000), ("MOST_NUMBERS", 2 * 1000)])
def test_many_rows_are_judged_by_some(most: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights come from a part of the rows, predictions and scores are of all."""
    random = np.random.default_rng(0)
    hidden_n = random.normal(size=3000)
    truth_n = (hidden_n + random.normal(size=3000) > 0).astype(np.int64)
    values = probabilities(sigmoid(hidden_n + random.normal(size=(4, 3000))))
    every = chosen(values, truth_n, metric="roc_auc", method="linear")
    monkeypatch.setattr(tries, most, number)
    some = chosen(values, truth_n, metric="roc_auc", method="linear")
    assert len(some.oof.values_nC) == 3000
    assert not np.array_equal(some.combiner.weight_M, every.combiner.weight_M)
    assert np.mean(some.fold_scores) == pytest.approx(np.mean(every.fold_scores), abs=0.01)


@given(st.integers(0, 1000), st.sampled_from(["roc_auc", "f1", "balanced_accuracy", "log_loss", "accuracy", "brier"]))
@settings(deadline=None, max_examples=20)
def test_quick_scores_are_the_exact_ones(seed: int, name: str) -> None:
    """Within a ten-thousandth for what is counted in bins; one row of few events moves the best F1 by more."""
    random = np.random.default_rng(seed)
    truth_n = (random.random(6000) < 0.1).astype(np.int64)
    values = probabilities(0.05 + 0.1 * truth_n + 0.05 * random.normal(size=(3, 6000)))
    cases: list[Any] = [metrics.get(name)]
    if name in ("f1", "balanced_accuracy"):
        cases.append(AtBestThreshold(metrics.get(name)))
    for metric in cases:
        scores = PartScores(metric, truth_n, np.array_split(random.permutation(6000), 3))
        scores = PartScores(metric, truth_n, [np.sort(part) for part in scores.parts])
        additions = Additions(values, scores)
        total_nc = additions.nothing() + additions.values_Mnc[0]
        exact = scores(((values[0] + values) / 2).astype(np.float32))
        np.testing.assert_allclose(additions.scores(total_nc, 2), exact, atol=5e-3 if "best" in metric.name else 1e-4)


def test_the_pareto_table_compares_what_unseen_folds_say() -> None:
    """Fifty members of chance: the best looks better, its line says about one half; nothing is beaten by a dearer."""
    random = np.random.default_rng(0)
    truth_n = random.integers(0, 2, 400)
    values = probabilities(random.random((50, 400)))
    scores = PartScores(metrics.get("roc_auc"), truth_n, [np.flatnonzero(np.arange(400) % 5 == k) for k in range(5)])
    facts = {f"m{m}": {"cost": 10 + m, "bytes": 100, "ms_per_row": None} for m in range(50)}
    lines = with_front(beginnings(values, scores, np.arange(50), facts), greater_is_better=True)
    assert scores(values).max() > 0.56 > 0.55 > lines[0]["score"]
    assert [len(one["members"]) for one in lines] == list(range(1, len(lines) + 1))
    front = sorted((one for one in lines if one["front"]), key=lambda one: one["cost"])
    assert all(dear["score"] > cheap["score"] for cheap, dear in itertools.pairwise(front))
    assert front
