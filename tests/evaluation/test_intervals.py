"""Bootstrap, calibration, diagnosis and importance: numbers that can be checked by hand."""

import re

import numpy as np
import pandas as pd
import pytest
from evaluation_case import make_case
from hypothesis import given
from hypothesis import strategies as st

from components import metrics
from components.core.table import ColumnSchema, Schema, Table
from components.evaluation.bootstrap import Judged, _drawings, score
from components.evaluation.calibration import bins, certainly_off, expected_error, wilson
from components.evaluation.diagnosis import LEARNERS, diagnose
from components.evaluation.importance import MOST_ANSWERS, MOST_COLUMNS, Plan, importance


def judged_of(truth, *values, parts=None):
    truth = np.asarray(truth)
    both = np.stack([np.column_stack([1 - np.asarray(v), v]) for v in values]).astype(np.float32)
    whole = (np.arange(len(truth)),) if parts is None else parts
    names = tuple(f"m{k}" for k in range(len(values)))
    return Judged(names=names, truth_n=truth, values_KnC=both, parts=whole, classes=True)


def run(judged, name="accuracy", resamples=400, seed=0):
    metric = metrics.get(name)
    rng = np.random.default_rng(seed)
    return metric, score([metric], judged, interval=0.95, resamples=resamples, rng=rng)


def test_values_are_those_of_the_metric_itself():
    rng = np.random.default_rng(1)
    truth, said = rng.integers(2, size=200), rng.random(200)
    judged = judged_of(truth, said)
    for name in metrics.names("binary"):
        metric, scored = run(judged, name, resamples=5)
        assert scored.estimate(metric, "m0").value == pytest.approx(metric(truth, judged.values_KnC)[0])


def test_patterns_give_the_same_drawings_as_rows():
    """Metrics of labels see patterns; a metric that sees rows must give the same numbers on the same drawings."""
    rng = np.random.default_rng(2)
    judged = judged_of(rng.integers(2, size=60), rng.random(60), rng.random(60))
    _, scored = run(judged, "f1_macro", resamples=20)
    by_rows = metrics.get("f1_macro")
    by_rows = type(by_rows)(
        name="f1_macro",
        title="",
        greater_is_better=True,
        needs="probability",
        tasks=("binary",),
        formula=by_rows.formula,
    )
    again = score([by_rows], judged, interval=0.95, resamples=20, rng=np.random.default_rng(0))
    np.testing.assert_allclose(scored.drawings["f1_macro"], again.drawings["f1_macro"])


def test_the_interval_of_a_share_is_about_that_of_the_binomial():
    truth = np.zeros(400, dtype=int)
    said = np.where(np.arange(400) < 80, 0.9, 0.1)  # 320 of 400 right
    metric, scored = run(judged_of(truth, said), resamples=2000)
    found = scored.estimate(metric, "m0")
    assert found.value == pytest.approx(0.8)
    assert found.low == pytest.approx(0.8 - 1.96 * 0.02, abs=0.006)
    assert found.high == pytest.approx(0.8 + 1.96 * 0.02, abs=0.006)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """200 tables of 150 rows from a model that is right 9 times in 10."""
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(200):
        right = rng.random(150) < 0.9
        metric, scored = run(judged_of(np.zeros(150, dtype=int), np.where(right, 0.1, 0.9)), resamples=100, seed=seed)
        found = scored.estimate(metric, "m0")
        held += found.low <= 0.9 <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_a_faultless_test_promises_no_certainty():
    truth = np.array([0] * 20 + [1] * 10)
    metric, scored = run(judged_of(truth, truth.astype(float)), "roc_auc")
    found = scored.estimate(metric, "m0")
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 10))  # exact for ten right answers in ten


def test_gains_are_paired_and_above_zero_is_better_for_losses_too():
    rng = np.random.default_rng(4)
    truth = rng.integers(2, size=300)
    good = np.clip(truth * 0.4 + 0.3 + rng.normal(0, 0.2, 300), 0.01, 0.99)
    worse = np.clip(good + np.where(truth == 1, -0.05, 0.05), 0.01, 0.99)  # worse in each single row
    metric, scored = run(judged_of(truth, good, worse), "log_loss")
    gain = scored.gain(metric, "m0", "m1")
    assert gain.low > 0
    single = scored.estimate(metric, "m0")
    assert gain.high - gain.low < 0.5 * (single.high - single.low)
    assert scored.gain(metric, "m1", "m0").value == pytest.approx(-gain.value)
    assert scored.gain(metric, "m0", "m0").value == 0.0


