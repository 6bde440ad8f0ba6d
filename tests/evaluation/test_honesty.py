"""Optimism of a search, the gain over the default, the threshold, and members that answer once."""

from dataclasses import replace

import numpy as np
import pytest
from evaluation_case import make_case, material_of, told_about, view_of

from components.core.errors import UserMistake
from components.evaluation.complete import complete, headline
from components.evaluation.honesty import honesty_of
from components.evaluation.judge import judge
from components.evaluation.material import Searched, Trial, searched_facts
from components.evaluation.remembered import Remembered
from components.evaluation.report.page import render
from components.evaluation.report.sections_honest import gains, honest, pareto
from components.evaluation.spec import EvaluateSpec


def trials(scores):
    return tuple(
        Trial(number=n, state="complete", cause="", message="", score=sum(one) / len(one), params={}, fold_scores=one)
        for n, one in enumerate(scores)
    )


def material_with(case, scores, **stacked):
    known = material_of(case)
    stacking = {**known.stacking, **stacked}
    searched = Searched(trials=trials(scores), curves={}, members=())
    return replace(known, stacking=stacking, searches={"search": searched})


def test_the_best_of_pure_chance_is_all_optimism():
    rng = np.random.default_rng(0)
    scores = [tuple(row) for row in (0.5 + 0.05 * rng.normal(size=(200, 10))).tolist()]
    material = material_with(make_case(), scores, score=0.5, nested={"score": 0.5, "fold_scores": [0.5] * 3})
    for better, sign in ((True, 1), (False, -1)):
        found = honesty_of(material, greater_is_better=better)["searches"]["search"]
        assert sign * (found["best_validation"] - 0.5) > 0.03
        assert abs(found["nested"] - 0.5) < 0.06
        assert found["optimism"] == pytest.approx(sign * (found["best_validation"] - found["nested"]), abs=2e-6)
        assert found["optimism"] > 0.02


def test_a_candidate_that_is_best_on_every_fold_flatters_nobody():
    scores = [(0.7, 0.71, 0.72), (0.8, 0.82, 0.81), (0.6, 0.65, 0.7)]
    material = material_with(make_case(), scores, score=0.8, nested={"score": 0.79, "fold_scores": [0.79] * 3})
    found = honesty_of(material, greater_is_better=True)
    assert found["searches"]["search"]["optimism"] == 0
    assert (found["best_validation"], found["nested"], found["optimism"]) == (0.81, 0.79, 0.02)
    single = material_with(make_case(), scores[:1], folds=[0])
    assert honesty_of(single, greater_is_better=True)["optimism"] is None
    assert honesty_of(single, greater_is_better=True)["searches"] == {}


@pytest.fixture(scope="module")
def case():
    return make_case("breast_cancer", resamples=100)


@pytest.mark.parametrize(
    ("numbers", "said"), [((1,), "trial 1, the last one"), ((1, 4, 9), "trial 1; 2 trials after it brought no more")]
)
def test_a_trial_that_was_cut_off_is_a_gap_in_the_numbers_and_no_trial_after(case, numbers, said):
    done = trials([(0.9 - number / 100,) * 3 for number in range(10)])
    boosting = Searched(trials=tuple(done[number] for number in numbers), curves={}, members=())
    material = replace(material_of(case), searches={**material_of(case).searches, "boosting": boosting})
    told = told_about(case)
    facts = searched_facts(boosting, greater_is_better=True)
    assert (facts["trials"], facts["last_gain"], facts["last"]) == (len(numbers), 1, numbers[-1])
    scores = complete(judge(case), {**told, "searched": {**told["searched"], "boosting": facts}})
    assert f"The best booster came in {said}" in render(replace(view_of(case, scores), material=material))


