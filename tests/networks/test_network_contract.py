"""Every kind of network keeps every promise of `network_contract.py`."""

import subprocess
import sys

import pytest
import torch
from network_contract import (
    CASES,
    CONTRACT,
    IMAGE,
    NOISE,
    SEQUENCE,
    TABLE,
    check_each_sequence_is_read_to_its_own_end,
    check_it_comes_back_from_a_file,
)
from torch_references import REFERENCES

from components.networks.registry import KINDS, spec_class

READS_LENGTHS = [case for case in CASES if case.inputs.kind == "sequence" and case.spec.kind != "mlp"]


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_every_kind_is_tried_on_all_that_it_takes():
    assert KINDS.keys() == REFERENCES.keys()
    for kind in KINDS:
        tried = {case.inputs.kind for case in CASES if case.spec.kind == kind}
        assert tried == spec_class(kind).takes
    assert {inputs.kind for inputs in (TABLE, SEQUENCE, IMAGE)} == {"table", "sequence", "image"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_is_tried_with_two_values(kind):
    """So that torch's modules say what it does. Dropout and first weights have promises of their own."""
    fields = set(spec_class(kind).model_fields) - {
        "kind",
        *NOISE,
        "initialization",
        "recurrent_initialization",
        "zero_head",
    }
    tried = {name: {getattr(case.spec, name) for case in CASES if case.spec.kind == kind} for name in fields}
    assert {name for name, values in tried.items() if len(values) < 2} == set()


@pytest.mark.parametrize("check", CONTRACT, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_contract(case, check):
    check(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_contract_of_files(case, tmp_path):
    check_it_comes_back_from_a_file(case, tmp_path)


@pytest.mark.parametrize("case", READS_LENGTHS, ids=str)
def test_contract_of_lengths(case):
    check_each_sequence_is_read_to_its_own_end(case)


def test_describing_any_network_loads_nothing_heavy():
    code = (
        "import sys; from components.networks import describe;"
        "from components.networks.network import Inputs;"
        "from components.networks.registry import KINDS, spec_class;"
        "inputs = {'table': (6,), 'sequence': (7, 5), 'image': (8, 8, 1)};"
        "inputs = {data: Inputs(shape=shape) for data, shape in inputs.items()};"
        "[describe({'kind': kind}, inputs[data], 3) for kind in KINDS for data in spec_class(kind).takes];"
        "print([name for name in ('torch', 'sklearn', 'optuna', 'prefect') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
