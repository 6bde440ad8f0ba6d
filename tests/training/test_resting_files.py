"""What rests comes back as it was, also out of a file that was written over."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import DiskFullError
from components.training import resting_files

KINDS = (torch.float64, torch.int64, torch.float32, torch.float16, torch.uint8)
SHAPES = st.lists(st.integers(0, 5), max_size=3)
STATES = st.dictionaries(st.text("abc_. 0", min_size=1), st.tuples(st.sampled_from(KINDS), SHAPES), min_size=1)


@given(st.lists(STATES, min_size=1, max_size=4))
def test_states_of_any_shapes_and_numbers_come_back(described):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "00001-2.safetensors"
        for one in described:
            state = {name: torch.rand(shape).mul(9).to(kind) for name, (kind, shape) in one.items()}
            path.unlink(missing_ok=True)  # forgotten: the next is written over it
            resting_files.write(state, [path])
            (found,) = resting_files.read([path])
            assert found.keys() == state.keys()
            for name, part in state.items():
                assert found[name].dtype == part.dtype
                assert torch.equal(found[name], part)
            del found
        assert len(list(Path(folder).glob(".*"))) == 1


def test_a_file_that_somebody_still_needs_is_left_alone(tmp_path):
    one, two, three = (tmp_path / f"0000{number}-2.safetensors" for number in range(3))
    resting_files.write({"a": torch.arange(3)}, [one, two])
    one.unlink()
    resting_files.write({"a": torch.arange(9)}, [three])
    assert [found["a"].tolist() for found in resting_files.read([two, three, two])] == [[0, 1, 2], list(range(9))]


def test_a_full_disk_is_said_plainly(tmp_path, monkeypatch):
    monkeypatch.setattr(resting_files, "_pieces", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no space")))
    with pytest.raises(DiskFullError, match="disk full"):
        resting_files.write({"a": torch.arange(3)}, [tmp_path / "00000-2.safetensors"])


def test_another_process_has_files_of_its_own(tmp_path, monkeypatch):
    resting_files.write({"a": torch.arange(3)}, [tmp_path / "00000-2.safetensors"])
    (tmp_path / "00000-2.safetensors").unlink()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    resting_files.write({"a": torch.arange(3)}, [tmp_path / "00001-2.safetensors"])
    assert len(list(tmp_path.glob(".*"))) == 2
