"""Which candidates may share a population: those whose networks have the same shapes and the same step.

What differs inside a population is a number per row: learning rate, decay, dropout, smoothing, schedule, seed, fold.
"""

import json

from components.core.contracts import JSON
from components.networks.registry import spec_class


def structure(spec: JSON) -> str:
    """Return a text that is equal for two candidates exactly when they may train in one population."""
    network, training = spec["network"], spec["training"]
    optimizer = training["optimizer"]
    per_row = spec_class(network["kind"]).per_row
    shared = {
        "network": {key: value for key, value in network.items() if key not in per_row},
        "preprocess": spec["preprocess"],
        "batch_size": training["batch_size"],
        "optimizer": optimizer if isinstance(optimizer, str) else optimizer["kind"],
        "loss": training["loss"],
        "epochs": training["epochs"],
    }
    return json.dumps(shared, sort_keys=True)
