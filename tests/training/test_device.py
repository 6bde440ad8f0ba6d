"""Where networks are trained, and what the trainer needs to be there."""

import subprocess
import sys

import pytest
import torch
from training_case import example

from components.core.errors import UserMistake
from components.metrics import get
from components.training import device
from components.training.device import Place, choose, make_ready
from components.training.evaluate import NetworkEvaluate


def test_without_a_driver_auto_is_the_processor_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "DRIVER", tmp_path / "none")
    assert choose("auto").device == "cpu"
    assert str(choose("auto")) == "on the processor: there is no NVIDIA driver here"
    assert str(choose("cpu")) == "on the processor: params.yaml says device: cpu"
    with pytest.raises(UserMistake, match=r"device is cuda, and there is no NVIDIA driver here\. Write device: auto"):
        choose("cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is one")
def test_a_driver_without_a_gpu_is_no_crash(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "DRIVER", tmp_path)
    assert "finds no GPU" in choose("auto").why
    make_ready("cpu")
    assert torch.get_num_threads() == 1


def test_the_trainer_runs_without_optuna_prefect_dvc_and_xgboost(tmp_path):
    code = f"""
import sys
for name in ("optuna", "prefect", "dvc", "xgboost"):
    sys.modules[name] = None
sys.path.insert(0, "tests/training")
from pathlib import Path
from training_case import candidate, example, folds_of
from components.core.deadlines import NEVER
from components.training.evaluate import begin
from components.training.tasks import Task, Work
import components.augmentation.images, components.augmentation.copies
folder = Path({str(tmp_path)!r})
(folder / "resting").mkdir()
table = example("wine")
work = Work(table=table, folds=folds_of(table, 2), metric="log_loss", seed=0, device="cpu", deadline=NEVER,
            checkpoint=folder, resting=folder / "resting")
print(begin(work)(Task(candidates=(candidate(0, training={{"epochs": 2}}),), until=None)).by_number[0].outcome.state)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout.strip() == "complete", found.stderr


def test_the_line_says_how_networks_are_trained_there():
    here = Place(device="cpu", why="there is no NVIDIA driver here")
    assert here.line(["float32"], None) == str(here)
    assert here.line(["bfloat16", "tf32"], None) == f"{here}; bfloat16 only rounds here; tf32 is float32 here"
    there = Place(device="cuda", why="H200 was found")
    how = "one process, networks of one structure together; steps are"
    assert there.line([], None) == f"on the GPU: H200 was found; {how} CUDA graphs; products in float32"
    assert "kernel by kernel, because of this; products in tf32" in there.line(["tf32"], "of this")


def test_the_search_tells_why_steps_are_no_graphs():
    table, told = example("wine"), []
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=0, tell=told.append)
    evaluate._place = Place(device="cuda", why="of a test")
    evaluate._hear("of this")
    evaluate._hear("of this")
    assert told == [evaluate.line]
    assert "because of this" in evaluate.line
