"""Training of networks on pictures: the same settings as for tables, with what is searched narrowed to what works.

Fewer epochs and smaller batches than for tables, one-cycle or cosine rates (Smith and Topin 2019; the usual CIFAR
recipes): a network on pictures costs a hundred times more, and few trials have to do.
"""

from typing import Annotated, Literal

from pydantic import Field

from components.core.specs import setting
from components.training.optimizers import AdamW, Optimizer
from components.training.schedules import OneCycle, Schedule
from components.training.spec import TrainingSpec


class PictureTraining(TrainingSpec):
    """How a network is trained on pictures."""

    epochs: int = setting(40, "passes over the pictures, at most", ge=1)
    batch_size: Annotated[int, Field(ge=1)] | Literal["full"] = setting(
        64, "full = batch training, 1 = stochastic", search={"choose": [64, 128]}
    )
    optimizer: Optimizer = setting(
        AdamW(),
        "also rmsprop, adam, adagrad",
        search={
            "choose": [
                {
                    "kind": "adamw",
                    "lr": {"low": 5.0e-4, "high": 2.0e-2, "log": True},
                    "weight_decay": {"low": 1.0e-5, "high": 0.1, "log": True},
                },
                {
                    "kind": "sgd",
                    "lr": {"low": 0.01, "high": 0.5, "log": True},
                    "momentum": 0.9,
                    "nesterov": True,
                    "l2": 5.0e-4,
                },
            ]
        },
        discriminator="kind",
    )
    schedule: Schedule = setting(
        OneCycle(),
        "also constant, step, exponential, cyclical, coslog4, flat_cosine",
        search={"choose": ["one_cycle", "cosine"]},
        discriminator="kind",
    )
    label_smoothing: float = setting(
        0.0, "share of a label spread over all classes", search={"choose": [0.0, 0.05]}, ge=0, lt=1
    )
