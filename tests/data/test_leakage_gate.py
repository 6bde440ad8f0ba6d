"""The gate on a handful of tables: each planted leak is found and named, and clean tables raise no alarm.

All tables: `python -m tests.benchmarks.leakage`.
"""

import numpy as np
import pytest

from tests.benchmarks.leakage import LEAK_WORDS, LEAKS, SHARED, TARGETS, findings_on, table_of

QUICK = ("made_classes", "breast_cancer", "made_numbers")
HERE = {"california_housing": ("target-encoded id", "group across folds"), "vehicle": ("near copy", "future rows")}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("name", QUICK)
def test_a_planted_leak_ischeck_named(name, leak):
    check_named(name, leak)


@pytest.mark.parametrize(("name", "leak"), [(name, leak) for name, leaks in HERE.items() for leak in leaks])
def test_a_planted_leak_is_named_in_a_public_table(name, leak):
    _skip_without(name)
    check_named(name, leak)


@pytest.mark.parametrize("name", [*QUICK, "diabetes", "abalone", "credit_g"])
def test_a_clean_table_raises_no_alarm(name):
    _skip_without(name)
    assert [one.sentence for one in findings_on(*table_of(name)) if one.word in LEAK_WORDS] == []


def check_named(name, leak):
    frame, target = table_of(name)
    plant, words = LEAKS[leak]
    found = findings_on(plant(frame, target, np.random.default_rng(0)), target)
    assert any(one.word in words and ("planted" in one.columns or not one.columns) for one in found)


def _skip_without(name):
    if name in TARGETS and not (SHARED / f"{name}.csv.gz").exists():
        pytest.skip("the table is not on this machine")
