"""Training that does not fit the task is told by `check` where the file says the task, else when the stage begins."""

import subprocess
import sys

import pytest

from components.core.errors import UserMistake
from components.core.ranges import Choice, Fixed
from components.project.check import find_mistakes
from components.project.params import FILE
from components.project.search_section import SearchSpec
from components.project.space import space_of
from components.training.fitting import fitted

TEXT = """\
seconds: 600
seed: 0
metric: auto
ingest: {source: customers.csv}
validate: {target: churned, task: TASK}
split: {}
augment: {}
search: {training: TRAINING}
boosting: {}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""


def told(root, task, training, top=""):
    (root / FILE).write_text(top + TEXT.replace("TASK", task).replace("TRAINING", training))
    return [(one.line, one.doubt, str(one)) for one in find_mistakes(root, with_data=False)]


REFUSED = [
    ("regression", "loss: focal", "loss is focal, and the target is a number. Write auto, or one of mse, mae, huber"),
    ("binary", "loss: {kind: quantile, level: 0.9}", "loss is quantile, and the target is a class. Write auto, or one"),
    ("multiclass", "loss: {choose: [auto, huber]}", "loss is huber, and the target is a class."),
    ("regression", "class_weights: {choose: [none, balanced]}", "class_weights is balanced, and the target is a numb"),
]


@pytest.mark.parametrize(("task", "training", "sentence"), REFUSED)
def test_what_does_not_fit_is_a_mistake_with_its_line(tmp_path, task, training, sentence):
    ((line, doubt, text),) = told(tmp_path, task, f"{{{training}}}")
    assert (line, doubt) == (8, False)
    assert text.startswith(f"search.training.{sentence}")
    assert told(tmp_path, "auto", f"{{{training}}}") == []  # only the data know the task


@pytest.mark.parametrize(
    ("task", "training"),
    [
        ("regression", "{}"),
        ("regression", "{loss: {kind: huber, delta: {low: 0.1, high: 2.0}}}"),
        ("regression", "{loss: {choose: [auto, mae, {kind: quantile, level: 0.5}]}, label_smoothing: 0.0}"),
        ("regression", "{label_smoothing: {choose: [0.0, 0.1]}}"),  # our own default, written out by init
        ("binary", "{loss: {choose: [cross_entropy, focal, mse]}, class_weights: balanced, label_smoothing: 0.1}"),
    ],
)
def test_what_fits_is_let_through(tmp_path, task, training):
    assert told(tmp_path, task, training) == []


@pytest.mark.parametrize("written", ["0.1", "{low: 0.0, high: 0.2}", "{choose: [0.0, 0.3]}"])
def test_smoothing_the_labels_of_a_number_is_a_doubt(tmp_path, written):
    ((line, doubt, text),) = told(tmp_path, "regression", f"{{label_smoothing: {written}}}")
    assert (line, doubt) == (8, True)
    assert text.startswith("search.training.label_smoothing has no effect: the target is a number")


@pytest.mark.parametrize(
    ("precision", "what"),
    [
        ("tf32", "has no effect: device is cpu, where tf32 is float32."),
        ("bfloat16", "saves no time: device is cpu, where bfloat16 only rounds."),
        ("{choose: [float32, bfloat16]}", "saves no time: device is cpu"),
    ],
)
def test_a_precision_that_only_a_gpu_gains_from_is_a_doubt_on_the_processor(tmp_path, precision, what):
    ((_, doubt, text),) = told(tmp_path, "binary", f"{{precision: {precision}}}", top="device: cpu\n")
    assert doubt
    assert text.startswith(f"search.training.precision {what}")
    assert told(tmp_path, "binary", f"{{precision: {precision}}}") == []


def test_a_stage_refuses_what_check_could_not_know_and_searches_no_smoothing_of_numbers():
    space = space_of(SearchSpec(training={"loss": {"choose": ["auto", {"kind": "huber", "delta": 0.5}]}}))
    training = space.fields["training"]
    with pytest.raises(UserMistake, match=r"params.yaml: search.training.loss is huber, and the target is a class\."):
        fitted(training, "multiclass")
    assert isinstance(training.fields["label_smoothing"], Choice)
    found = fitted(training, "regression")
    assert found.fields["label_smoothing"] == Fixed(value=0.0)
    assert {**found.fields, "label_smoothing": 0} == {**training.fields, "label_smoothing": 0}
    plain = space_of(SearchSpec()).fields["training"]
    assert fitted(plain, "binary") is plain


def test_settings_are_judged_without_torch():
    code = (
        "import sys, components.training.fitting as it; from components.project.search_section import SearchSpec;"
        "from components.project.space import space_of;"
        "it.fitted(space_of(SearchSpec()).fields['training'], 'regression'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
