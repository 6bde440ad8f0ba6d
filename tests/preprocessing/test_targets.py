"""How the target of a regression is learned, and that it comes back; that the setting reaches networks and boosters."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components import metrics
from components.core.contracts import Candidate, Fold
from components.core.deadlines import Deadline
from components.core.ranges import Choice, Fixed
from components.core.table import ColumnSchema, Schema, Table
from components.data.preprocessing.spec import NetworkPreprocess, TreePreprocess
from components.data.preprocessing.suited import suited
from components.data.preprocessing.target import TargetScaler
from components.ensembles.boosting import BoosterStopping
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.ensembles.boosting_member import load_booster
from components.project.boosting_section import BoostingSpec
from components.project.check import find_mistakes
from components.project.params import FILE
from components.project.search_section import SearchSpec
from components.project.space import space_of
from components.training.prepared import Preparer

LEARNED = ("none", "standard", "log", "quantile")
numbers = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6), st.sampled_from([1e30, -1e30, 1e-310]))


@settings(max_examples=100, deadline=None)
@given(values=st.lists(numbers, min_size=1, max_size=60), learned=st.sampled_from(LEARNED))
def test_any_target_is_finite_keeps_its_order_and_comes_back(values, learned):
    values_n = np.array(values)
    scaler = TargetScaler.load(TargetScaler.fit(values_n, learned).state())
    made = scaler.transform(values_n)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    order = np.argsort(values_n)
    assert (np.diff(made[order]) >= 0).all()
    assert np.isfinite(scaler.inverse(np.array([-1e6, 1e6]))).all()


@pytest.mark.parametrize("learned", LEARNED)
def test_a_target_comes_back_in_its_own_units(learned):
    values_n = np.random.default_rng(0).lognormal(3, 1.5, 2000)
    scaler = TargetScaler.fit(values_n, learned)
    made = scaler.transform(values_n)
    assert abs(made.mean()) < 0.01
    assert made.std() == pytest.approx(1, abs=0.02)
    inside = np.argsort(values_n)[:-30]  # beyond the last quantiles lines are long
    np.testing.assert_allclose(scaler.inverse(made)[inside], values_n[inside], rtol=1e-4)
    assert scaler.inverse(made[None, :, None]).shape == (1, 2000, 1)


def test_log_makes_sizes_equal_on_both_sides_of_zero():
    values_n = np.array([-1000.0, -10.0, 0.0, 10.0, 1000.0])
    made = TargetScaler.fit(values_n, "log").transform(values_n)
    np.testing.assert_allclose(made, -made[::-1], atol=1e-6)
    assert made[3] / made[4] == pytest.approx(np.log(11) / np.log(1001), rel=1e-5)


@pytest.mark.parametrize("learned", ["log", "quantile"])
def test_what_a_curve_would_stretch_is_held_within_the_fit_rows(learned):
    scaler = TargetScaler.fit(np.array([1.0, 10.0, 100.0, 1000.0]), learned)
    np.testing.assert_allclose(scaler.inverse(np.array([-50.0, 50.0])), [1.0, 1000.0], rtol=1e-5)


def test_equal_values_get_their_middle_rank():
    made = TargetScaler.fit(np.array([0.0] * 8 + [1.0, 2.0]), "quantile").transform(np.array([0.0]))
    assert -0.5 < made[0] < 0  # ranks 0 to 7 of ten: a little below the middle


@pytest.mark.parametrize(
    ("section", "spec", "usual"), [(SearchSpec, NetworkPreprocess, "standard"), (BoostingSpec, TreePreprocess, "none")]
)
def test_no_search_spends_trials_on_how_a_class_is_learned(section, spec, usual):
    space = space_of(section(preprocess={"target": {"choose": [usual, "log"]}}))
    assert suited(space, "binary", spec).fields["preprocess"].fields["target"] == Fixed(value=usual)
    kept = suited(space, "regression", spec).fields["preprocess"].fields["target"]
    assert isinstance(kept, Choice)


@pytest.mark.parametrize("word", ["search", "boosting"])
def test_check_doubts_how_a_class_is_to_be_learned(tmp_path, word):
    def told(task, target):
        sections = {"ingest": "{source: a.csv}", "validate": f"{{target: y, task: {task}}}"}
        sections[word] = f"{{preprocess: {{target: {target}}}}}"
        names = ("split", "augment", "search", "boosting", "bagging", "stacking", "evaluate", "export")
        lines = [f"{name}: {sections.get(name, '{}')}" for name in ("ingest", "validate", *names)]
        (tmp_path / FILE).write_text("\n".join(["seconds: 60", "seed: 0", "metric: auto", *lines]) + "\n")
        return [(one.doubt, str(one)) for one in find_mistakes(tmp_path, with_data=False)]

    ((doubt, text),) = told("binary", "log")
    assert doubt
    assert text.startswith(f"{word}.preprocess.target has no effect: the target is classes")
    assert (
        told("regression", "log") == told("auto", "log") == told("binary", "standard" if word == "search" else "none")
    )


def prices(num_rows=120):
    random = np.random.default_rng(0)
    size = random.normal(size=num_rows)
    frame = pd.DataFrame({"size": size, "price": np.exp(3 + 2 * size + 0.1 * random.normal(size=num_rows))})
    columns = (ColumnSchema(name="size", kind="numeric", use="feature", missing=False),)
    target = ColumnSchema(name="price", kind="numeric", use="target")
    schema = Schema(table="-", task="regression", target="price", classes=(), columns=(*columns, target))
    rows = np.arange(num_rows)
    return Table.of(schema, frame), Fold(number=0, fit_rows=rows[:80], score_rows=rows[80:])


def test_networks_learn_the_curve():
    table, fold = prices()
    preparer = Preparer(table, [fold], 0, torch.device("cpu"))
    found = {}
    for learned in ("standard", "log", "quantile"):
        prepared = preparer.prepare(NetworkPreprocess(target=learned))
        found[learned] = prepared.resident.y_M[:80].numpy()
        scaler = prepared.folds[0].scaler
        np.testing.assert_allclose(scaler.inverse(found[learned]), table.target()[:80], rtol=1e-3)
        assert prepared.folds[0].truth_n.tolist() == table.target()[80:].tolist()  # metrics stay in own units
    assert found["standard"].max() > 3 > found["log"].max()
    assert not np.array_equal(found["log"], found["quantile"])


def test_boosters_learn_the_curve_and_keep_it(tmp_path):
    table, fold = prices()
    evaluate = BoosterEvaluate(
        table=table, metric=metrics.get("rmse"), seed=0, cores=1, stopping=BoosterStopping(patience=5)
    )
    specs = [{"trees": {"rounds": 20}, "preprocess": {"target": word}} for word in ("none", "log", "quantile")]
    candidates = [Candidate(number=number, spec=spec, structure="-") for number, spec in enumerate(specs)]
    deadline = Deadline()
    outcomes = list(
        evaluate(iter([candidates]), [fold], report=lambda *_: frozenset(), deadline=deadline, checkpoint=tmp_path)
    )
    assert [outcome.state for outcome in outcomes] == ["complete"] * 3
    scalers = [load_booster(outcome.folder).parts[0].model.scaler for outcome in outcomes]
    assert [(one.held is not None, one.quantiles_q is not None) for one in scalers] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    values = [load_booster(outcome.folder).predict(table, fold.score_rows) for outcome in outcomes]
    assert all(np.corrcoef(one[:, 0], table.target()[80:])[0, 1] > 0.5 for one in values)
    assert not np.array_equal(values[0], values[1])
