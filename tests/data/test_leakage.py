"""Planted leaks are found, and clean tables raise no alarm."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.core.errors import UserMistake
from components.data.findings import read_findings
from components.data.leakage import score_alone, suspicious

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tabular"  # public tables, where a machine has them
CLEAN = {
    "adult": "class",
    "credit_g": "class",
    "phoneme": "Class",
    "satimage": "target",
    "vehicle": "Class",
    "california_housing": "median_house_value",
    "kin8nm": "y",
    "abalone": "Rings",
}
N = 600
RNG = np.random.default_rng(0)
YES = RNG.random(N) < 0.3
PRICE = np.exp(RNG.normal(size=N))
FLIPPED = np.where(RNG.random(N) < 0.01, ~YES, YES)


def table(**planted):
    noise = {f"x{i}": np.random.default_rng(i).normal(size=N) for i in range(4)}
    return pd.DataFrame({**noise, **planted})


LEAKS = {
    "copy": np.where(YES, "y", "n"),
    "other words": np.where(YES, "left", "stays"),
    "code": np.where(YES, 7, 3),
    "near copy": np.where(FLIPPED, 1, 0),
    "filled only with yes": np.where(YES, RNG.integers(1, 28, N).astype(float), np.nan),
    "a day only with yes": pd.Series(np.where(YES, "2026-03-04", None)),
    "above a threshold": np.where(YES, 10.0, 0.0) + RNG.random(N),
    "between two thresholds": np.where(YES, 0.0, np.where(RNG.random(N) < 0.5, 5.0, -5.0)) + RNG.random(N),
    "many words of its own": [f"{'a' if yes else 'b'}{i % 40}" for i, yes in enumerate(YES)],
}


@pytest.mark.parametrize("values", LEAKS.values(), ids=LEAKS)
def test_planted_in_classes(validated, tmp_path, values):
    frame = table(refund=values, churned=np.where(YES, "yes", "no"))
    with pytest.raises(UserMistake, match=r"leakage +refund alone predicts churned: ROC AUC (0.9|1.000)"):
        validated(frame, target="churned", drop=["x0"])
    leak = read_findings(tmp_path / ".espalier" / "findings.json")[0]
    assert leak.fix == {"key": "validate.drop", "value": ["x0", "refund"]}
    assert leak.cures[0][1] == "validate.drop: [x0, refund]"
    assert leak.cures[1][1] == "validate.on_error: {leakage: warn}"


LEAKS_OF_NUMBERS = {
    "copy": PRICE,
    "scaled": -3 * PRICE + 7,
    "logarithm": np.log(PRICE),
    "rounded": np.round(PRICE, 2),
    "with a little noise": PRICE * (1 + 0.005 * RNG.normal(size=N)),
    "half of it missing": np.where(RNG.random(N) < 0.4, np.nan, PRICE),
}


@pytest.mark.parametrize("values", LEAKS_OF_NUMBERS.values(), ids=LEAKS_OF_NUMBERS)
def test_planted_in_numbers(validated, values):
    with pytest.raises(UserMistake, match=r"leakage +price_eur alone predicts price: R² (0.99|1.0)"):
        validated(table(price_eur=values, price=PRICE), target="price")


def test_planted_in_many_classes(validated):
    kind = RNG.integers(0, 5, N)
    with pytest.raises(UserMistake, match="code alone predicts kind: 600 of 600 rows right"):
        validated(table(code=kind * 10 + 3, kind=[f"k{i}" for i in kind]), target="kind")


def test_the_evidence_can_be_looked_up(validated):
    values = np.where(YES, 1.0 * np.arange(N), np.nan)
    values[np.flatnonzero(YES)[:1]] = np.nan
    with pytest.raises(UserMistake, match=f"It is filled in {YES.sum() - 1} of {YES.sum()} rows with yes, in 0 of"):
        validated(table(refund_date=values, churned=np.where(YES, "yes", "no")), target="churned")


def test_two_leaks_are_cured_by_one_line(validated, tmp_path):
    frame = table(a=np.where(YES, "u", "v"), b=YES * 2.0, churned=np.where(YES, "yes", "no"))
    with pytest.raises(UserMistake, match=r"validate\.drop: \[a, b\]"):
        validated(frame, target="churned")
    validated(frame, target="churned", drop=["a", "b"])


def test_a_leak_may_be_let_through_knowingly(validated):
    frame = table(a=np.where(YES, "u", "v"), churned=np.where(YES, "yes", "no"))
    facts, data = validated(frame, target="churned", on_error={"leakage": "warn"})
    assert facts["line"] == "5 columns, 1 error"
    assert read_findings(data / "validate" / "findings.json")[0].word == "leakage"
    validated(frame, target="churned", on_error="warn")


def test_a_column_far_ahead_of_all_others_is_a_doubt(validated):
    almost = np.where(RNG.random(N) < 0.02, ~YES, YES) + 0.2 * RNG.normal(size=N)
    facts, data = validated(table(almost=almost, churned=np.where(YES, "yes", "no")), target="churned")
    finding = read_findings(data / "validate" / "findings.json")[0]
    assert (finding.severity, finding.word, finding.columns) == ("warning", "leakage", ("almost",))
    assert facts["line"].endswith("1 warning")


@pytest.mark.parametrize("num_rows", [6, 10, 14])
def test_luck_in_a_small_table_is_no_leak(num_rows):
    """Of 2000 columns on 10 rows some separate the classes by chance."""
    truth = (np.arange(num_rows) % 2).astype(float)
    alone = score_alone("x", truth.copy(), True, truth, 2, 2000)
    assert alone.skill == 1.0
    assert not alone.leaks


def test_strong_honest_columns_are_not_doubted():
    scores = [score_alone(f"x{i}", YES + (0.4 + i / 10) * RNG.normal(size=N), True, YES * 1.0, 2, 5) for i in range(5)]
    assert max(score.skill for score in scores) > 0.8
    assert not any(score.leaks for score in scores)
    assert suspicious(scores) == []


def test_values_without_use_score_nothing():
    for values in (np.zeros(N), np.full(N, np.nan), np.full(N, 1e308), RNG.normal(size=N)):
        assert abs(score_alone("x", values, True, YES * 1.0, 2, 5).skill) < 0.25
        assert abs(score_alone("x", values, True, PRICE, 0, 5).skill) < 0.1
    assert not score_alone("x", np.zeros(N), False, np.full(N, 1e300), 0, 5).leaks


@pytest.mark.parametrize("name", CLEAN)
def test_no_alarm_on_clean_tables(ingested, tmp_path, name):
    from components.data.validation import ValidateSpec, validate

    if not (TABLES / f"{name}.csv.gz").exists():
        pytest.skip("the table is not on this machine")
    ingested(source=str(TABLES / f"{name}.csv.gz"))
    facts = validate(ValidateSpec(target=CLEAN[name]), tmp_path / "data" / "ingest", tmp_path)
    assert "no leakage" in facts["line"]


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_no_alarm_on_the_examples(ingested, tmp_path, name):
    from components.data.examples import TARGETS
    from components.data.validation import ValidateSpec, validate

    ingested(source=f"example:{name}")
    facts = validate(ValidateSpec(target=TARGETS[name]), tmp_path / "data" / "ingest", tmp_path)
    assert "no leakage" in facts["line"]
    assert all(finding.severity != "error" for finding in read_findings(tmp_path / "findings.json"))
