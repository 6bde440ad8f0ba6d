"""Many weights at once give what one at a time gives."""

import numpy as np
import pytest

from components.metrics.many_weights import LINEAR_FROM
from components.metrics.many_weights import under_many as under_many_of
from components.metrics.registry import METRICS

RNG = np.random.default_rng(0)


def under_many(metric, truth, values):
    scored = under_many_of([metric, METRICS["accuracy"]] if "binary" in metric.tasks else [metric], truth, values)
    return lambda weights: scored(weights)[metric.name]


def judged(task, rows):
    classes = {"binary": 2, "multiclass": 4, "regression": 1}[task]
    if task == "regression":
        truth = RNG.normal(size=rows)
        return truth, (truth[None, :, None] + RNG.normal(size=(3, rows, 1))).astype(np.float32)
    truth = np.arange(rows) % classes
    odds = np.exp(RNG.normal(size=(3, rows, classes)).round(1) + np.eye(classes)[truth])
    return truth, (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32)


def drawings(truth, classes, count):
    """Draw within classes, as the bootstrap does."""
    weights = np.zeros((count, len(truth)))
    for label in np.unique(truth) if classes else [None]:
        rows = np.flatnonzero(truth == label) if classes else np.arange(len(truth))
        weights[:, rows] = RNG.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=count)
    return weights


CASES = [(name, task) for name, metric in METRICS.items() for task in metric.tasks]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_same_as_one_by_one(name, task):
    truth, values = judged(task, 90)
    weights = drawings(truth, task != "regression", 20)
    found = under_many(METRICS[name], truth, values)(weights)
    one_by_one = METRICS[name].on(truth, values)
    np.testing.assert_allclose(found, [one_by_one(weight) for weight in weights], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_few_rows_have_the_very_roc_auc_of_each_drawing(task):
    """Also where a drawing leaves a class out, draws nothing, or a model says no number."""
    truth, values = judged(task, 90)
    values[2, 7, 0] = np.nan
    weights = drawings(truth, True, 20)
    weights[3, truth == 1] = 0
    weights[4, truth != 1] = 0
    weights[5] = 0
    found = under_many(METRICS["roc_auc"], truth, values)(weights)
    one_by_one = METRICS["roc_auc"].on(truth, values)
    np.testing.assert_array_equal(found, [one_by_one(weight) for weight in weights])
    assert np.isnan(found[:, 2]).all()
    assert np.isfinite(found[[3, 4], :2]).all()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_linear_part_of_roc_auc_is_nearly_all_of_it(task):
    truth, values = judged(task, 4 * LINEAR_FROM)
    weights = drawings(truth, True, 60)
    found = under_many(METRICS["roc_auc"], truth, values)(weights)
    one_by_one = METRICS["roc_auc"].on(truth, values)
    exact = np.array([one_by_one(weight) for weight in weights])
    assert (found - exact).std() < 0.06 * exact.std(axis=0).min()
    np.testing.assert_allclose(
        under_many(METRICS["roc_auc"], truth, values)(np.ones((1, len(truth))))[0], METRICS["roc_auc"](truth, values)
    )


def test_many_classes_with_few_rows_keep_their_interval():
    """25 classes of 20 rows: sorting each of them for each drawing would take a minute."""
    truth = np.arange(500) % 25
    odds = np.exp(RNG.normal(size=(3, 500, 25)) + np.eye(25)[truth])
    values = (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32)
    weights = drawings(truth, True, 300)
    found = under_many(METRICS["roc_auc"], truth, values)(weights)
    one_by_one = METRICS["roc_auc"].on(truth, values)
    exact = np.array([one_by_one(weight) for weight in weights])
    assert (found != exact).mean() > 0.9, "the quicker way"
    np.testing.assert_allclose(found.std(axis=0), exact.std(axis=0), rtol=0.1)
    np.testing.assert_allclose(found.mean(axis=0), exact.mean(axis=0), atol=0.1 * exact.std(axis=0).min())


@pytest.mark.parametrize("name", ["accuracy", "log_loss", "roc_auc", "rmse"])
def test_a_model_that_says_no_number_has_no_score(name):
    truth, values = judged("regression" if name == "rmse" else "binary", 2 * LINEAR_FROM)
    values[1, 5] = np.nan
    found = under_many(METRICS[name], truth, values)(np.ones((2, len(truth))))
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[:, [0, 2]]).all()


def test_a_truth_that_does_not_vary():
    weights = np.ones((2, 10))
    values = np.stack([np.ones((10, 1)), np.zeros((10, 1))]).astype(np.float32)
    assert under_many(METRICS["r2"], np.ones(10), values)(weights).tolist() == [[1.0, 0.0]] * 2
