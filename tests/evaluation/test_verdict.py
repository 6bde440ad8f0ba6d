"""Each sentence of the verdict, each worry and each piece of advice: said under its condition, and only then."""

import copy

import pytest
from evaluation_case import make_case, told_about

from components.evaluation.advice import next_steps, worries
from components.evaluation.complete import complete, headline, is_tie, with_endings
from components.evaluation.judge import judge
from components.evaluation.summary import five_lines, markdown, summary_text
from components.evaluation.verdict import MOST_SENTENCES, verdict


@pytest.fixture(scope="module")
def binary():
    case = make_case("breast_cancer")
    return complete(judge(case), told_about(case))


@pytest.fixture(scope="module")
def regression():
    case = make_case("diabetes")
    return complete(judge(case), told_about(case))


@pytest.fixture(scope="module")
def untested():
    case = make_case("iris", test=False)
    return complete(judge(case), told_about(case))


def planted(scores, **changes):
    """Return a copy with "a.b.c" set."""
    found = copy.deepcopy(dict(scores))
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = found
        for step in steps:
            place = place[step]
        place[last] = value
    return found


def words(scores):
    return [one["word"] for one in verdict(scores)]


def sentence(scores, word):
    return next(one["sentence"] for one in verdict(scores) if one["word"] == word)


def estimate(value, low, high, rows=1000):
    return {"value": value, "low": low, "high": high, "rows": rows}


def test_the_score_comes_first_with_its_interval(binary):
    assert words(binary)[0] == "score"
    assert sentence(binary, "score").startswith("On 113 rows that nothing was trained or chosen on, ROC AUC is 0.99")
    assert "95 % interval" in sentence(binary, "score")


def test_two_classes_in_hundreds(binary):
    scores = planted(binary, confusion__counts=[[90, 34], [45, 66]])
    assert sentence(scores, "meaning") == "Of 100 rows it calls “malignant”, 66 are; of 100 that are, it finds 59."
    assert sentence(planted(binary, confusion__counts=[[90, 0], [45, 0]]), "meaning") == (
        "It never calls a row “malignant”."
    )


def test_many_classes_name_the_most_frequent_mistake(untested):
    counts = [[50, 0, 0], [0, 45, 5], [0, 2, 48]]
    found = sentence(planted(untested, confusion__counts=counts), "meaning")
    assert found.startswith("Of 150 rows it calls 143 what they are; ")
    assert found.endswith("most often it takes “versicolor” for “virginica” (5 times).")


def test_numbers_say_how_far_off(regression):
    found = sentence(planted(regression, scores__ensemble__mae=estimate(44.68, 40.0, 49.0)), "meaning")
    assert found.startswith("Its answers are off by 44.7 on average; it explains ")


@pytest.mark.parametrize(
    ("gain", "word", "opening"),
    [
        (estimate(0.006, 0.001, 0.012), "gain", "That is better than logistic regression by 0.0060"),
        (
            estimate(0.003, -0.004, 0.010),
            "gain",
            "A tie: it is not certainly better than logistic regression (gain 0.0030",
        ),
        (
            estimate(-0.006, -0.012, -0.001),
            "gain",
            "A plain logistic regression is better by 0.0060 (0.0010 to",
        ),
    ],
)
def test_gain_over_the_simple_model(binary, gain, word, opening):
    assert sentence(planted(binary, gains__linear_baseline=gain), word).startswith(opening)


def test_no_better_than_guessing_is_an_alarm(binary):
    found = verdict(planted(binary, gains__dummy_baseline=estimate(0.01, -0.02, 0.04)))
    assert [one["alarm"] for one in found if one["word"] == "useless"] == [True]


def test_a_broken_promise(binary):
    scores = planted(binary, score=estimate(0.85, 0.83, 0.87), folds=estimate(0.871, 0.86, 0.88))
    assert "promise" in words(scores)
    assert "fooled itself by about 0.021" in sentence(scores, "promise")
    assert any(one["word"] == "promise" for one in worries(scores))
    near = planted(binary, score=estimate(0.85, 0.83, 0.88), folds=estimate(0.871, 0.86, 0.88))
    assert "promise" not in words(near)


def test_a_broken_promise_of_an_error_is_above(regression):
    scores = planted(regression, score=estimate(60.0, 58.0, 62.0), folds=estimate(50.0, 48.0, 52.0))
    assert "promise" in words(scores)
    assert "promise" not in words(planted(regression, score=estimate(40.0, 38, 42), folds=estimate(50.0, 48.0, 52.0)))


def test_by_heart_needs_a_gap_curves_that_agree_and_no_trees(binary):
    overfitted = {"word": "overfits", "sentence": "It overfits.", "cure": "", "member": "mlp-7", "stage": "search"}
    scores = planted(
        binary, seen=0.99, folds=estimate(0.85, 0.84, 0.86), score=estimate(0.85, 0.84, 0.86, 500), diagnosis=overfitted
    )
    for member in scores["members"][1:]:
        member["weight"] = 0.9 if member["family"] == "network" else 0.1
    assert "by heart (0.990 against 0.850)" in sentence(scores, "by_heart")
    for member in scores["members"][1:]:
        member["weight"] = 0.1 if member["family"] == "network" else 0.9
    assert "by_heart" not in words(scores)


