"""ROC AUC of rows that count the same takes a quicker way: it must be the same number, ties and signs included."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components import metrics

AUC = metrics.get("roc_auc")


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 60), st.integers(1, 9))
@settings(deadline=None, max_examples=80)
def test_both_ways_agree(seed: int, num_classes: int, num_rows: int, levels: int) -> None:
    """Few levels make ties; some scores are negative, some are 0 and -0, which are equal."""
    random = np.random.default_rng(seed)
    values = random.integers(-levels, levels + 1, (3, num_rows, num_classes)).astype(np.float32) / 7
    values[random.random(values.shape) < 0.2] *= np.float32(-0.0)
    truth_n = random.integers(0, num_classes, num_rows)
    np.testing.assert_allclose(AUC(truth_n, values), AUC(truth_n, values, np.ones(num_rows)), rtol=1e-12)


def test_a_model_that_is_not_finite_has_no_score() -> None:
    values = np.array([[[0.1, 0.9], [0.8, 0.2]], [[np.nan, 0.5], [0.5, 0.5]]], dtype=np.float32)
    np.testing.assert_array_equal(AUC(np.array([1, 0]), values), [1.0, np.nan])
