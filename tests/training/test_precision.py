"""Products in bfloat16: another step, the same answers afterwards, and the same bits in any company."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_every_network import EVERY, data_of, inputs_of, rows_of
from test_network_evaluate import in_process
from training_case import candidate, example, folds_of, grown, same

from components.networks import products
from components.project.search_section import SearchSpec
from components.project.space import space_of
from components.search.space_file import space_text
from components.search.study import study_key
from components.training.member import load_network
from components.training.tasks import Task


def of(rows, precision):
    return [replace(row, training=row.training.model_copy(update={"precision": precision})) for row in rows]


@pytest.mark.parametrize("kind", EVERY)
def test_bfloat16_is_near_float32_and_the_same_in_any_company(kind):
    data, rows = data_of(kind), rows_of(kind, (2, 4))
    exact = grown(rows, data, 2, inputs=inputs_of(kind))
    stacked = grown(of(rows, "bfloat16"), data, 2, inputs=inputs_of(kind))
    for key, model in stacked.items():
        assert not torch.equal(model.best_P, exact[key].best_P)
        first, other = model.judgement.validation[0], exact[key].judgement.validation[0]
        assert abs(first - other) < 0.05
    alone = grown(of(rows[:1], "bfloat16"), data, 2, inputs=inputs_of(kind))
    for key, model in alone.items():
        assert same(model, stacked[key])
    assert not products.rounds()


def test_tf32_is_float32_without_a_gpu():
    data, rows = data_of("cnn"), rows_of("cnn", (2, 4))
    exact = grown(rows, data, 2)
    for key, model in grown(of(rows, "tf32"), data, 2).items():
        assert same(model, exact[key])


def test_a_product_is_one_of_rounded_factors_summed_in_float32_and_rounded():
    a, b = torch.randn(2, 3, 40), torch.randn(2, 40, 5)
    small_a, small_b = (part.bfloat16().double() for part in (a, b))
    with products.made_in("bfloat16"):
        found = products.bmm(a, b)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.bmm(small_a, small_b).float(), rtol=2**-8, atol=1e-6)
    assert torch.equal(found, found.bfloat16().float())
    assert torch.equal(products.bmm(a, b), torch.bmm(a, b))


def test_an_error_leaves_no_rounding_behind():
    with pytest.raises(RuntimeError, match="on the way"), products.made_in("bfloat16"):
        raise RuntimeError("on the way")
    assert not products.rounds()


def test_a_member_says_its_precision_and_answers_in_float32(tmp_path):
    table = example("wine")
    folds = folds_of(table, 3)
    answers = []
    for name, precision in (("a", "bfloat16"), ("b", "bfloat16"), ("c", "float32")):
        folder = tmp_path / name
        folder.mkdir()
        one = candidate(0, training={"precision": precision})
        answer = in_process(folder, table, folds)(Task(candidates=(one,), until=None))
        member = load_network(answer.outcome.folder)
        assert member.spec["training"]["precision"] == precision
        own = replace(member, folds=member.folds[:1])
        fold = own.folds[0]
        np.testing.assert_allclose(own.predict(table, fold.oof.rows_n), fold.oof.values_nC, rtol=0, atol=1e-6)
        answers.append(member.oof.values_nC)
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])
    plain, rounded = (candidate(0, training={"precision": word}).structure for word in ("float32", "bfloat16"))
    assert plain != rounded


def test_another_precision_is_another_study():
    keys = set()
    for precision in ("float32", "tf32", "bfloat16"):
        space = space_of(SearchSpec(training={"precision": precision}))
        keys.add(study_key("search", {"space": space_text(space, "")}))
    assert len(keys) == 3