def test_leakage_let_through_comes_first_and_is_an_alarm(binary):
    finding = {
        "severity": "warning",
        "word": "leakage",
        "columns": ["worst area"],
        "sentence": "worst area alone predicts target.",
        "why": "",
        "cures": [["", "validate.drop: [worst area]"]],
        "fix": {"key": "validate.drop", "value": ["worst area"]},
    }
    scores = planted(binary, findings=[finding])
    assert verdict(scores)[0] == {
        "word": "leakage",
        "sentence": "It uses worst area, which looks like the answer itself. Do not trust the score.",
        "alarm": True,
    }
    assert next_steps(scores)[0]["command"] == "espalier fix leakage"
    assert worries(scores)[0]["cure"] == "validate.drop: [worst area]"
    assert len(verdict(scores)) <= MOST_SENTENCES
    unused = planted(binary, findings=[{**finding, "columns": ["gone"]}])
    assert "leakage" not in words(unused)


def test_few_test_rows_are_said(binary):
    assert "few_rows" in words(binary)
    assert "few_rows" not in words(planted(binary, score__rows=200))


def test_the_clock_is_said_only_when_it_ended_a_search_that_still_gained(binary):
    facts = {"trials": 100, "complete": 90, "pruned": 10, "failed": 0, "causes": {}, "last_gain": 95}
    facts |= {"after": 4, "last": 99}
    scores = planted(binary, searched={"search": facts}, score__rows=500)
    assert "cut_short" not in words(scores)
    assert "cut_short" not in words(with_endings(scores, {"search": "trials"}))
    ended = with_endings(scores, {"search": "seconds"})
    assert "its best is trial 95, its last trial 99" in sentence(ended, "cut_short")
    assert "More time (seconds)" in ended["next"][0]["sentence"] + ended["next"][1]["sentence"]
    early = planted(scores, searched={"search": {**facts, "last_gain": 20, "after": 79}})
    assert "cut_short" not in words(with_endings(early, {"search": "seconds"}))


def test_without_a_test_everything_says_so(untested):
    assert sentence(untested, "score").startswith("No rows were kept for a test: over 3 folds with 150 rows")
    assert all("on_folds" in name or name in ("log_loss_nested", "optimism") for name in headline(untested))
    for text in (summary_text(untested), five_lines(untested), markdown(untested)):
        assert "no test" in text or "No rows were kept for a test" in text or "no rows were kept" in text
    assert any(one["command"] == "espalier set split.test=0.2" for one in next_steps(untested))


def test_headline_is_flat_numbers_with_intervals_of_the_gains(binary, regression, untested):
    for scores in (binary, regression, untested):
        found = headline(scores)
        assert len(found) <= 24
        gains = [name for name in found if name.startswith("gain") and not name.endswith(("_low", "_high"))]
        assert gains
        assert all(found[f"{name}_low"] <= found[name] <= found[f"{name}_high"] for name in gains)
        assert all(isinstance(value, int | float) for value in found.values())
    assert headline(binary)["rows_test"] == 113


def test_planted_worries(binary):
    failed = {"trials": 10, "complete": 6, "pruned": 0, "failed": 4, "causes": {"diverged": 4}, "last_gain": 1}
    scores = planted(binary, searched={"search": failed}, confusion__counts=[[76, 0], [37, 0]])
    scores["members"][0]["fold_scores"] = [0.99, 0.99, 0.60]
    scores["importance"] = [
        {"column": "worst area", "value": 0.4, "low": 0.3, "high": 0.5},
        {"column": "a", "value": 0.01, "low": 0.0, "high": 0.02},
        {"column": "b", "value": 0.0, "low": -0.01, "high": 0.02},
    ]
    found = {one["word"]: one for one in worries(scores)}
    assert found["failures"]["sentence"] == "4 of 10 trials of search failed, 4 of them: diverged."
    assert found["never_called"]["sentence"] == "No row is ever called “malignant”; 37 are."
    assert "Fold 2" in found["uneven_folds"]["sentence"]
    assert "worst area carries 98 %" in found["one_column"]["sentence"]
    severities = [one["severity"] for one in worries(scores)]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_nothing_wrong_no_worry(binary):
    assert [one for one in worries(binary) if one["severity"] != "note"] == []


def test_a_tie_is_a_difference_within_noise():
    assert is_tie([0.80, 0.82, 0.81], [0.81, 0.80, 0.82])
    assert not is_tie([0.80, 0.82, 0.81], [0.70, 0.72, 0.711])
    assert not is_tie([0.8], [0.8])


def test_the_simpler_model_is_offered_only_when_it_ties_and_there_are_several(binary):
    assert any("alone is as good" in one["sentence"] for one in next_steps(binary))
    scores = planted(binary)
    scores["single"]["tie"] = False
    assert not any("alone is as good" in one["sentence"] for one in next_steps(scores))


@pytest.mark.parametrize("width", [80, 96])
def test_the_summary_keeps_its_width_and_shows_no_test_score_of_a_member(binary, width):
    text = summary_text(binary, width)
    assert max(map(len, text.splitlines())) <= width
    assert "nan" not in text
    assert "ensemble" in text
    for name in ("mlp-7", "xgboost-3"):
        line = next(line for line in text.splitlines() if f" {name} " in line)
        tested = binary["scores"][name]["roc_auc"]["value"]
        assert f"{tested:.4f}" not in line
    assert len(five_lines(binary).splitlines()) <= 5
    assert "| guessing |" in markdown(binary)
