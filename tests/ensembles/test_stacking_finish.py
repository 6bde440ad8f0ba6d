"""Temperature and threshold: found where they help, left alone where they do not, and applied in the same way."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import metrics
from components.core.thresholds import as_if_half, called
from components.ensembles.combine import Combiner, cooled
from components.ensembles.decision_threshold import AtBestThreshold, best_threshold
from components.ensembles.stacking import Aligned, Choice, StackingSpec, choose
from components.ensembles.temperature import temperature


def probabilities(event_n: Any) -> np.ndarray:
    event_n = np.clip(np.asarray(event_n, dtype=np.float64), 1e-4, 1 - 1e-4)
    return np.stack([1 - event_n, event_n], axis=-1).astype(np.float32)


def case(num: int, *, seed: int = 0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds, and labels that follow them exactly."""
    random = np.random.default_rng(seed)
    odds_n = 1.5 * random.normal(size=num) + shift
    return odds_n, (random.random(num) < 1 / (1 + np.exp(-odds_n))).astype(np.int64)


def chosen(values: Any, truth_n: np.ndarray, *, metric: str, **more: Any) -> Choice:
    num = len(truth_n)
    fold_n = (np.arange(num) % 4).astype(np.int16)
    members = Aligned(rows_n=np.arange(num), fold_n=fold_n, values_MnC=np.asarray(values))
    cost_M = np.ones(len(values), dtype=np.int64)
    return choose(StackingSpec(**more), members, truth_n, cost_M, metric=metrics.get(metric), seed=0)


def test_the_known_temperature_is_found() -> None:
    odds_n, truth_n = case(20_000)
    sure = probabilities(1 / (1 + np.exp(-2.5 * odds_n)))
    assert temperature(sure, truth_n) == pytest.approx(2.5, rel=0.05)
    np.testing.assert_allclose(cooled(sure, 2.5)[:, 1], 1 / (1 + np.exp(-odds_n)), atol=0.025)


def test_a_perfect_ensemble_of_few_rows_is_not_made_certain() -> None:
    """Without Laplace's rows the best temperature would be 0."""
    truth_n = np.array([0, 1] * 10)
    assert 0.25 < temperature(probabilities(np.where(truth_n == 1, 0.7, 0.3)), truth_n) < 1


@pytest.mark.parametrize("method", ["best", "average", "greedy", "convex"])
def test_calibration_is_applied_and_lowers_log_loss_on_fresh_rows(method: Any) -> None:
    odds_n, truth_n = case(1200)
    sure = np.stack([probabilities(1 / (1 + np.exp(-3 * odds_n))) for _ in range(2)])
    plain = chosen(sure[:, :600], truth_n[:600], metric="log_loss", method=method, calibrate=False)
    choice = chosen(sure[:, :600], truth_n[:600], metric="log_loss", method=method)
    assert plain.combiner.temperature == 1.0
    assert choice.combiner.temperature > 2
    assert np.mean(choice.fold_scores) < np.mean(plain.fold_scores) - 0.05
    loss = metrics.get("log_loss")
    fresh = loss(truth_n[600:], np.stack([one.combiner(sure[:, 600:]) for one in (choice, plain)]))
    assert fresh[0] < fresh[1] - 0.05
    assert np.mean(choice.fold_scores) == pytest.approx(fresh[0], abs=0.06)
    again = Combiner.from_json(choice.combiner.to_json())
    np.testing.assert_array_equal(again(sure), choice.combiner(sure))


def test_what_is_calibrated_stays_as_it_is_or_nearly() -> None:
    odds_n, truth_n = case(4000)
    honest = [probabilities(1 / (1 + np.exp(-odds_n)))]
    assert chosen(honest, truth_n, metric="log_loss").combiner.temperature == pytest.approx(1.0, abs=0.1)


def test_numbers_have_no_temperature() -> None:
    truth_n = np.arange(40.0)
    choice = chosen([truth_n[:, None].astype(np.float32) + 1], truth_n, metric="rmse", method="best")
    assert (choice.combiner.temperature, choice.threshold) == (1.0, None)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "f1_macro"])
def test_rare_events_are_called_below_one_half(name: str) -> None:
    odds_n, truth_n = case(6000, shift=-3.0)
    member = probabilities(1 / (1 + np.exp(-odds_n)))[None]
    choice = chosen(member[:, :3000], truth_n[:3000], metric=name)
    assert choice.threshold is not None
    assert choice.threshold < 0.45
    metric = metrics.get(name)
    fresh = choice.combiner(member[:, 3000:])
    at = metric(truth_n[3000:], np.stack([as_if_half(fresh, choice.threshold), fresh]))
    assert at[0] > at[1] + 0.02
    assert np.mean(choice.fold_scores) == pytest.approx(at[0], abs=0.06)
    assert np.mean(choice.fold_scores) > choice.member_scores_MP.mean() + 0.02


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "accuracy", "recall"])
def test_other_metrics_get_no_threshold(name: str) -> None:
    odds_n, truth_n = case(300, shift=-2.0)
    assert chosen(probabilities(1 / (1 + np.exp(-odds_n)))[None], truth_n, metric=name).threshold is None


@given(st.integers(0, 10_000), st.sampled_from(["f1", "balanced_accuracy", "f1_macro"]))
@settings(deadline=None, max_examples=30)
def test_the_best_threshold_is_the_best_of_all(seed: int, name: str) -> None:
    random = np.random.default_rng(seed)
    values = probabilities(random.integers(1, 12, 40) / 12)
    truth_n = random.integers(0, 2, 40)
    metric = metrics.get(name)
    threshold = best_threshold(metric, truth_n, values[:, 1])
    assert threshold is not None

    def score(at: float) -> float:
        return float(metric(truth_n, as_if_half(values, at)[None])[0])

    tried = max(score(at) for at in np.linspace(0.01, 0.99, 99))
    ends = score(0.5 * values[:, 1].min())  # calling all rows the event is no threshold between two of them
    assert score(threshold) >= min(tried, max(tried, ends)) - 1e-9 or tried == ends
    assert AtBestThreshold(metric)(truth_n, values[None])[0] >= score(threshold) - 1e-9


@given(st.floats(0.02, 0.98), st.integers(0, 100))
def test_labels_at_a_threshold_are_labels_at_one_half_of_moved_odds(threshold: float, seed: int) -> None:
    event_n = np.random.default_rng(seed).random(50)
    values = probabilities(np.append(event_n, threshold))
    np.testing.assert_array_equal(as_if_half(values, threshold).argmax(axis=1), called(values, threshold))
    assert (np.diff(as_if_half(values, threshold)[np.argsort(values[:, 1]), 1]) >= 0).all()
    np.testing.assert_array_equal(called(values), values.argmax(axis=1))


def test_one_class_alone_has_no_threshold() -> None:
    metric = metrics.get("f1")
    assert best_threshold(metric, np.zeros(5, dtype=np.int64), np.linspace(0, 1, 5, dtype=np.float32)) is None
    assert best_threshold(metric, np.array([0, 1]), np.array([0.5, 0.5], dtype=np.float32)) is None
