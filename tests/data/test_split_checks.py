"""Rows that belong together and rows that follow each other are named; honest columns are not."""

import numpy as np
import pandas as pd
import pytest

from components.core.errors import UserMistake
from components.data.encoded_target import is_encoded_target
from components.data.findings import read_findings
from components.data.splits import SplitSpec, split

N = 800


def table(**planted):
    noise = {f"x{i}": np.random.default_rng(i).normal(size=N) for i in range(3)}
    return pd.DataFrame({**noise, **planted})


@pytest.fixture
def found(validated):
    def run(frame, *, validate=None, **spec):
        _, data = validated(frame, target="y", **(validate or {}))
        (data / "split").mkdir(exist_ok=True)
        facts = split(SplitSpec(**spec), data / "ingest", data / "validate", data / "split", seed=0)
        return facts["line"], read_findings(data / "split" / "findings.json")

    return run


def of_people(rng, classes):
    """Eight rows a person, whose answers are alike."""
    person = rng.permutation(np.repeat(np.arange(N // 8), 8))
    effect = rng.normal(size=N // 8)[person] + 0.3 * rng.normal(size=N)
    return person, np.where(effect > 0, "ill", "well") if classes else effect


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("words", [True, False])
def test_groups_that_folds_would_tear(found, classes, words):
    person, y = of_people(np.random.default_rng(0), classes)
    frame = table(person=[f"p{i:03d}" for i in person] if words else person * 7 + 1000, y=y)
    line, findings = found(frame)
    (finding,) = findings
    assert (finding.severity, finding.word, finding.columns) == ("warning", "groups", ("person",))
    assert finding.cures[0][1] == "split: {by: group, column: person}"
    assert line.endswith(", 1 warning")
    assert found(frame, by="group", column="person")[1] == []
    assert [one.word for one in found(frame, validate={"drop": ["person"]})[1]] == ["groups"]


def test_honest_numbers_and_words_are_no_groups(found):
    rng = np.random.default_rng(2)
    age, town = rng.integers(18, 90, N), rng.integers(0, 40, N)
    y = np.sin(age / 10) + 0.1 * rng.normal(size=N) + 0.3 * rng.normal(size=40)[town]
    assert found(table(age=age, town=[f"t{i}" for i in town], y=y))[1] == []


def test_a_value_that_most_rows_share_is_no_group(found):
    """Hours worked are 0 for all who do not work: left out as a leak, and no reason to split by them."""
    works = np.random.default_rng(5).random(N) < 0.45
    hours = np.where(works, np.random.default_rng(6).integers(1, 60, N) * 40, 0)
    frame = table(hours=hours, y=np.where(works, "yes", "no"))
    assert found(frame, validate={"drop": ["hours"]})[1] == []


def test_rows_that_follow_each_other(found):
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=N))
    order = rng.permutation(N)
    when = pd.date_range("2024-01-01", periods=N, freq="h").astype(str)
    _, findings = found(table(when=when[order], y=walk[order]))
    assert [(one.word, one.columns) for one in findings] == [("time", ("when",))]
    assert findings[0].cures[0][1] == "split: {by: time, column: when}"
    assert found(table(when=when[order], y=walk[order]), by="time", column="when", folds=2)[1] == []
    assert found(table(when=when, y=rng.normal(size=N)))[1] == []
    assert [one.word for one in found(table(time=np.arange(N) * 3, y=walk))[1]] == ["time"]


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("smoothing", ["none", "by rows", "sigmoid"])
def test_an_id_encoded_by_the_target(classes, smoothing):
    rng = np.random.default_rng(4)
    thing = rng.integers(0, 150, 2000)
    truth = rng.normal(size=2000) if classes == 0 else (rng.random(2000) < 0.4).astype(float)
    size = np.bincount(thing, minlength=150)
    mean = np.bincount(thing, truth, minlength=150) / size
    share = {"none": np.ones(150), "by rows": size / (size + 10), "sigmoid": 1 / (1 + np.exp(-(size - 12) / 4))}
    encoded = share[smoothing] * mean + (1 - share[smoothing]) * truth.mean()
    assert is_encoded_target(encoded[thing], truth, classes)
    assert is_encoded_target(np.round(encoded[thing], 4), truth, classes)
    other = rng.normal(size=2000) if classes == 0 else (rng.random(2000) < 0.4).astype(float)
    assert not is_encoded_target(encoded[thing], other, classes)


def test_the_largest_numbers_there_are_lie_on_no_line():
    truth_n = np.tile([0, 1], N // 2)
    values_n = 1.7e308 * np.repeat(np.linspace(-1.0, 1.0, 40), N // 40) * np.where(truth_n, 1.0, 0.9)
    assert not is_encoded_target(values_n, truth_n, 2)


def test_honest_columns_are_no_encodings():
    rng = np.random.default_rng(5)
    for number in range(200):
        levels = rng.integers(0, 6 + number % 60, 2000).astype(float)
        assert not is_encoded_target(levels, levels + rng.normal(size=2000), 0)  # linear, but with chance in it
        assert not is_encoded_target(levels, (rng.random(2000) < 0.3).astype(float), 2)
    assert not is_encoded_target(np.full(50, np.nan), np.arange(50.0), 0)


def test_an_encoding_stops_the_run_and_is_named(validated):
    rng = np.random.default_rng(6)
    thing = rng.integers(0, 60, N)
    y = rng.normal(size=N)
    rate = (np.bincount(thing, y) / np.bincount(thing))[thing]
    with pytest.raises(UserMistake, match=r"leakage +rate is made of y: its 60 values are means of it over their rows"):
        validated(table(rate=rate, y=y), target="y")


def test_an_id_that_gives_the_target_away_may_be_a_group(validated):
    person = np.repeat([f"p{i}" for i in range(100)], 8)
    y = np.where(np.repeat(np.random.default_rng(0).random(100) < 0.5, 8), "ill", "well")
    with pytest.raises(UserMistake, match=r"(?s)person alone predicts.*split: \{by: group, column: person\}"):
        validated(table(person=person, y=y), target="y")
