"""One contract for all metrics, scikit-learn as the referee, and the corners that it leaves open."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as referee

from components import metrics
from components.core.contracts import TASKS, Metric
from components.core.errors import UserMistake
from components.metrics.registry import METRICS

PAIRS = [(name, task) for task in TASKS for name in metrics.optimisable(task)]
NAMES = sorted(METRICS)


def classes_of(task):
    return {"binary": 2, "multiclass": 4, "regression": 1}[task]


def problem(seed, task, num_models=3, num_rows=40, steps=8):
    """Truth, values with many ties, and weights with zeros, drawn from a seed."""
    random = np.random.default_rng(seed)
    num_classes = classes_of(task)
    weights = random.integers(0, 4, num_rows) / 2 + (np.arange(num_rows) == 0)
    if task == "regression":
        values = random.integers(-steps, steps, (num_models, num_rows, 1)).astype(np.float32)
        return random.integers(-steps, steps, num_rows).astype(np.float64), values, weights
    raw = random.integers(0, steps, (num_models, num_rows, num_classes)) + (np.arange(num_classes) == 0)
    values = (raw / raw.sum(axis=2, keepdims=True)).astype(np.float32)
    return random.integers(0, num_classes, num_rows), values, weights


def scikit_learn(name, truth, values, weights):
    """The same metric of one model [n, C], by scikit-learn."""
    num_classes = values.shape[1]
    labels = values.argmax(axis=1)
    if name in ("precision", "recall", "f1"):
        name += "_event" if num_classes == 2 else "_macro"
    part, _, how = name.partition("_")
    if part in ("precision", "recall", "f1"):
        average = {"event": "binary", "macro": "macro", "weighted": "weighted"}[how]
        score = getattr(referee, f"{part}_score")
        return score(truth, labels, average=average, sample_weight=weights, zero_division=0)
    if name == "roc_auc" and num_classes == 2:
        return referee.roc_auc_score(truth, values[:, 1], sample_weight=weights)
    if name == "roc_auc":
        one_hot = np.arange(num_classes) == truth[:, None]
        return referee.roc_auc_score(one_hot, values, average="macro", sample_weight=weights)
    if name == "log_loss":
        return referee.log_loss(truth, values, labels=range(num_classes), sample_weight=weights)
    if name == "brier":
        return referee.brier_score_loss(truth, values, labels=range(num_classes), sample_weight=weights)
    if name in ("accuracy", "balanced_accuracy"):
        return getattr(referee, f"{name}_score")(truth, labels, sample_weight=weights)
    numbers = values[:, 0].astype(np.float64)
    if name == "r2":
        return referee.r2_score(truth, numbers, sample_weight=weights)
    score = {
        "mse": referee.mean_squared_error,
        "rmse": referee.root_mean_squared_error,
        "mae": referee.mean_absolute_error,
    }[name]
    return score(truth, numbers, sample_weight=weights)


@pytest.mark.parametrize(("name", "task"), PAIRS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), num_rows=st.integers(2, 60), steps=st.integers(2, 9), weighted=st.booleans())
def test_every_metric_agrees_with_scikit_learn(name, task, seed, num_rows, steps, weighted):
    truth, values, weights = problem(seed, task, num_rows=num_rows, steps=steps)
    if not weighted:
        weights = np.ones(num_rows)
    used = truth[weights > 0]
    assume(task == "regression" or len(np.unique(used)) == classes_of(task))  # the corners have tests of their own
    assume(name != "r2" or (len(used) > 1 and len(np.unique(used)) > 1))
    found = metrics.get(name)(truth, values, weights if weighted else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's word on labels of weight 0
        wanted = [scikit_learn(name, truth[weights > 0], model[weights > 0], weights[weights > 0]) for model in values]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "task"), PAIRS)
class TestContract:
    def test_has_the_face_of_a_metric(self, name, task):
        metric: Metric = metrics.get(name)
        assert metric.name == name
        assert metric.title
        assert metric.needs in ("probability", "label", "value")
        assert task in metric.tasks

    def test_a_model_scores_the_same_alone_and_among_others(self, name, task):
        for num_rows in (1, 7, 333):  # to the last bit, or a search would depend on how its candidates are grouped
            truth, values, weights = problem(5, task, num_models=17, num_rows=num_rows, steps=99)
            together = metrics.get(name)(truth, values, weights)
            alone = [metrics.get(name)(truth, values[k : k + 1], weights)[0] for k in range(17)]
            assert together.dtype == np.float64
            assert together.tolist() == alone

    def test_a_row_of_weight_two_counts_as_two_rows(self, name, task):
        truth, values, _ = problem(6, task)
        weights = np.random.default_rng(0).integers(0, 3, len(truth))
        twice = np.repeat(np.arange(len(truth)), weights)
        weighted = metrics.get(name)(truth, values, weights.astype(np.float64))
        np.testing.assert_allclose(weighted, metrics.get(name)(truth[twice], values[:, twice]), rtol=1e-12)

    def test_the_order_of_rows_does_not_matter(self, name, task):
        truth, values, _ = problem(7, task)
        order = np.random.default_rng(1).permutation(len(truth))
        shuffled = metrics.get(name)(truth[order], values[:, order])
        np.testing.assert_allclose(metrics.get(name)(truth, values), shuffled, rtol=1e-12)

    def test_the_truth_itself_is_the_best_answer(self, name, task):
        truth, values, _ = problem(8, task)
        best = truth[:, None] if task == "regression" else np.arange(classes_of(task)) == truth[:, None]
        metric = metrics.get(name)
        scores = metric(truth, np.concatenate([best[None].astype(np.float32), values]))
        assert scores[0] == (scores.max() if metric.greater_is_better else scores.min())
        assert scores[0] == pytest.approx(1.0 if metric.greater_is_better else 0.0, abs=1e-6)

    def test_a_model_with_a_value_that_is_no_number_scores_nan_and_harms_no_other(self, name, task):
        truth, values, _ = problem(9, task)
        broken = values.copy()
        broken[1, 3, 0] = np.nan
        broken[2, 0, 0] = np.inf
        scores = metrics.get(name)(truth, broken)
        assert scores[0] == metrics.get(name)(truth, values)[0]
        assert np.isnan(scores[1:]).all()

    def test_no_rows_or_no_weight_is_nan(self, name, task):
        truth, values, _ = problem(10, task)
        assert np.isnan(metrics.get(name)(truth[:0], values[:, :0])).all()
        assert np.isnan(metrics.get(name)(truth, values, np.zeros(len(truth)))).all()

    def test_a_part_of_one_class_or_one_row_has_a_value(self, name, task):
        truth, values, _ = problem(11, task)
        for rows in (np.flatnonzero(truth == truth[0]), np.array([0])):
            assert np.isfinite(metrics.get(name)(truth[rows], values[:, rows])).all()


def test_roc_auc_by_hand():
    truth = np.array([0, 0, 1, 1])
    event = np.array([[0.1, 0.4, 0.35, 0.8], [0.5, 0.5, 0.5, 0.5], [0.1, 0.5, 0.5, 0.9]], dtype=np.float32)
    values = np.stack([1 - event, event], axis=2)
    # of four pairs: three won; four tied; three won and one tied
    assert metrics.get("roc_auc")(truth, values).tolist() == [0.75, 0.5, 0.875]


def test_roc_auc_without_both_sides_is_a_half():
    values = np.array([[[0.2, 0.8], [0.9, 0.1]]], dtype=np.float32)
    assert metrics.get("roc_auc")(np.array([1, 1]), values).tolist() == [0.5]
    assert metrics.get("roc_auc")(np.array([0, 1]), values, np.array([1.0, 0.0])).tolist() == [0.5]


def test_roc_auc_of_more_classes_leaves_absent_ones_out():
    values = np.array([[[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]]], dtype=np.float32)
    truth = np.array([0, 1, 0])
    # class 0 against the rest: both pairs won; class 1: both pairs won; class 2 has no row
    assert metrics.get("roc_auc")(truth, values).tolist() == [1.0]


def test_binary_metrics_by_hand():
    truth = np.array([1, 1, 1, 0, 0])
    values = np.array([[[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]], dtype=np.float32)
    assert metrics.confusion_matrix(truth, values).tolist() == [[[1, 1], [1, 2]]]
    assert metrics.get("accuracy")(truth, values)[0] == 3 / 5
    assert metrics.get("precision")(truth, values)[0] == 2 / 3
    assert metrics.get("recall")(truth, values)[0] == 2 / 3
    assert metrics.get("balanced_accuracy")(truth, values)[0] == (1 / 2 + 2 / 3) / 2


def test_a_class_that_is_never_called_has_precision_0():
    values = np.array([[[1.0, 0.0], [1.0, 0.0]]], dtype=np.float32)
    assert metrics.get("precision")(np.array([0, 1]), values).tolist() == [0.0]
    assert metrics.get("f1")(np.array([0, 0]), values).tolist() == [0.0]


def test_of_equal_values_the_first_class_is_called():
    values = np.full((1, 2, 3), 1 / 3, dtype=np.float32)
    assert metrics.confusion_matrix(np.array([0, 2]), values)[0].tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]


def test_confusion_matrix_agrees_with_scikit_learn_with_weights():
    truth, values, weights = problem(3, "multiclass")
    for model, matrix in zip(values, metrics.confusion_matrix(truth, values, weights), strict=True):
        wanted = referee.confusion_matrix(truth, model.argmax(axis=1), labels=range(4), sample_weight=weights)
        np.testing.assert_allclose(matrix, wanted)


def test_log_loss_of_a_certain_mistake_is_that_of_float32():
    values = np.array([[[1.0, 0.0]]], dtype=np.float32)
    assert metrics.get("log_loss")(np.array([1]), values)[0] == pytest.approx(-np.log(np.finfo(np.float32).eps))


def test_r2_of_a_truth_that_does_not_vary():
    values = np.array([[[3.0], [3.0]], [[3.0], [4.0]]], dtype=np.float32)
    assert metrics.get("r2")(np.array([3.0, 3.0]), values).tolist() == [1.0, 0.0]


def test_names_by_task():
    assert metrics.names("binary")[:5] == ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
    assert "f1" not in metrics.names("multiclass")  # the same as f1_macro there
    assert "f1" in metrics.optimisable("multiclass")
    assert metrics.names("regression") == ("mse", "rmse", "mae", "r2")
    assert [metrics.auto(task) for task in TASKS] == ["roc_auc", "log_loss", "rmse"]
    assert sorted({name for task in TASKS for name in metrics.optimisable(task)}) == NAMES


def test_a_word_becomes_a_metric_or_a_message():
    assert metrics.resolve("auto", "multiclass").name == "log_loss"
    assert metrics.resolve("f1", "binary").name == "f1"
    with pytest.raises(UserMistake, match=r"metric is 'auc', not the name of a metric. Did you mean 'roc_auc'\?"):
        metrics.get("auc")
    with pytest.raises(UserMistake, match=r"metric is 'zzz', not the name of a metric. One of: accuracy, "):
        metrics.get("zzz")
    with pytest.raises(
        UserMistake, match=r"metric is 'rmse', which does not score a binary task. One of: auto, accuracy"
    ):
        metrics.resolve("rmse", "binary")