def test_folds_are_scored_one_by_one():
    truth = np.array([0, 1, 0, 1])
    said = np.array([0.1, 0.2, 0.8, 0.9])  # each fold in order; laid together they are not
    parts = (np.array([0, 1]), np.array([2, 3]))
    _, apart = run(judged_of(truth, said, parts=parts), "roc_auc", resamples=5)
    assert apart.values["roc_auc"][0] == 1.0
    _, together = run(judged_of(truth, said), "roc_auc", resamples=5)
    assert together.values["roc_auc"][0] == 0.75


def test_same_seed_same_drawings_other_seed_others():
    judged = judged_of(np.arange(50) % 2, np.linspace(0, 1, 50))
    first, again, other = (run(judged, seed=seed)[1].drawings["accuracy"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_drawing_keeps_the_size_of_each_class_in_each_part():
    truth, parts = np.array([0, 2, 1, 0, 0, 2, 1, 0]), (np.array([0, 1, 3]), np.array([2, 4, 5, 6, 7]))
    drawn_Bn = np.stack(list(_drawings(judged_of(truth, truth / 2, parts=parts), 200, np.random.default_rng(0))))
    for part in parts:
        for label in range(3):
            rows = part[truth[part] == label]
            assert (drawn_Bn[:, rows].sum(axis=1) == len(rows)).all()
            assert len(rows) < 2 or drawn_Bn[:, rows].std(axis=0).all(), "every row is drawn more and less often"


def test_wilson_by_hand():
    low, high = wilson(0, 10, 1.96)
    assert low == 0.0
    assert high == pytest.approx(0.2775, abs=1e-3)  # Wilson 1927; 0 of 10 at 95 %
    assert wilson(5, 10, 1.96) == pytest.approx((0.2366, 0.7634), abs=1e-3)


def test_bins_count_what_was_said_and_what_came_true():
    said = np.array([0.05, 0.05, 0.95, 0.95, 1.0])
    found = bins(np.array([0, 1, 1, 1, 0]), np.column_stack([1 - said, said]).astype(np.float32), "binary", 0.95)
    assert [(one["rows"], one["observed"]) for one in found] == [(2, 0.5), (3, pytest.approx(2 / 3, abs=1e-5))]
    assert found[1]["predicted"] == pytest.approx(2.9 / 3, abs=1e-5)


def test_a_model_that_is_too_sure_is_found_out():
    rng = np.random.default_rng(5)
    said = rng.random(2000)
    fair = bins((rng.random(2000) < said).astype(int), np.column_stack([1 - said, said]), "binary", 0.999)
    assert certainly_off(fair) == []
    assert expected_error(fair) < 0.05
    sure = np.where(said > 0.5, 0.95, 0.05)
    off = bins((rng.random(2000) < said).astype(int), np.column_stack([1 - sure, sure]), "binary", 0.95)
    assert len(certainly_off(off)) == 2
    assert expected_error(off) == pytest.approx(0.2, abs=0.03)


def test_bins_of_numbers_hold_all_rows():
    truth = np.arange(25.0)
    found = bins(truth, truth[:, None].astype(np.float32), "regression", 0.95)
    assert sum(one["rows"] for one in found) == 25
    assert all(one["observed"] == one["predicted"] for one in found)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1, width=32)), min_size=1, max_size=40))
def test_bins_take_any_probabilities(rows):
    truth = np.array([one[0] for one in rows])
    first = np.array([one[1] for one in rows], dtype=np.float32)
    values = np.column_stack([first, (1 - first) / 2, (1 - first) / 2])
    found = bins(truth, values, "multiclass", 0.95)
    assert sum(one["rows"] for one in found) == len(rows)
    assert all(0 <= one["observed_low"] <= one["observed"] <= one["observed_high"] <= 1 for one in found)


EPOCHS = np.arange(1, 41)
FALLING = np.exp(-EPOCHS / 5)


