"""Ridge and softmax regression against scikit-learn, and how their strength is chosen."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from components.core.contracts import Fold
from components.ensembles.bagging_jobs import inner_parts
from components.ensembles.linear import (
    STRENGTHS,
    OutOfTimeError,
    fit_linear,
    log_softmax,
    loss,
    ridge_path,
    softmax_path,
)

RANDOM = np.random.default_rng(2)
NUMBERS = RANDOM.normal(size=(200, 5)) * [1.0, 3.0, 0.2, 1.0, 1.0] + [0.0, 5.0, 0.0, 0.0, -2.0]
NUMBERS[:, 4] = NUMBERS[:, 3] + 1e-9 * NUMBERS[:, 4]  # twice nearly the same column
CLASSES = np.argmax(NUMBERS[:, :3] + RANDOM.normal(size=(200, 3)), axis=1)
VALUES = 300.0 + NUMBERS @ [1.0, -2.0, 30.0, 0.5, 0.0] + RANDOM.normal(size=200)


def test_ridge_is_scikit_learns_ridge() -> None:
    for strength, (weight, intercept) in zip(STRENGTHS, ridge_path(NUMBERS, VALUES, 1), strict=True):
        theirs = Ridge(alpha=strength * len(NUMBERS)).fit(NUMBERS, VALUES)
        np.testing.assert_allclose(weight[:, 0], theirs.coef_, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(intercept, theirs.intercept_, rtol=1e-5)


@pytest.mark.parametrize("num_outputs", [2, 3])
def test_softmax_is_scikit_learns_multinomial(num_outputs: int) -> None:
    """Compared by what both minimise: at the least value there is nothing else to agree on."""
    target = np.minimum(CLASSES, num_outputs - 1)

    def value(weight: np.ndarray, intercept: np.ndarray, strength: float) -> float:
        return loss(NUMBERS @ weight + intercept, target) + strength / 2 * float((weight**2).sum())

    for strength, (weight, intercept) in zip(STRENGTHS, softmax_path(NUMBERS, target, num_outputs), strict=True):
        if num_outputs == 2:  # scikit-learn has one column there: half the weights, so twice the penalty's inverse
            theirs = LogisticRegression(C=2 / (strength * len(NUMBERS)), tol=1e-8, max_iter=5000).fit(NUMBERS, target)
            weights, intercepts = np.hstack([-theirs.coef_.T, theirs.coef_.T]) / 2, np.array([-0.5, 0.5])
            intercepts = intercepts * theirs.intercept_
        else:
            theirs = LogisticRegression(C=1 / (strength * len(NUMBERS)), tol=1e-8, max_iter=5000).fit(NUMBERS, target)
            weights, intercepts = theirs.coef_.T, theirs.intercept_
        assert value(weight, intercept, strength) <= value(weights, intercepts, strength) + 1e-5


def test_log_softmax_does_not_overflow() -> None:
    np.testing.assert_allclose(log_softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]]))[0], np.log(0.5))


def test_noise_is_punished_and_signal_is_not() -> None:
    random = np.random.default_rng(0)
    numbers = random.normal(size=(60, 40)).astype(np.float32)
    halves = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]
    noise = fit_linear(numbers, random.integers(0, 2, 60), 2, halves)
    signal = fit_linear(numbers[:, :2], (numbers[:, 0] > 0).astype(np.int64), 2, halves)
    assert noise.strength_R[0] == STRENGTHS[0] / 2, "found on halves"
    assert signal.strength_R[0] <= 1e-3


def test_a_fit_that_is_cut_off_leaves_nothing() -> None:
    steps = iter(range(100))
    with pytest.raises(OutOfTimeError):
        fit_linear(NUMBERS.astype(np.float32), CLASSES, 3, [], cut_off=lambda: next(steps) == 3)
    assert next(steps) == 4, "it asked at every step, and ended at the first yes"


def test_a_class_without_rows_is_never_expected() -> None:
    model = fit_linear(NUMBERS.astype(np.float32), CLASSES % 2, 3, [])
    assert np.isfinite(model.weight_RFC).all()


def test_inner_parts_follow_the_other_folds() -> None:
    rows = np.arange(12, dtype=np.int64)
    folds = [
        Fold(number=s, fit_rows=np.append(rows[rows % 3 != s], [12, 13]), score_rows=rows[rows % 3 == s])
        for s in range(3)
    ]
    parts = inner_parts(folds, 0, num_real=12, seed=0)
    fit_rows = folds[0].fit_rows
    assert [set(fit_rows[score]) for _, score in parts] == [{1, 4, 7, 10}, {2, 5, 8, 11}]
    assert [set(fit_rows[fit]) for fit, _ in parts] == [{2, 5, 8, 11}, {1, 4, 7, 10}], "made rows stay out of it"


def test_one_fold_is_cut_at_random() -> None:
    fold = Fold(number=0, fit_rows=np.arange(20, dtype=np.int64), score_rows=np.arange(20, 25, dtype=np.int64))
    ((fit, score),) = inner_parts([fold], 0, num_real=25, seed=0)
    assert len(score) == 4
    np.testing.assert_array_equal(np.sort(np.concatenate([fit, score])), np.arange(20))
