"""Which candidates may share a population: those whose networks have the same shapes and the same step.

What differs inside a population is a number per row: learning rate, decay, betas, a loss's number, dropout, smoothing,
weights of classes, longest gradient, warm-up, schedule, epochs, seed, fold. What is one for all: kinds, and switches
(Nesterov, AMSGrad, centered), which decide how many states an optimizer has and what its kernels compute.
"""

import json
from typing import Any

from components.core.contracts import JSON
from components.core.specs import Spec
from components.networks.registry import read_spec
from components.training.spec import TrainingSpec


def structure(spec: JSON) -> str:
    """Return a text that is equal for two candidates exactly when they may train in one population."""
    training = TrainingSpec.model_validate(spec["training"])
    shared = {
        "network": _shape(read_spec(spec["network"])),
        "preprocess": spec["preprocess"],
        "batch_size": training.batch_size,
        "optimizer": _kind_and_switches(training.optimizer),
        "loss": _kind_and_switches(training.loss),
        "precision": training.precision,
        "averaging": _kind_and_switches(training.averaging),
    }
    return json.dumps(shared, sort_keys=True)


def _shape(spec: Spec) -> dict[str, Any]:
    """Return what the rows of a population have in common, of settings of a part (`numbers`) as well."""
    own: frozenset[str] = getattr(type(spec), "per_row", frozenset())
    parts = {name: value for name, value in spec if name not in own}
    return {name: _shape(value) if isinstance(value, Spec) else value for name, value in parts.items()}


def _kind_and_switches(technique: Spec | str) -> str | dict[str, str | bool]:
    if isinstance(technique, str):
        return technique
    return {name: value for name, value in technique if name == "kind" or isinstance(value, bool)}