@pytest.mark.parametrize("test", [True, False])
def test_the_gain_over_the_default_is_paired(test):
    case = make_case("breast_cancer", test=test, resamples=100)
    begun = replace(case, default=case.members["xgboost-3"])
    scores = complete(judge(begun), told_about(begun))
    gain = scores["gains"]["default"]
    metric = scores["facts"]["metric"]
    alone = scores["scores"]["xgboost-3"][metric]["value"]
    assert scores["facts"]["default"] == "xgboost-3"
    assert scores["scores"]["default"][metric]["value"] == alone
    assert gain["value"] == pytest.approx(scores["score"]["value"] - alone, abs=2e-6)
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert f"gain_over_default{'' if test else '_on_folds'}_low" in headline(scores)
    page = render(view_of(begun, scores))
    assert "over the default configuration (xgboost-3, untuned)" in page
    assert "default" not in complete(judge(case), told_about(case))["gains"]


def test_the_threshold_moves_precision_recall_and_the_confusion(case):
    found = {t: judge(replace(case, threshold=t)) for t in (None, 0.5, 0.1, 0.9)}
    assert found[None]["confusion"] == found[0.5]["confusion"]
    ensemble = {t: one["scores"]["ensemble"] for t, one in found.items()}
    assert ensemble[0.1]["recall"]["value"] > ensemble[0.9]["recall"]["value"]
    assert ensemble[0.1]["precision"]["value"] < ensemble[0.9]["precision"]["value"]
    assert ensemble[0.1]["roc_auc"] == ensemble[0.9]["roc_auc"]
    event_n = case.ensemble.predict(case.table, case.test_rows)[:, 1]
    counts = np.array(found[0.1]["confusion"]["counts"])
    assert counts[:, 1].sum() == (event_n >= np.float32(0.1)).sum()
    scores = complete(found[0.1], told_about(replace(case, threshold=0.1)))
    assert "(from a probability of 0.1 on)" in "".join(one["sentence"] for one in scores["verdict"])


def test_whose_threshold_it_is():
    assert EvaluateSpec().threshold_for("binary", 0.31) == 0.31
    assert EvaluateSpec().threshold_for("binary", None) is None
    assert EvaluateSpec(threshold=0.2).threshold_for("binary", 0.31) == 0.2
    assert EvaluateSpec().threshold_for("multiclass", None) is None
    with pytest.raises(UserMistake, match=r"evaluate\.threshold is 0\.2, but the task is regression"):
        EvaluateSpec(threshold=0.2).threshold_for("regression", None)
    for wrong in (0.0, 1.0, "half"):
        with pytest.raises(ValueError, match="threshold"):
            EvaluateSpec(threshold=wrong)


def test_a_tie_is_called_a_tie_and_the_cheaper_one_is_named(case):
    scores = complete(judge(case), told_about(case))
    assert scores["single"]["tie"] is (scores["single"]["gain"]["low"] <= 0 <= scores["single"]["gain"]["high"])
    tied = {**scores, "single": {**scores["single"], "tie": True}}
    shown = gains(view_of(case, tied))
    assert f"{scores['single']['name']} alone costs 50 % of the computing" in shown
    assert "espalier set stacking.method=best" in shown
    over = {**scores["gains"]["linear_baseline"], "low": -0.01, "high": 0.01}
    assert ">a tie<" in gains(view_of(case, {**scores, "gains": {**scores["gains"], "linear_baseline": over}}))


def test_the_page_shows_estimates_calibration_and_what_less_would_cost(case):
    scores = complete(judge(case), told_about(case))
    view = replace(view_of(case, scores), ms_of_members={"mlp-7": 0.1, "xgboost-3": 0.2})
    shown = honest(view)
    for words in ("cross-validated, nested", "optimism of the search", "Brier score", "calibration error"):
        assert words in shown
    cut = pareto(view)
    assert "best member" in cut
    assert '<td class="num">0.3</td>' in cut
    assert "–" in pareto(view_of(case, scores))


def test_members_answer_once(case):
    member = Remembered(member=case.members["mlp-7"])
    before = len(case.members["mlp-7"].asked)
    first = member.predict(case.table, case.test_rows)
    assert member.predict(case.table, case.test_rows.copy()) is first
    assert len(case.members["mlp-7"].asked) == before + 1
    assert member.ms_per_row is not None
    other = member.predict(case.table, case.test_rows[:5])
    np.testing.assert_array_equal(other, first[:5])
    assert member.rows == len(case.test_rows)
