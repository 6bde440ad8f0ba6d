"""Memory: what a row takes is known beforehand; where there is too little, less is tried, and then a row fails."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from test_every_network import SMALL, data_of, rows_of, striped
from training_case import begin, candidate, example, folds_of, never

from components.core.deadlines import Deadline
from components.networks.network import Inputs
from components.networks.registry import KINDS, read_spec
from components.training import worker
from components.training.group_run import GroupRun
from components.training.memory import Need, peak, probe
from components.training.population import Population, Row
from components.training.room import last_level_cache, rows_that_fit
from components.training.spec import TrainingSpec
from components.training.tasks import Task, Work

CPU = torch.device("cpu")
WIDER = {"mlp": {"width": 64}, "cnn": {"filters": 8}, "rnn": {"width": 32}, "lstm": {"width": 32}, "gru": {"width": 32}}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_bytes_of_eight_rows_are_predicted_within_a_tenth(kind):
    data = data_of(kind)
    spec = read_spec({"kind": kind, **SMALL.get(kind, {}), **WIDER.get(kind, {})})
    network = spec.build(Inputs(shape=data.shape), 2)
    row = Row(candidate=0, fold=0, seed=0, network=spec, training=TrainingSpec(batch_size=32))
    need = probe(network, row, data, "cross_entropy")

    def eight():
        population = Population(network, [replace(row, candidate=n) for n in range(8)], data, "cross_entropy")
        population.stepper.begin_epoch(0)
        population.stepper.step(0)
        return population

    assert need.per_row > 4 * 4 * network.parameters.num_values  # weights, gradients and two moments at least
    assert need.of(8) == pytest.approx(peak(eight, CPU), rel=0.1)


def test_members_take_memory_each():
    data = data_of("tabm")
    needs = []
    for members in (4, 16):
        spec = read_spec({"kind": "tabm", "members": members, "width": 64})
        row = Row(candidate=0, fold=0, seed=0, network=spec, training=TrainingSpec(batch_size=64))
        needs.append(probe(spec.build(Inputs(shape=data.shape), 2), row, data, "cross_entropy").per_row)
    assert needs[1] > 3 * needs[0]


def test_as_many_rows_as_the_cache_takes_but_all_folds_of_a_candidate():
    small, large = Need(fixed=0, per_row=100_000), Need(fixed=0, per_row=10**9)
    assert rows_that_fit(small, CPU, 5) == last_level_cache() // 2 // 100_000
    assert rows_that_fit(large, CPU, 5) == 5


def test_a_batch_in_pieces_descends_as_the_whole_one():
    rows, data = rows_of("mlp", (3, 3)), striped()
    rows = [
        replace(
            row,
            network=read_spec({"kind": "mlp", "layers": 1, "width": 16}),
            training=TrainingSpec(epochs=4, batch_size=61, early_stopping="none", optimizer={"kind": "sgd"}),
        )
        for row in rows
    ]
    (whole,) = begin(rows, data, 2, "cross_entropy")
    cut = Population(whole.network, rows, data, "cross_entropy", parts=2)
    for population in (whole, cut):
        assert population.train(3, never)
    torch.testing.assert_close(whole.parameters_KP, cut.parameters_KP, rtol=1e-4, atol=1e-6)
    assert not torch.equal(whole.parameters_KP, cut.parameters_KP)


@pytest.fixture
def at_work(tmp_path):
    table = example("wine")
    (tmp_path / "resting").mkdir()
    work = Work(
        table=table,
        folds=folds_of(table, 3),
        metric="log_loss",
        seed=0,
        device="cpu",
        deadline=Deadline(),
        checkpoint=tmp_path,
        resting=tmp_path / "resting",
    )
    return worker.Worker(work)


class Short(GroupRun):
    """A machine on which only so many rows, cut into at least so many pieces, have room."""

    rows, parts = 1, 1
    tried = ()

    def __init__(self, runs, scoring, *, most_rows, parts=1, resting=()):
        Short.tried += ((len(runs), most_rows, parts),)
        if most_rows > Short.rows or parts < Short.parts:
            raise MemoryError
        super().__init__(runs, scoring, most_rows=most_rows, parts=parts, resting=resting)


@pytest.mark.parametrize(("rows", "parts"), [(2, 1), (1, 4), (0, 1)])
def test_less_is_tried_before_a_row_fails(at_work, monkeypatch, rows, parts):
    monkeypatch.setattr(worker, "GroupRun", Short)
    monkeypatch.setattr(worker, "rows_that_fit", lambda *_: 8)
    Short.rows, Short.parts, Short.tried = rows, parts, ()
    task = Task(candidates=(candidate(0), candidate(1)), until=None)
    answers = at_work.answer(task).by_number
    states = {(answer.outcome.state, answer.outcome.cause) for answer in answers.values()}
    assert sorted(answers) == [0, 1]
    if rows:
        assert states == {("complete", None)}
        assert Short.tried[-1] == (2, rows, parts)
        tried = [most for _, most, _ in Short.tried]
        assert tried == sorted(tried, reverse=True)
        assert {answer.outcome.facts.get("batch_pieces", 1) for answer in answers.values()} == {parts}
        assert at_work.answer(task).rows == rows  # what was found out is told, and not tried again
        assert Short.tried[-1] == Short.tried[-2]
    else:
        assert states == {("failed", "out_of_memory")}
        assert Short.tried[:4] == ((2, 8, 1), (2, 4, 1), (2, 2, 1), (2, 1, 1))
        assert (1, 1, worker.MOST_PARTS) in Short.tried


def test_a_probe_does_not_import_a_compiler():
    code = """
import sys, torch
from components.training.memory import peak
work = lambda: torch.zeros(1000).exp()
assert peak(work, torch.device("cpu")) == 8000, "both are alive for a moment"
print("sympy" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