@pytest.mark.parametrize(
    ("word", "train", "validation", "guess"),
    [
        ("fits", FALLING + 0.1, FALLING + 0.14, 0.7),
        ("overfits", FALLING, FALLING + 0.3 + 0.01 * np.maximum(0, EPOCHS - 15), 0.7),
        ("overfits", FALLING * 0.9, 0.02 * FALLING + 0.95, None),
        ("underfits", np.full(40, 0.69) + 0.001 * FALLING, np.full(40, 0.69) + 0.001 * FALLING, 0.69),
        ("unfinished", 1 - EPOCHS / 80, 1.1 - EPOCHS / 80, 0.9),
        ("unknown", FALLING[:2], FALLING[:2], None),
        ("unknown", FALLING * np.nan, FALLING, None),
    ],
)
def test_planted_curves_get_their_word(word, train, validation, guess):
    found = diagnose(train.astype(np.float32), validation.astype(np.float32), guess=guess)
    assert found.word == word
    assert "nan" not in found.sentence


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        (FALLING, FALLING + 0.3 + 0.01 * np.maximum(0, EPOCHS - 15)),
        (FALLING * 0.9, 0.02 * FALLING + 0.95),
        (1 - EPOCHS / 80, 1.1 - EPOCHS / 80),
        (np.full(40, 0.69), np.full(40, 0.69)),
    ],
)
def test_what_helps_a_network_is_not_said_to_trees(train, validation):
    curves = train.astype(np.float32), validation.astype(np.float32)
    network, booster = (diagnose(*curves, LEARNERS[word], guess=0.69) for word in ("search", "boosting"))
    assert network.word == booster.word
    assert network.cure.startswith("search.")
    assert booster.cure.startswith("boosting.trees.")
    assert not re.search("epoch|dropout|network", booster.sentence)


def test_a_cure_of_an_unfinished_training_is_twice_its_length_and_one_of_a_cnn_has_filters():
    falling = np.linspace(1.0, 0.1, 7, dtype=np.float32)
    assert diagnose(falling, falling, kind="cnn").cure == "search.training.epochs: 14"
    flat = np.full(7, 0.69, dtype=np.float32)
    assert diagnose(flat, flat, guess=0.69, kind="cnn").cure == "search.network.filters: {choose: [32, 64]}"
    assert diagnose(flat, flat, guess=0.69, kind="mlp").cure == "search.network.width: {choose: [128, 256, 512]}"


def test_the_column_that_decides_is_the_most_important_and_noise_is_not():
    """A model that looks at one column alone: shuffling any other changes nothing."""
    case = make_case("breast_cancer")

    class OneColumn:
        def predict(self, table: Table, rows=None):
            value = table.column("worst radius") > 16.8
            return np.column_stack([~value, value]).astype(np.float32)

    found, rows = importance(
        OneColumn(), case.table, case.test_rows, metrics.get("accuracy"), interval=0.95, rng=np.random.default_rng(0)
    )
    assert rows == len(case.test_rows)
    assert found[0]["column"] == "worst radius"
    assert found[0]["low"] > 0.2
    assert all(one["value"] == one["low"] == one["high"] == 0.0 for one in found[1:])


def test_of_very_many_columns_those_are_shuffled_that_go_with_the_answers(tmp_path):
    """Each asks for all columns anew: 1500 of 240 rows had taken a minute."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 300)), columns=[f"g{number}" for number in range(300)])
    frame["g299"] = [["low", "high"][number % 2] for number in range(120)]
    kinds = ["numeric"] * 299 + ["categorical"]
    columns = tuple(
        ColumnSchema(name=name, kind=kind, use="feature", levels=("high", "low") if kind == "categorical" else None)
        for name, kind in zip(frame.columns, kinds, strict=True)
    )
    frame["y"] = np.where(frame["g299"] == "high", "yes", "no")

    class OneColumn:
        def predict(self, table, rows=None):
            value = table.column("g299") == 0
            return np.column_stack([~value, value]).astype(np.float32)

    columns += (ColumnSchema(name="y", kind="categorical", use="target"),)
    schema = Schema(table="sha256:wide", target="y", task="binary", classes=("no", "yes"), columns=columns)
    table, rng = Table.of(schema, frame), np.random.default_rng(0)
    found, rows = importance(OneColumn(), table, np.arange(120), metrics.get("accuracy"), interval=0.95, rng=rng)
    assert (len(found), rows) == (MOST_COLUMNS, 120)
    assert found[0]["column"] == "g299"
    assert found[0]["low"] > 0.2


@given(st.integers(1, 100_000), st.integers(1, 5000))
def test_importance_asks_no_more_than_it_may(num_rows, num_columns):
    plan = Plan.of(num_rows, num_columns)
    assert 1 <= plan.rows <= num_rows
    assert 1 <= plan.repeats <= 5
    assert plan.rows * plan.repeats * num_columns <= max(MOST_ANSWERS, 50 * num_columns)


def test_slow_members_are_asked_less_by_count_and_not_by_clock():
    class Forest:
        family = "random_forest"

        def cost(self):
            return 40_000  # a millisecond a row

    assert Plan.of(1000, 30) == Plan(rows=666, repeats=1)
    assert Plan.of(1000, 30, [Forest()]) == Plan(rows=66, repeats=1)
    assert Plan.of(1000, 3000, [Forest()]) == Plan(rows=50, repeats=1)
